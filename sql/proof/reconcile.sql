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
        exceptions := scout_internal.events_to_check(queued);
        IF cardinality(exceptions) <= exceptions_limit AND scout_internal.silver_is_unique() THEN
            salt := gen_random_uuid();  -- nobody can know it beforehand
        END IF;
    END IF;

    IF salt IS NOT NULL THEN
        SELECT f.* INTO seen FROM scout_internal.pipeline_fingerprints(salt) f;
        silver_rows := seen.silver_rows;
        SELECT e.* INTO events FROM scout_internal.reconcile_events(NULL, NULL, queued, exceptions, salt) e;
        SELECT k.* INTO keys FROM scout_internal.reconcile_keys(NULL, NULL, unflushed, true, salt) k;
        SELECT a.events, a.keys, a.lines INTO events_settled, keys_settled, lines_settled
        FROM scout_internal.fingerprints_agree(seen, events, keys) a;
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
        SELECT x.* INTO orphans FROM scout_internal.reconcile_silver_without_bronze(start_ts, end_ts, events_settled, exceptions) x;
    ELSE
        SELECT 0::bigint AS no_lineage, 0::bigint AS never_seen, 0::bigint AS lettered, NULL::jsonb AS no_lineage_sample,
               NULL::jsonb AS never_seen_sample, NULL::jsonb AS lettered_sample
        INTO orphans;
    END IF;
    SELECT q.* INTO letters FROM scout_internal.reconcile_letters(start_ts, end_ts) q;

    RETURN QUERY
    SELECT r.* FROM scout_internal.reconcile_rows(start_ts, end_ts, hints, events, deleted, orphans, letters, lines, keys) r;
END
$$;
COMMENT ON FUNCTION scout_internal.reconcile(timestamptz, timestamptz) IS 'The body of reconcile().';

CREATE FUNCTION scout.reconcile(start_ts timestamptz DEFAULT NULL, end_ts timestamptz DEFAULT NULL)
RETURNS TABLE (check_name text, status text, value numeric, threshold numeric, details jsonb)
LANGUAGE c STABLE COST 100 AS 'MODULE_PATHNAME', 'scout_report';
COMMENT ON FUNCTION scout.reconcile(timestamptz, timestamptz) IS
'Proof that nothing is lost, in one snapshot: counts bronze events by state, checks that the states add up, and compares bronze with silver, lines, dead letters, queue and dedup keys, for all of bronze or the half-open window [start_ts, end_ts) on ingested_at (NULL leaves a side open). Names up to 10 examples of whatever breaks a check.';
