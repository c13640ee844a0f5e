-- The drill of the v5.2 runbook, as written there unless marked "corrected": scenario 4, gold.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/runbook_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
SELECT materialized_view, last_refresh IS NOT NULL AS refreshed, status FROM scout.v_gold_freshness;
SELECT (r.x).operation, (r.x).status, (r.x).rows_before, (r.x).rows_after FROM (SELECT scout.refresh_gold_platinum() AS x OFFSET 0) r;
SELECT materialized_view, last_refresh IS NOT NULL AS refreshed, status FROM scout.v_gold_freshness;
-- As written it takes ACCESS EXCLUSIVE, and keeps readers out; refresh_gold_platinum() does it concurrently, in order.
SET ROLE regress_scout_owner;
REFRESH MATERIALIZED VIEW scout.gold_daily_metrics;
REFRESH MATERIALIZED VIEW scout.gold_region_choropleth;
SELECT date_key, store_id, tx_count, revenue, line_items, customers FROM scout.gold_daily_metrics;
SELECT region, tx_count, revenue, stores FROM scout.gold_region_choropleth;
SET ROLE regress_scout_operator;
