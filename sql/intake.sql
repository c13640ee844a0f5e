-- Intake: what happens to a row on its way into bronze, and the two ingest calls.
-- Trigger functions are the only functions that PUBLIC may execute: they check how they are called.

CREATE FUNCTION scout_internal.bronze_intake() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_bronze_intake';
COMMENT ON FUNCTION scout_internal.bronze_intake() IS
'Row trigger on bronze_events (INSERT, UPDATE): fills event_hash, event_ts and store_id, skips known duplicates, queues the event for loading.';

CREATE FUNCTION scout_internal.bronze_deleted() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_bronze_deleted';
COMMENT ON FUNCTION scout_internal.bronze_deleted() IS
'Row trigger on bronze_events (DELETE): keeps a copy of the row in bronze_deletions; refuses TRUNCATE.';

CREATE FUNCTION scout_internal.dead_letter_link() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_dead_letter_link';
COMMENT ON FUNCTION scout_internal.dead_letter_link() IS
'Row trigger on bronze_events_dlq (INSERT): links a dead letter that came without an event id to its bronze event.';

CREATE FUNCTION scout.event_hash(event jsonb, event_type text DEFAULT 'transaction.v1') RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'scout_event_hash';
COMMENT ON FUNCTION scout.event_hash(jsonb, text) IS
'The dedup key of an event: 16 bytes of SHA-256 over its business content (keys in any order, ids trimmed and case-folded, metadata left out).';

CREATE FUNCTION scout.ingest_event(
    event jsonb, event_type text DEFAULT 'transaction.v1', source_system text DEFAULT 'api')
RETURNS TABLE (event_id bigint, accepted boolean, duplicate boolean, reason text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_ingest_event';
COMMENT ON FUNCTION scout.ingest_event(jsonb, text, text) IS
'Takes one event into bronze; a known one is skipped and the reason says in which state it is.';

CREATE FUNCTION scout.ingest_events(
    events jsonb, event_type text DEFAULT 'transaction.v1', source_system text DEFAULT 'api')
RETURNS TABLE (ordinal int, event_id bigint, accepted boolean, duplicate boolean, reason text)
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_ingest_events';
COMMENT ON FUNCTION scout.ingest_events(jsonb, text, text) IS
'Takes a JSON array of events into bronze, one row of outcome per element.';

-- Events of this transaction that are not in bronze_pending yet (they go there before commit).
CREATE FUNCTION scout_internal.unflushed_events() RETURNS TABLE (event_id bigint, source_system text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'scout_unflushed_events';
COMMENT ON FUNCTION scout_internal.unflushed_events() IS
'Events that this transaction inserted and that are still in its own memory; empty in any other transaction.';
