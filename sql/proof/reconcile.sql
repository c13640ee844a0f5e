-- The proof that nothing is lost: every bronze event in exactly one state, bronze against silver in
-- both directions, in one snapshot. (The rules for reports are at the top of sql/load/reports.sql.)
--
-- States of an event in bronze:
--   processed      a row of silver_transactions has it as source_event_id
--   dead_lettered  its letter is open
--   discarded      its letter is discarded
--   pending        none of these, and its id is in the queue or in the memory of this transaction
-- Ids in the queue are hints: of those that have another state, or that are not in bronze, none
-- counts as pending. A resolved letter is no state.
--
-- All of bronze. Most events are processed and nothing else. The others, those that a letter, a hint
-- or a logged deletion names, are looked at one by one (`exceptions`). That what is left of bronze and of
-- silver are the same events, once each, is proven by fingerprints (fingerprint.sql), one pass
-- over each table; so are the lines of all transactions and the dedup keys. Only where sums differ
-- does the search of reconcile_search.sql join the tables, and its counts stand: fingerprints
-- decide whether to search, never what is reported. What the sums take for granted, that silver has
-- an event once and no key is NULL, unique indexes and NOT NULL must say; where one is missing the
-- search is all there is.
--
-- A window: bronze through its index on ingested_at, the others by event id, without fingerprints.
-- It is a window on bronze.ingested_at. What is no longer in bronze is placed by the ingested_at of
-- its logged deletion, or, where no deletion is logged, by silver's processed_at and the letter's failed_at.
--
-- Custom plans, so that the branches for the other case fold away. JIT costs more here than it saves.

