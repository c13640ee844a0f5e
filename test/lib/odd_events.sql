-- Events for the comparison of the write paths: every outcome of every rule, every shape of a value, and
-- transactions that several events want. Makes the table odd_events(event_id, event_type, store, event_data,
-- wave); the intake is the caller's. Seeded: the same events every time.
--   named cases: 1001 ..., one to a line below, `patch` over a plain event, `gone` takes keys away
--   generated:   2001 to 2900 and, loaded before them, 5001 to 5300, which want some of their transactions
--   wave 2:      900 to 999 and 9001 to 9100: better and worse events for what is in silver by then
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.item(patch jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"product_id": "P1", "product_name": "Tea", "brand": "B", "category": "C", "qty": 2, "unit_price": 10,
             "line_amount": 20, "discount": 0}'::jsonb || patch $$;
CREATE FUNCTION pg_temp.event(id text, patch jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('transaction_id', id, 'store_id', 'S1', 'ts', '2026-01-02T03:04:05Z', 'total_amount', 20,
        'net_amount', 18.5, 'customer_id', 'C1', 'payment_method', 'card', 'items', jsonb_build_array(pg_temp.item())) || patch $$;
-- A plain event whose only line is patched.
CREATE FUNCTION pg_temp.line(patch jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('items', jsonb_build_array(pg_temp.item(patch))) $$;
CREATE TABLE odd_events (event_id bigint PRIMARY KEY, event_type text NOT NULL DEFAULT 'transaction.v1', store text NOT NULL DEFAULT '',
                         event_data jsonb NOT NULL, wave int NOT NULL DEFAULT 1);

-- One row to a case: a patch over a plain event, keys taken away, another type or store column, or a whole document.
CREATE TEMP TABLE cases (patch jsonb DEFAULT '{}', gone text[] DEFAULT '{}', type text DEFAULT 'transaction.v1',
                         store text DEFAULT '', whole jsonb, n int GENERATED ALWAYS AS IDENTITY);
-- UNKNOWN_EVENT_TYPE, and documents that are no object.
INSERT INTO cases (type) VALUES
    ('transaction.v2'), ('');
INSERT INTO cases (whole) VALUES
    ('[]'), ('"text"'), ('5'), ('null');
-- MISSING_FIELD: absent, null, blank.
INSERT INTO cases (patch) VALUES
    ('{"transaction_id": null}'), ('{"transaction_id": " "}'), ('{"total_amount": null}'), ('{"ts": null}'),
    ('{"items": null}'), (pg_temp.line('{"product_id": null}')), (pg_temp.line('{"qty": null}')),
    (pg_temp.line('{"unit_price": null}')), (pg_temp.line('{"product_id": ""}'));
INSERT INTO cases (gone) VALUES
    ('{transaction_id}'), ('{store_id}'), ('{ts}'), ('{total_amount}'), ('{items}');
INSERT INTO cases (patch, gone, store) VALUES
    ('{}', '{store_id}', 'from the column'), ('{"store_id": "  "}', DEFAULT, 'blank');
-- What may be absent: null and blank are NULL in silver, and so is the key that is not there.
INSERT INTO cases (patch) VALUES
    ('{"net_amount": null, "customer_id": null, "payment_method": null}'), ('{"customer_id": "", "payment_method": ""}'),
    ('{"customer_id": " ", "payment_method": "\t"}'),
    (pg_temp.line('{"product_name": null, "brand": "", "category": " "}')),
    (pg_temp.line('{"line_amount": null, "discount": null}')),
    (pg_temp.line('{"line_amount": null, "discount": 1.25, "unit_price": 10.625}'));
INSERT INTO cases (gone) VALUES
    ('{net_amount,customer_id,payment_method}');
-- INVALID_TYPE.
INSERT INTO cases (patch) VALUES
    ('{"transaction_id": true}'), ('{"transaction_id": {}}'), ('{"transaction_id": 1.5}'), ('{"store_id": []}'),
    ('{"ts": 1767322800}'), ('{"total_amount": "abc"}'), ('{"total_amount": "NaN"}'), ('{"total_amount": "Infinity"}'),
    ('{"total_amount": "0x14"}'), ('{"total_amount": ""}'), ('{"total_amount": [20]}'), ('{"net_amount": "x"}'),
    ('{"customer_id": {}}'), ('{"payment_method": 5}'), ('{"items": "none"}'), ('{"items": {}}'), ('{"items": ["x"]}'),
    ('{"items": [null]}'), (pg_temp.line('{"product_id": []}')), (pg_temp.line('{"product_name": 7}')),
    (pg_temp.line('{"qty": "two"}')), (pg_temp.line('{"qty": "NaN"}')), (pg_temp.line('{"discount": true}'));
-- INVALID_TIMESTAMP, and timestamps that are good.
INSERT INTO cases (patch) VALUES
    ('{"ts": "now"}'), ('{"ts": "2026-13-01T00:00:00Z"}'), ('{"ts": "2026-02-30T00:00:00Z"}'), ('{"ts": ""}'),
    ('{"ts": "infinity"}'), ('{"ts": "2026-01-02"}'), ('{"ts": "2026-01-02T03:04:05"}'),
    ('{"ts": "2026-01-02T00:04:05.123456+05:30"}'), ('{"ts": "2024-02-29T23:59:59.999999Z"}'),
    ('{"ts": "1969-12-31T23:59:59.5-08:00"}'), ('{"ts": "0001-01-01T00:00:00Z"}');
-- OUT_OF_RANGE, and the last that is in range; ids of 256 and 257 bytes, numeric and very long ones.
INSERT INTO cases (patch) VALUES
    ('{"total_amount": 123456789012345}'), ('{"total_amount": 1e200}'), ('{"total_amount": "1e30"}'),
    (pg_temp.line('{"qty": 99999999999999, "unit_price": 99999999999999, "line_amount": null}')),
    (jsonb_build_object('transaction_id', repeat('x', 257))), (jsonb_build_object('transaction_id', repeat('x', 256))),
    (jsonb_build_object('transaction_id', repeat('é', 128), 'store_id', repeat('ö', 128), 'customer_id', repeat('ü', 128))),
    (jsonb_build_object('transaction_id', repeat('é', 129))), ('{"transaction_id": 5.0}'),
    ('{"transaction_id": 12345678901234567890123456789, "store_id": 7, "customer_id": -3}'),
    ('{"transaction_id": "  padded  ", "store_id": " S "}'),
    (pg_temp.line('{"qty": 1, "unit_price": 99999999999999.9999, "line_amount": 99999999999999.9999}') || '{"total_amount": 99999999999999.9999, "net_amount": -99999999999999.9999}'),
    (pg_temp.line('{"qty": 1, "unit_price": 0.0001, "line_amount": 0.0001}') || '{"total_amount": 0.0001, "net_amount": -0.0001}');
-- Amounts: zero, minus zero, halves, tiny ones, exponents, numeric text.
INSERT INTO cases (patch) VALUES
    (pg_temp.line('{"unit_price": 0, "line_amount": 0}') || '{"total_amount": 0, "net_amount": 0}'),
    (pg_temp.line('{"unit_price": "-0", "line_amount": "-0.0"}') || '{"total_amount": "-0", "net_amount": -0}'),
    ('{"total_amount": 20.00005, "net_amount": 0.00005}'), ('{"total_amount": 20.00004, "net_amount": 1e-5}'),
    ('{"total_amount": 1.99995e1, "net_amount": "-1e-5"}'), ('{"total_amount": " 20.0 ", "net_amount": "+18.50"}'),
    ('{"total_amount": "2e1", "net_amount": "00018"}'), ('{"net_amount": 10000.0001}'), ('{"net_amount": 12340000.5}'),
    (pg_temp.line('{"qty": "2", "unit_price": "10", "line_amount": "20", "discount": "0.33335"}')),
    (pg_temp.line('{"discount": -1.5}')), (pg_temp.line('{"qty": 0.0001}')), (pg_temp.line('{"qty": 1e-9}')),
    ('{"total_amount": 20.000000000000000000000000000000000000000000000000000001}');
-- NEGATIVE_TOTAL, and one that rounds to zero.
INSERT INTO cases (patch) VALUES
    ('{"total_amount": -1}'), (pg_temp.line('{"unit_price": 0, "line_amount": 0}') || '{"total_amount": -0.00004}'),
    (pg_temp.line('{"unit_price": 0, "line_amount": 0}') || '{"total_amount": -0.00005}');
-- EMPTY_ITEMS, INVALID_LINE_ITEM, LINE_TOTAL_MISMATCH, AMOUNT_ABOVE_LIMIT, FUTURE_TIMESTAMP; two at once.
INSERT INTO cases (patch) VALUES
    ('{"items": []}'), ('{"items": [], "total_amount": 0}'), (pg_temp.line('{"qty": 0}')), (pg_temp.line('{"qty": -2}')),
    (pg_temp.line('{"unit_price": -10}')), ('{"total_amount": 30}'), ('{"total_amount": 20.5}'),
    ('{"total_amount": 20.51}'), (pg_temp.line('{"line_amount": 10000.0001}') || '{"total_amount": 10000.0001}'),
    (pg_temp.line('{"line_amount": 10000}') || '{"total_amount": 10000}'), ('{"ts": "2099-01-01T00:00:00Z"}'),
    ('{"ts": "2099-01-01T00:00:00Z", "total_amount": 10001, "items": []}'),
    ('{"total_amount": -5, "items": [], "ts": "2098-01-01T00:00:00Z"}');
-- Text: unicode in and out of the basic plane, composed and not, what COPY's text format would read otherwise.
INSERT INTO cases (patch) VALUES
    ('{"customer_id": "Ω≈ç√ 日本 😀", "payment_method": "naïve", "store_id": "\u00e9"}'), ('{"store_id": "e\u0301"}'),
    ('{"customer_id": "\\N", "payment_method": "\\."}'),
    ('{"customer_id": "a\tb\nc\rd\"e''f\\g", "payment_method": "{1,NULL}"}'),
    ('{"customer_id": "NULL", "payment_method": "null"}'), ('{"transaction_id": "Upper"}'),
    ('{"transaction_id": "upper", "customer_id": "C2"}'), (jsonb_build_object('payment_method', repeat('long ', 30000))),
    (pg_temp.line(jsonb_build_object('product_name', repeat('ñ', 70000))));
-- Lines: order, the same product twice, 500 of them, known and unknown products, ids by case.
INSERT INTO cases (patch) VALUES
    (jsonb_build_object('items', (SELECT jsonb_agg(pg_temp.item(jsonb_build_object('product_id', 'P' || i % 60, 'qty', i, 'unit_price', 0.04, 'line_amount', i * 0.04, 'discount', i % 3,
        'brand', CASE WHEN i % 4 = 0 THEN '' ELSE 'B' || i END)) ORDER BY i) FROM generate_series(1, 500) i), 'total_amount', 5010)),
    ('{"items": [{"product_id": "P2", "qty": 1, "unit_price": 5}, {"product_id": "P1", "qty": 1, "unit_price": 5}, {"product_id": "P2", "qty": 2, "unit_price": 5}]}'),
    ('{"items": [{"product_id": " p2 ", "qty": 1, "unit_price": 20}]}'),
    ('{"items": [{"product_id": 3, "qty": 1, "unit_price": 20, "surplus": [1]}], "surplus": {}}'),
    ('{"metadata": {"till": 4}}');
INSERT INTO odd_events (event_id, event_type, store, event_data)
SELECT 1000 + n, type, store, coalesce(whole, pg_temp.event('case ' || n, patch) - gone) FROM cases;

-- Generated: of four transactions one is wanted by several events, with other lines and other amounts.
CREATE FUNCTION pg_temp.sale(id text, n bigint) RETURNS jsonb LANGUAGE sql AS $$
    SELECT pg_temp.event(id, jsonb_build_object('store_id', 'S' || n % 7, 'customer_id', CASE WHEN n % 5 > 0 THEN 'C' || n % 40 END,
        'total_amount', sum(x.amount) * CASE WHEN n % 43 = 0 THEN -1 ELSE 1 END, 'net_amount', CASE WHEN n % 3 > 0 THEN sum(x.amount) - 0.01 END,
        'payment_method', (ARRAY['card', 'cash', NULL])[1 + n % 3], 'ts', to_char(timestamp '2026-01-01' + n * interval '97.123 s', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'items', jsonb_agg(jsonb_build_object('product_id', 'P' || (n * 7 + x.i * 11) % 80, 'qty', CASE WHEN n % 67 = 0 THEN 0 ELSE 1 + x.i % 3 END,
            'unit_price', x.amount / (1 + x.i % 3), 'line_amount', x.amount, 'discount', (n + x.i) % 5 / 10.0, 'brand', CASE WHEN (n + x.i) % 4 > 0 THEN 'B' || x.i END) ORDER BY x.i)))
    FROM (SELECT i, (1 + (n * 13 + i * 29) % 997) * (1 + i % 3) / 100.0 AS amount FROM generate_series(1, 1 + n % 6) i) x $$;
INSERT INTO odd_events (event_id, event_data)
SELECT 2000 + n, pg_temp.sale('G' || CASE WHEN n % 4 = 0 THEN n % 50 ELSE n END, n) FROM generate_series(1, 900) n;
INSERT INTO odd_events (event_id, event_data)
SELECT 5000 + n, pg_temp.sale('G' || n * 2, 10000 + n) FROM generate_series(1, 300) n;
INSERT INTO odd_events (event_id, event_data, wave)
SELECT 899 + n, pg_temp.sale('G' || n * 5, 20000 + n), 2 FROM generate_series(1, 100) n;
INSERT INTO odd_events (event_id, event_data, wave)
SELECT 9000 + n, pg_temp.sale('G' || 100 + n * 3, 30000 + n), 2 FROM generate_series(1, 100) n;
