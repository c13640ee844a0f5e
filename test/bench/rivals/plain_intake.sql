-- Bronze without the extension: an identical table and a plain key table, filled by the same statement. Of the
-- plain means tried (row trigger, statement trigger in plpgsql or SQL, sorted or not, with ON CONFLICT or
-- without), the statement trigger that inserts sorted hashes is the fastest: a B-tree filled in order
-- dirties each page once. It refuses a duplicate with 23505 instead of skipping it.
-- plain.bronze_alone has no keys either: what single INSERTs are compared with.
CREATE SCHEMA plain;
CREATE TABLE plain.bronze_alone (LIKE scout.bronze_events INCLUDING ALL);
CREATE TABLE plain.bronze_events (LIKE scout.bronze_events INCLUDING ALL);
CREATE TABLE plain.bronze_event_keys (
    event_hash bytea PRIMARY KEY,
    event_id   bigint NOT NULL
);
CREATE FUNCTION plain.add_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO plain.bronze_event_keys (event_hash, event_id)
    SELECT event_hash, event_id FROM added ORDER BY event_hash;
    RETURN NULL;
END $$;
CREATE TRIGGER add_keys AFTER INSERT ON plain.bronze_events
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION plain.add_keys();
