-- event_hash(): what is the same content, and the bytes of the hash.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
-- The same business content: case and blanks of ids, 30 and 30.00, metadata, order of keys.
SELECT v.what, scout.event_hash(v.e) = scout.event_hash(pg_temp.ev('T3')) AS same
FROM (VALUES ('case', pg_temp.ev('t3')), ('blanks', pg_temp.ev(' T3 ')), ('scale', pg_temp.ev('T3', '{"total_amount": 30.00}')),
      ('metadata', pg_temp.ev('T3', '{"metadata": {"a": 1}}')),
      ('key order', (SELECT json_object_agg(k, v ORDER BY k DESC)::jsonb FROM jsonb_each(pg_temp.ev('T3')) x(k, v))),
      ('amount', pg_temp.ev('T3', '{"total_amount": 31}')), ('id', pg_temp.ev('T33')),
      ('line', pg_temp.ev('T3', '{"items": []}'))) v(what, e);
SELECT scout.event_hash('{"transaction_id": "x", "total_amount": 1.5}') = scout.event_hash('{"transaction_id": "x", "total_amount": 1.50}') AS same,
       scout.event_hash('{"a": 1}') = scout.event_hash('{"a": 1}', 'other.v1') AS type_counts,
       length(scout.event_hash('[]')) AS len, scout.event_hash(NULL) IS NULL AS strict;
-- The bytes of the hash are a promise: they are stored in user tables and in dumps.
SELECT scout.event_hash('{"transaction_id": " TX-1 ", "store_id": "S1", "customer_id": "c\t", "total_amount": -12.3400, "big": 1.5e30,
    "small": 1e-12, "zero": -0.00, "ok": true, "no": false, "none": null, "metadata": {"x": 1},
    "items": [{"product_id": " P1 ", "qty": 10000, "unit_price": 0.0500, "nested": {"product_id": " P1 ", "metadata": 1}}, [], "x", 7]}');
SELECT e AS event, scout.event_hash(e) FROM unnest('{"{}", "[]", "\"A\"", "3", "null"}'::jsonb[]) e;
SELECT scout.event_hash('{}', 'refund.v1') AS type, scout.event_hash('1e131071') AS huge, scout.event_hash('1e-16383') AS tiny;
-- Numbers of every shape by an independent way: the number's plain text, after 'transaction.v1', [, #, with their lengths.
WITH shape AS (
    SELECT (sign || digits)::numeric * 10::numeric ^ exponent AS n
    FROM unnest('{"",-}'::text[]) sign, generate_series(-41, 41) exponent,
         unnest('{0,1,10,120,9999,10000,10001,99999999,100000000,1.5,1.50,0.0001,1000.0001,12345.678900,0.00001,3.14159265358979}'::text[]) digits
), plain AS (SELECT n, convert_to(trim_scale(n)::text, 'UTF8') AS t FROM shape)
SELECT count(*) AS numbers, count(*) FILTER (WHERE scout.event_hash(to_jsonb(n)) <> substr(sha256(
    '\x0e000000'::bytea || 'transaction.v1'::bytea || '[#'::bytea || set_byte('\x00000000', 0, length(t)) || t || ']'::bytea), 1, 16)) AS wrong
FROM plain;