CREATE FUNCTION scout_internal.reconcile(start_ts timestamptz, end_ts timestamptz)
RETURNS TABLE (check_name text, status text, value numeric, threshold numeric, details jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    exceptions_limit CONSTANT int := 1000000;  -- beyond, joining is cheaper than looking one by one
    prime CONSTANT numeric := 2305843009213693951;  -- 2^61 - 1
    windowed       boolean := start_ts IS NOT NULL OR end_ts IS NOT NULL;
    salt           uuid;
    unflushed      int8multirange;
    queued         int8multirange;
    hints          numeric;
    exceptions     bigint[];
    events_settled boolean := false;  -- proven for all events but the exceptions
    keys_settled   boolean := false;
    lines_settled  boolean := false;
    silver_rows    bigint;
    seen           record;
    events         record;
    deleted        record;
    orphans        record;
    letters        record;
    lines          record;
    keys           record;
BEGIN
    IF start_ts >= end_ts THEN
        RAISE EXCEPTION 'the window [%, %) is empty or reversed', start_ts, end_ts
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give start_ts before end_ts: the window is half-open, and NULL leaves a side open.';
    END IF;
    PERFORM scout_internal.require_pipeline();

    SELECT coalesce(range_agg(int8range(u.event_id, u.event_id, '[]')), '{}') INTO unflushed
    FROM scout_internal.unflushed_events() u;
    SELECT coalesce(range_agg(p.events), '{}') + unflushed INTO queued
    FROM scout.bronze_pending p;
    SELECT coalesce(sum(upper(r.ids) - lower(r.ids)), 0) INTO hints FROM unnest(queued) r (ids);

    IF NOT windowed AND hints <= exceptions_limit THEN
        exceptions := scout_internal.events_apart(queued);
        IF cardinality(exceptions) <= exceptions_limit AND scout_internal.silver_is_unique() THEN
            salt := gen_random_uuid();  -- nobody can know it beforehand
        END IF;
    END IF;

    IF salt IS NOT NULL THEN
        SELECT f.* INTO seen FROM scout_internal.pipeline_fingerprints(salt) f;
        silver_rows := seen.silver_rows;
        SELECT e.* INTO events FROM scout_internal.reconcile_events(NULL, NULL, queued, exceptions, salt) e;
        SELECT k.* INTO keys FROM scout_internal.reconcile_keys(NULL, NULL, unflushed, true, salt) k;
        events_settled := seen.bronze_rows - events.bronze = seen.silver_sources - events.silver_exceptions
            AND mod(seen.bronze_ids - events.bronze_ids - seen.silver_ids + events.silver_ids, prime) = 0;
        keys_settled := seen.bronze_rows - keys.bronze_rows = seen.key_rows - keys.key_rows
            AND mod(seen.bronze_keys - keys.bronze_keys - seen.keys + keys.keys, prime) = 0;
        lines_settled := mod(seen.silver_lines - seen.lines, prime) = 0;
        IF lines_settled THEN
            SELECT 0::bigint AS lineless, seen.silver_empty AS declared_empty, 0::bigint AS mismatched,
                   0::bigint AS orphan_transactions, 0::numeric AS orphan_lines, NULL::jsonb AS lineless_sample,
                   NULL::jsonb AS mismatched_sample, NULL::jsonb AS orphan_sample
            INTO lines;
        END IF;
    END IF;
    IF events_settled THEN  -- what is no exception is processed, once
        events.silver_rows := events.silver_rows + seen.bronze_rows - events.bronze;
        events.processed := events.processed + seen.bronze_rows - events.bronze;
        events.bronze := seen.bronze_rows;
    ELSE
        SELECT e.* INTO events FROM scout_internal.reconcile_events(start_ts, end_ts, queued) e;
    END IF;
    IF NOT keys_settled THEN
        SELECT k.* INTO keys FROM scout_internal.reconcile_keys(start_ts, end_ts, unflushed) k;
    END IF;
    IF NOT lines_settled THEN
        SELECT l.* INTO lines FROM scout_internal.reconcile_lines(start_ts, end_ts) l;
    END IF;

    SELECT d.* INTO deleted FROM scout_internal.reconcile_deletions(start_ts, end_ts) d;
    -- Where fingerprints agree, subtraction says whether there are any.
    IF NOT events_settled OR silver_rows > events.silver_rows + deleted.silver_rows THEN
        SELECT x.* INTO orphans FROM scout_internal.reconcile_strangers(start_ts, end_ts, events_settled, exceptions) x;
    ELSE
        SELECT 0::bigint AS no_lineage, 0::bigint AS never_seen, 0::bigint AS lettered, NULL::jsonb AS no_lineage_sample,
               NULL::jsonb AS never_seen_sample, NULL::jsonb AS lettered_sample
        INTO orphans;
    END IF;
    SELECT q.* INTO letters FROM scout_internal.reconcile_letters(start_ts, end_ts) q;

    RETURN QUERY
    SELECT c.name,
           CASE WHEN c.name = 'balance' AND events.stateless + events.several > 0 THEN 'critical'  -- they may cancel out
                WHEN c.value = 0 THEN 'ok' ELSE c.severity END,
           c.value, c.threshold,
           jsonb_strip_nulls(c.details)
    FROM (VALUES
        (1, 'bronze_events', 'ok', events.bronze::numeric, NULL::numeric,
            jsonb_build_object('start_ts', start_ts, 'end_ts', end_ts, 'first_id_of_window', events.lo, 'last_id_of_window', events.hi)),
        (2, 'pending', 'ok', events.pending, NULL, '{}'::jsonb),
        (3, 'processed', 'ok', events.processed, NULL, '{}'),
        (4, 'dead_lettered', 'ok', events.dead_lettered, NULL, '{}'),
        (5, 'discarded', 'ok', events.discarded, NULL, '{}'),
        (6, 'balance', 'critical',
            events.bronze - events.pending - events.processed - events.dead_lettered - events.discarded, 0,
            jsonb_build_object('meaning', 'bronze_events - pending - processed - dead_lettered - discarded',
                               'without_state', events.stateless, 'in_several_states', events.several)),
        (7, 'events_without_state', 'critical', events.stateless, 0,
            jsonb_build_object('event_ids', events.stateless_ids)),
        (8, 'events_in_several_states', 'critical', events.several, 0,
            jsonb_build_object('events', events.several_events)),
        (9, 'processed_twice', 'critical', events.twice, 0, jsonb_build_object('event_ids', events.twice_ids)),
        (10, 'silver_without_bronze', CASE WHEN orphans.never_seen > 0 THEN 'critical' ELSE 'warning' END,
            deleted.silver_rows + orphans.no_lineage + orphans.never_seen, 0,
            jsonb_build_object(
                'deleted_by_hand', deleted.silver_rows, 'deleted_event_ids', deleted.silver_sample,
                'never_seen', orphans.never_seen, 'never_seen_event_ids', orphans.never_seen_sample,
                'no_lineage', orphans.no_lineage, 'no_lineage_transaction_ids', orphans.no_lineage_sample)),
        (11, 'silver_of_dead_letters', 'critical',
            events.lettered_silver + deleted.lettered_silver + orphans.lettered, 0,
            jsonb_build_object(
                'in_bronze', events.lettered_silver,
                'not_in_bronze', deleted.lettered_silver + orphans.lettered,
                'not_in_bronze_event_ids',
                nullif(coalesce(deleted.both_sample, '[]') || coalesce(orphans.lettered_sample, '[]'), '[]'))),
        (12, 'transactions_without_lines', 'critical', lines.lineless, 0,
            jsonb_build_object('transaction_ids', lines.lineless_sample, 'with_item_count_0', lines.declared_empty)),
        (13, 'lines_without_transaction', 'critical', lines.orphan_lines, 0,
            jsonb_build_object('transactions', lines.orphan_transactions, 'transaction_ids', lines.orphan_sample)),
        (14, 'item_count_mismatch', 'critical', lines.mismatched, 0,
            jsonb_build_object('transactions', lines.mismatched_sample)),
        (15, 'dead_letters_unlinked', 'warning', letters.unlinked, 0,
            jsonb_build_object('dlq_ids', letters.unlinked_sample)),
        (16, 'dead_letters_without_bronze', 'warning', deleted.lettered + letters.never_seen, 0,
            jsonb_build_object(
                'deleted_by_hand', deleted.lettered, 'deletions', deleted.letter_sample,
                'never_seen', letters.never_seen, 'never_seen_event_ids', letters.never_seen_sample)),
        (17, 'bronze_deleted', 'warning', deleted.deletions, 0,
            jsonb_build_object(
                'first_deleted_at', deleted.first_deleted, 'last_deleted_at', deleted.last_deleted,
                'deleted_by', deleted.by_whom, 'event_ids', deleted.sample, 'back_in_bronze', deleted.back,
                'in_silver', deleted.silver_rows, 'dead_lettered', deleted.lettered,
                'without_trace', deleted.without_trace)),
        (18, 'queue_hints_stale', 'ok',
            CASE WHEN windowed THEN events.hinted ELSE hints END - events.pending, NULL,
            jsonb_build_object('settled', events.hinted - events.pending,
                               'not_in_bronze', CASE WHEN NOT windowed THEN hints - events.hinted END)),
        (19, 'events_without_key', 'warning', keys.keyless, 0, jsonb_build_object('event_ids', keys.keyless_sample)),
        (20, 'keys_without_event', 'warning', keys.forgotten, 0,
            jsonb_build_object('event_ids', keys.forgotten_sample, 'held_by_silver_or_dead_letter', keys.held))
    ) c (ordinal, name, severity, value, threshold, details)
    ORDER BY c.ordinal;
END
$$;
COMMENT ON FUNCTION scout_internal.reconcile(timestamptz, timestamptz) IS 'The body of reconcile().';

CREATE FUNCTION scout.reconcile(start_ts timestamptz DEFAULT NULL, end_ts timestamptz DEFAULT NULL)
RETURNS TABLE (check_name text, status text, value numeric, threshold numeric, details jsonb)
LANGUAGE c STABLE COST 100 AS 'MODULE_PATHNAME', 'scout_report';
COMMENT ON FUNCTION scout.reconcile(timestamptz, timestamptz) IS
'Proof that nothing is lost, in one snapshot: counts bronze events by state, checks that the states add up, and compares bronze with silver, lines, dead letters, queue and dedup keys, for all of bronze or the half-open window [start_ts, end_ts) on ingested_at (NULL leaves a side open). Names up to 10 examples of whatever breaks a check.';
