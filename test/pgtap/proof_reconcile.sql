-- reconcile() over all of bronze: the proof by fingerprints finds every kind of damage that the joins
-- find, also where damages cancel each other out in counts; it is the proof that runs in normal
-- operation; and the joins run where it cannot stand.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

BEGIN;
SET LOCAL track_functions = 'all';
SELECT plan(57);
\ir ../lib/pipeline.sql

-- Events 1 to 60, one to three lines each; every tenth is rejected, the last five are not loaded.
INSERT INTO scout.bronze_events (event_id, ingested_at, event_data)
SELECT n, timestamptz '2026-01-01' + n * interval '1 minute', jsonb_build_object(
           'transaction_id', 'T' || n, 'store_id', 'S1', 'ts', '2026-01-01T00:00:00Z',
           'total_amount', CASE WHEN n % 10 = 0 THEN -1 ELSE 2 * (1 + n % 3) END,
           'items', (SELECT jsonb_agg(jsonb_build_object('product_id', 'P' || i, 'qty', 1, 'unit_price', 2, 'line_amount', 2))
                     FROM generate_series(0, n % 3) i))
FROM generate_series(1, 60) n;
SELECT count(*) AS ignored FROM scout.load_silver_from_bronze(55) \gset

-- What is not ok, and the balance. The damage of `sql` is undone.
CREATE FUNCTION pg_temp.broken_after(sql text, start_ts timestamptz DEFAULT NULL, end_ts timestamptz DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    BEGIN
        EXECUTE sql;
        SELECT coalesce(string_agg(r.check_name || '=' || r.value, ' ' ORDER BY r.n), 'ok') INTO found
        FROM scout.reconcile(start_ts, end_ts) WITH ORDINALITY r (check_name, status, value, threshold, details, n)
        WHERE r.status <> 'ok';
        RAISE EXCEPTION USING ERRCODE = 'ZZ001';
    EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
        RETURN found;
    END;
END
$$;
-- How often the joins over everything ran in this transaction: events, lines, keys.
CREATE FUNCTION pg_temp.calls(name text) RETURNS bigint LANGUAGE sql AS $$
SELECT coalesce(max(calls), 0) FROM pg_stat_xact_user_functions WHERE schemaname LIKE 'scout%' AND funcname = name
$$;

-- Normal operation: processed, dead-lettered, quarantined and pending events, a deletion that is
-- accounted for, a hint that is stale, a letter without event id. Nothing of it needs a join.
SELECT count(*) AS ignored FROM scout.quarantine_events(ARRAY[41, 42], 'drill') \gset
DELETE FROM scout.bronze_events WHERE event_id IN (10, 43, 56);
INSERT INTO scout.bronze_pending (source_system, events, event_count, min_ingested_at, max_ingested_at)
VALUES ('unknown', '{[1,3)}', 2, now(), now());
SELECT results_eq(
    $$SELECT check_name, value FROM scout.reconcile() WHERE value <> 0$$,
    $$VALUES ('bronze_events', 57::numeric), ('pending', 4), ('processed', 47), ('dead_lettered', 6),
             ('silver_without_bronze', 1), ('dead_letters_without_bronze', 1), ('bronze_deleted', 3),
             ('queue_hints_stale', 3)$$, 'all states are counted');
SELECT is(pg_temp.calls('reconcile_lines'), 0::bigint, 'the lines were proven without joins');
SELECT is(pg_temp.calls('reconcile_events'), 1::bigint, 'the events were looked at once, the exceptions only');
SELECT is(pg_temp.calls('reconcile_keys'), 1::bigint, 'the keys were looked at once, those of deletions');
SELECT is((SELECT details ->> 'held_by_silver_or_dead_letter' FROM scout.reconcile() WHERE check_name = 'keys_without_event'),
          '2', 'the keys that outlive their events are counted');
DELETE FROM scout.bronze_events_dlq WHERE event_id = 10;
DELETE FROM scout.silver_transactions WHERE source_event_id = 43;
DELETE FROM scout.silver_line_items WHERE transaction_id = 'T43';
DELETE FROM scout.bronze_event_keys WHERE event_id IN (10, 43);
TRUNCATE scout.bronze_deletions;
SELECT is(pg_temp.broken_after(''), 'ok', 'in order');

-- Damage, past the triggers.
ALTER TABLE scout.bronze_events DISABLE TRIGGER USER;
ALTER TABLE scout.bronze_events_dlq DISABLE TRIGGER USER;
SELECT is(pg_temp.broken_after(d.sql), d.expected, d.name)
FROM (VALUES
    ('a transaction lost', $$DELETE FROM scout.silver_transactions WHERE source_event_id = 4$$,
     'balance=1 events_without_state=1 lines_without_transaction=2'),
    ('a transaction lost with its lines',
     $$DELETE FROM scout.silver_transactions WHERE source_event_id = 4; DELETE FROM scout.silver_line_items WHERE transaction_id = 'T4'$$,
     'balance=1 events_without_state=1'),
    ('an event deleted without a trace', $$DELETE FROM scout.bronze_events WHERE event_id = 4$$,
     'silver_without_bronze=1'),
    ('one transaction lost and one of nowhere: the counts agree',
     $$UPDATE scout.silver_transactions SET source_event_id = 999 WHERE source_event_id = 4$$,
     'balance=1 events_without_state=1 silver_without_bronze=1'),
    ('one event lost and one doubled: the counts agree',
     $$ALTER TABLE scout.bronze_events DROP CONSTRAINT bronze_events_pkey;
       UPDATE scout.bronze_events SET event_id = 5 WHERE event_id = 4$$,
     'silver_without_bronze=1 events_without_key=1'),
    ('one transaction lost and one doubled: the counts agree',
     $$ALTER TABLE scout.silver_transactions DROP CONSTRAINT silver_transactions_source_event_id_key;
       UPDATE scout.silver_transactions SET source_event_id = 5 WHERE source_event_id = 4$$,
     'balance=1 events_without_state=1 processed_twice=1'),
    ('doubled on both sides, without unique constraints: fingerprints alone would agree',
     $$ALTER TABLE scout.silver_transactions DROP CONSTRAINT silver_transactions_source_event_id_key;
       ALTER TABLE scout.bronze_events DROP CONSTRAINT bronze_events_pkey;
       UPDATE scout.silver_transactions SET source_event_id = 5 WHERE source_event_id = 4;
       UPDATE scout.bronze_events SET event_id = 5 WHERE event_id = 4$$,
     'processed_twice=2 events_without_key=1 keys_without_event=1'),
    ('two transactions swapped between the states: the sums of ids agree',
     $$UPDATE scout.silver_transactions SET source_event_id = CASE source_event_id WHEN 4 THEN 57 ELSE 1000 END
       WHERE source_event_id IN (4, 5)$$,
     'balance=2 events_without_state=2 silver_without_bronze=1'),
    ('a transaction without lineage', $$UPDATE scout.silver_transactions SET source_event_id = NULL WHERE source_event_id = 4$$,
     'balance=1 events_without_state=1 silver_without_bronze=1'),
    ('a transaction of an older pipeline beside the others',
     $$INSERT INTO scout.silver_transactions SELECT 'old', store_id, ts, date_key, total_amount, net_amount, customer_id,
         payment_method, 0, 0, processed_at, updated_at, NULL FROM scout.silver_transactions WHERE source_event_id = 4$$,
     'silver_without_bronze=1'),
    ('a letter of a processed event',
     $$INSERT INTO scout.bronze_events_dlq (event_id, original_payload) VALUES (4, '{}')$$,
     'balance=-1 events_in_several_states=1 silver_of_dead_letters=1'),
    ('one event without state, one in two: the balance is 0',
     $$INSERT INTO scout.bronze_events_dlq (event_id, original_payload) VALUES (4, '{}');
       DELETE FROM scout.silver_transactions WHERE source_event_id = 5;
       DELETE FROM scout.silver_line_items WHERE transaction_id = 'T5'$$,
     'balance=0 events_without_state=1 events_in_several_states=1 silver_of_dead_letters=1'),
    ('a letter of no event', $$INSERT INTO scout.bronze_events_dlq (event_id, original_payload) VALUES (999, '{}')$$,
     'dead_letters_without_bronze=1'),
    ('the queue lost', $$DELETE FROM scout.bronze_pending$$, 'balance=4 events_without_state=4'),
    ('a letter lost', $$DELETE FROM scout.bronze_events_dlq WHERE event_id = 20$$, 'balance=1 events_without_state=1'),
    ('a line lost', $$DELETE FROM scout.silver_line_items WHERE transaction_id = 'T4' AND line_sequence = 1$$,
     'item_count_mismatch=1'),
    ('a line lost and another doubled: the counts agree',
     $$DELETE FROM scout.silver_line_items WHERE transaction_id = 'T4' AND line_sequence = 1;
       INSERT INTO scout.silver_line_items (transaction_id, line_sequence, product_id, quantity, unit_price, line_amount,
         discount_amount, updated_at, store_id) VALUES ('T5', 9, 'P', 1, 1, 1, 0, now(), 'S1')$$,
     'item_count_mismatch=2'),
    ('lines of one transaction under another: the counts agree',
     $$UPDATE scout.silver_line_items SET transaction_id = 'T7', line_sequence = line_sequence + 10 WHERE transaction_id = 'T4'$$,
     'transactions_without_lines=1 item_count_mismatch=1'),
    ('item counts swapped: their sum agrees',
     $$UPDATE scout.silver_transactions SET item_count = 5 - item_count WHERE transaction_id IN ('T4', 'T5')$$,
     'item_count_mismatch=2'),
    ('lines under a name that nobody has', $$UPDATE scout.silver_line_items SET transaction_id = 'T999' WHERE transaction_id = 'T4'$$,
     'transactions_without_lines=1 lines_without_transaction=2'),
    ('a negative item count with lines', $$UPDATE scout.silver_transactions SET item_count = -2 WHERE transaction_id = 'T4'$$,
     'item_count_mismatch=1'),
    ('a key lost', $$DELETE FROM scout.bronze_event_keys WHERE event_id = 4$$, 'events_without_key=1'),
    ('a key of no event', $$INSERT INTO scout.bronze_event_keys VALUES ('\x00', 999)$$, 'keys_without_event=1'),
    ('a key lost and one of no event: the counts agree',
     $$UPDATE scout.bronze_event_keys SET event_id = 999 WHERE event_id = 4$$, 'events_without_key=1 keys_without_event=1'),
    ('two keys swapped: ids and hashes agree, pairs do not',
     $$UPDATE scout.bronze_event_keys SET event_id = 9 - event_id WHERE event_id IN (4, 5)$$, 'events_without_key=2'),
    ('a hash changed in bronze', $$UPDATE scout.bronze_events SET event_hash = '\x01' WHERE event_id = 4$$, 'events_without_key=1')
) d (name, sql, expected);

-- NOT NULL that is NOT VALID, which PostgreSQL 18 brought, proves nothing of older rows.
SELECT CASE WHEN current_setting('server_version_num')::int < 180000 THEN skip('every NOT NULL is valid before PostgreSQL 18')
            ELSE is(pg_temp.broken_after($$
                ALTER TABLE scout.silver_line_items DROP CONSTRAINT silver_line_items_pkey, ALTER transaction_id DROP NOT NULL;
                INSERT INTO scout.silver_line_items (line_sequence, product_id, quantity, unit_price, line_amount, discount_amount,
                    updated_at, store_id) VALUES (9, 'P', 1, 1, 1, 0, now(), 'S1');
                ALTER TABLE scout.silver_line_items ADD CONSTRAINT known NOT NULL transaction_id NOT VALID$$),
                'lines_without_transaction=1', 'a line of no transaction, under a NOT NULL that is not valid') END;

-- Nothing that is in order breaks the sums.
SELECT is(pg_temp.broken_after($$UPDATE scout.silver_transactions SET item_count = 0 WHERE transaction_id = 'T4';
                                 DELETE FROM scout.silver_line_items WHERE transaction_id = 'T4'$$), 'ok',
          'a transaction that declares to be empty');
SELECT is(pg_temp.broken_after($$UPDATE scout.silver_transactions SET item_count = -3 WHERE transaction_id = 'T4';
                                 DELETE FROM scout.silver_line_items WHERE transaction_id = 'T4'$$), 'ok',
          'the same with a negative count');
SELECT is(pg_temp.broken_after($$TRUNCATE scout.silver_transactions, scout.silver_line_items, scout.bronze_events_dlq, scout.bronze_pending;
                                 DELETE FROM scout.bronze_events; DELETE FROM scout.bronze_event_keys$$), 'ok', 'nothing at all');
-- Windows do without fingerprints and find the same; damage outside is not theirs.
SELECT is(pg_temp.broken_after($$DELETE FROM scout.silver_transactions WHERE source_event_id = 4$$,
                               '2026-01-01 00:04', '2026-01-01 00:05'),
          'balance=1 events_without_state=1 lines_without_transaction=2', 'the window of the damage');
SELECT is(pg_temp.broken_after($$DELETE FROM scout.silver_transactions WHERE source_event_id = 4$$, '2026-01-01 00:05', '2026-01-01 00:30'),
          'ok', 'a window beside it');
SELECT is(pg_temp.broken_after('', '-infinity', 'infinity'), 'ok', 'a window without end');
SELECT is(pg_temp.broken_after($$DELETE FROM scout.bronze_event_keys WHERE event_id = 4$$, NULL, '2026-01-02'),
          'events_without_key=1', 'a window open to the past');
SELECT throws_ok($$SELECT scout.reconcile('2026-01-02', '2026-01-01')$$, '22023', NULL, 'a reversed window');
SELECT throws_ok($$SELECT scout.reconcile('infinity', '-infinity')$$, '22023', NULL, 'a reversed infinite window');
SELECT throws_ok($$SELECT scout.reconcile(now(), now())$$, '22023', NULL, 'an empty window');

-- The fingerprint itself.
SELECT is(scout_internal.fingerprint('0b8f1f3c-6a52-4f0e-9f57-5f2d8a3c1e77', 1, v.x), NULL, 'NULL in, NULL out') FROM (SELECT NULL::text) v(x);
SELECT is(mod(3 * scout_internal.fingerprint('0b8f1f3c-6a52-4f0e-9f57-5f2d8a3c1e77', 1, 'a'::text)::numeric, 2305843009213693951),
          scout_internal.fingerprint('0b8f1f3c-6a52-4f0e-9f57-5f2d8a3c1e77', 3, 'a'::text)::numeric, 'a weight counts as often as a row');
SELECT is(scout_internal.fingerprint('0b8f1f3c-6a52-4f0e-9f57-5f2d8a3c1e77', 1, repeat('x', 100000) || s),
          scout_internal.fingerprint('0b8f1f3c-6a52-4f0e-9f57-5f2d8a3c1e77', 1, repeat('x', 100000) || s), 'a long text')
FROM (VALUES ('a'), ('b')) v(s);
SELECT is((SELECT count(DISTINCT scout_internal.fingerprint(u.salt, 1, t.t)) FROM (VALUES ('0b8f1f3c-6a52-4f0e-9f57-5f2d8a3c1e77'::uuid),
           ('0b8f1f3c-6a52-4f0e-9f57-5f2d8a3c1e78')) u(salt), (VALUES ('a'::text), ('b')) t(t)), 4::bigint, 'salt and value decide');
SELECT throws_ok($$SELECT scout_internal.fingerprint(gen_random_uuid(), 1, 1)$$, '42804', NULL, 'another type');
SELECT throws_ok($$SELECT scout_internal.fingerprint(gen_random_uuid(), -1, 1::bigint)$$, '22023', NULL, 'a negative weight');
SELECT throws_ok($$SELECT scout_internal.fingerprint(gen_random_uuid(), 1, VARIADIC ARRAY['a'])$$, '0A000', NULL, 'an array of values');
SELECT throws_ok($$SELECT scout_internal.fingerprint(gen_random_uuid(), 1, 1::bigint, 1::bigint, 1::bigint, 1::bigint, 1::bigint)$$,
                 '0A000', NULL, 'too many values');

-- Parallel workers: the same sums. Every table is made to look worth it.
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SELECT is(pg_temp.broken_after(''), 'ok', 'in order, in parallel');
SELECT is(pg_temp.broken_after($$UPDATE scout.silver_transactions SET source_event_id = 999 WHERE source_event_id = 4$$),
          'balance=1 events_without_state=1 silver_without_bronze=1', 'damage, in parallel');

-- A reader may; nobody else may, and nobody sees more than his own privileges show.
CREATE ROLE scout_reconcile_reader;
CREATE ROLE scout_reconcile_none;
GRANT USAGE ON SCHEMA scout TO scout_reconcile_none;
SELECT count(*) AS ignored FROM scout.grant_access('reader', 'scout_reconcile_reader') \gset
SET LOCAL ROLE scout_reconcile_reader;
SET LOCAL transaction_read_only = on;
SELECT is((SELECT count(*) FROM scout.reconcile() WHERE status = 'ok'), 20::bigint, 'a reader, in a read-only transaction');
RESET ROLE;
SET LOCAL ROLE scout_reconcile_none;
SELECT throws_ok($$SELECT scout.reconcile()$$, '42501', NULL, 'no tier, no proof');
SELECT throws_ok($$SELECT scout_internal.pipeline_fingerprints(gen_random_uuid())$$, '42501', NULL, 'nor the sums');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
