-- The floor: the finished silver rows, kept in binary once, into the same empty tables with the same indexes
-- and constraints, in one transaction. Read by the server: a client's \copy is slower.
-- :order is `heap` (the order in which ours wrote them) or `event` (the order of the events); the bench tries
-- both and takes the faster.
BEGIN;
COPY scout.silver_transactions FROM ':files/silver_transactions.:order' (FORMAT binary);
COPY scout.silver_line_items FROM ':files/silver_line_items.:order' (FORMAT binary);
COMMIT;
