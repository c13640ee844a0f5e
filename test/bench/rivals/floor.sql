-- The floor: the finished silver rows, kept in binary once, into the same empty tables with the same indexes
-- and constraints, in one transaction. :order is `heap` (the order in which ours wrote them) or `event` (the order
-- of the events). The bench tries both, and psql's \copy, and takes the fastest.
BEGIN;
COPY scout.silver_transactions FROM ':files/silver_transactions.:order' (FORMAT binary);
COPY scout.silver_line_items FROM ':files/silver_line_items.:order' (FORMAT binary);
COMMIT;
