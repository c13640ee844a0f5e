-- A user's trigger on bronze_events that takes in events itself: every call answers for its own.
BEGIN;
SELECT 'CREATE ROLE pgtap_owner LOGIN' WHERE to_regrole('pgtap_owner') IS NULL \gexec
SELECT plan(11);
SET client_min_messages = warning;
SELECT lives_ok('SELECT scout.create_pipeline(''pgtap_owner'')', 'a pipeline');
CREATE TABLE pg_temp.inner_answers (event_id bigint, accepted boolean, duplicate boolean, reason text);
CREATE FUNCTION pg_temp.derive() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.event_data ? 'derive' THEN
        INSERT INTO inner_answers SELECT * FROM scout.ingest_event(new.event_data -> 'derive');
    ELSIF new.event_data ? 'insert' THEN
        INSERT INTO scout.bronze_events (event_data) VALUES (new.event_data -> 'insert');
    ELSIF new.event_data ? 'fail' THEN
        BEGIN
            PERFORM scout.ingest_event(NULL);
        EXCEPTION WHEN null_value_not_allowed THEN NULL;
        END;
        BEGIN
            PERFORM scout.ingest_event('{"raise": 1}');
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    ELSIF new.event_data ? 'raise' THEN
        RAISE EXCEPTION 'refused';
    ELSIF new.event_data ? 'drop' THEN
        RETURN NULL;
    END IF;
    RETURN new;
END
$$;
GRANT ALL ON inner_answers TO PUBLIC;
CREATE TRIGGER derive BEFORE INSERT ON scout.bronze_events FOR EACH ROW EXECUTE FUNCTION pg_temp.derive();
-- The answer to each event, and whether bronze has it as that.
CREATE FUNCTION pg_temp.told(events jsonb) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    i record;
BEGIN
    FOR i IN SELECT * FROM scout.ingest_events(events) LOOP
        RETURN NEXT concat_ws(' ', i.ordinal,
            CASE WHEN i.accepted THEN 'accepted' WHEN i.duplicate THEN 'duplicate' ELSE i.reason END,
            EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = i.event_id
                    AND b.event_data @> (events -> i.ordinal - 1)));
    END LOOP;
END
$$;
SELECT results_eq($$SELECT pg_temp.told('[{"n": 1, "derive": {"m": 1}}, {"n": 2}, {"n": 3, "derive": {"m": 3}}, {"n": 4}]')$$,
    $$VALUES ('1 accepted t'), ('2 accepted t'), ('3 accepted t'), ('4 accepted t')$$, 'ingest_event() in a trigger: the outer call');
SELECT results_eq('SELECT accepted FROM inner_answers', 'VALUES (true), (true)', 'and the inner calls');
SELECT results_eq($$SELECT pg_temp.told('[{"n": 5, "derive": {"m": 1}}, {"n": 1, "derive": {"m": 1}}, {"n": 6, "derive": {"n": 4}}]')$$,
    $$VALUES ('1 accepted t'), ('2 duplicate t'), ('3 accepted t')$$, 'duplicates on both levels');
SELECT is((SELECT count(*) FROM inner_answers WHERE duplicate AND reason ~ 'has this content'), 3::bigint, 'the inner ones are told inside');
SELECT results_eq($$SELECT pg_temp.told('[{"n": 7, "insert": {"m": 7}}, {"n": 8}, {"n": 9, "insert": {"m": 7}}, {"n": 10}]')$$,
    $$VALUES ('1 accepted t'), ('2 accepted t'), ('3 accepted t'), ('4 accepted t')$$, 'a plain INSERT in a trigger');
SELECT results_eq($$SELECT pg_temp.told('[{"n": 11, "fail": 1}, {"n": 12}, {"drop": 1}, {"n": 13}]')$$,
    $$VALUES ('1 accepted t'), ('2 accepted t'), ('3 a trigger on bronze_events dropped the row f'), ('4 accepted t')$$,
    'inner calls that fail, and a row that is dropped');
SELECT throws_ok($$SELECT scout.ingest_event('{"derive": {"raise": 1}}')$$, 'P0001', 'refused', 'an inner error goes up');
SELECT is((SELECT accepted FROM scout.ingest_event('{"n": 14}')), true, 'after it calls answer as ever');
INSERT INTO scout.bronze_events (event_data) VALUES ('{"n": 15, "derive": {"m": 15}}');
SELECT is((SELECT count(*) FROM scout.bronze_events WHERE event_data ->> 'n' = '15'), 1::bigint, 'from a plain INSERT, too');
SELECT is((SELECT accepted FROM inner_answers ORDER BY event_id DESC LIMIT 1), true, 'whose inner call is told');
SELECT * FROM finish();
ROLLBACK;
