-- The alert tables that the older runbook reads and updates, as views. Its words: ERROR is critical.

CREATE FUNCTION scout_internal.etl_alert_list()
RETURNS TABLE (alert_id bigint, created_at timestamptz, severity text, source text, message text, acknowledged boolean,
               acknowledged_at timestamptz, acknowledged_by text, resolved_at timestamptz)
LANGUAGE sql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
SELECT a.alert_id, a.first_seen, CASE a.severity WHEN 'critical' THEN 'ERROR' ELSE 'WARNING' END, a.source,
       a.subject || ': ' || a.summary, a.state <> 'firing', a.acknowledged_at, a.acknowledged_by, a.resolved_at
FROM scout_internal.alerts a
ORDER BY a.alert_id
$$;
COMMENT ON FUNCTION scout_internal.etl_alert_list() IS
'All alerts that are kept, in the columns of the older runbook; what is resolved needs no acknowledgement and counts as acknowledged.';

CREATE VIEW scout.etl_alerts AS SELECT * FROM scout_internal.etl_alert_list();
COMMENT ON VIEW scout.etl_alerts IS
'Alerts as the older runbook has them: UPDATE ... SET acknowledged = true acknowledges, other columns cannot be set.';

CREATE FUNCTION scout_internal.acknowledge_etl_alert() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_acknowledge_etl_alert';
COMMENT ON FUNCTION scout_internal.acknowledge_etl_alert() IS
'Trigger of etl_alerts: acknowledged = true does what acknowledge_alerts() does; anything else is refused.';
CREATE TRIGGER acknowledge INSTEAD OF UPDATE ON scout.etl_alerts
FOR EACH ROW EXECUTE FUNCTION scout_internal.acknowledge_etl_alert();

-- The store is that of the event behind a dead letter or a warning; an alert is of no store.
CREATE FUNCTION scout_internal.system_alert_list_body()
RETURNS TABLE (created_at timestamptz, severity text, source text, store_id text, message text, alert_id bigint,
               acknowledged boolean, resolved_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT a.created_at, a.severity, a.source, NULL::text, a.message, a.alert_id, a.acknowledged, a.resolved_at
    FROM scout_internal.etl_alert_list() a;
    IF to_regclass('scout.bronze_events_dlq') IS NULL OR to_regclass('scout.silver_transactions') IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT d.failed_at, 'ERROR', 'dead_letter', nullif(d.store_id, ''), coalesce(d.last_error_code, d.error_code),
           NULL::bigint, d.status <> 'open', d.resolved_at
    FROM scout.bronze_events_dlq d
    UNION ALL
    SELECT w.raised_at, 'WARNING', 'rule', nullif(s.store_id, ''), w.code, NULL, false, NULL
    FROM scout_internal.quality_warnings w
    LEFT JOIN scout.silver_transactions s ON s.transaction_id = w.transaction_id;
END
$$;
COMMENT ON FUNCTION scout_internal.system_alert_list_body() IS 'The body of system_alert_list().';

CREATE FUNCTION scout_internal.system_alert_list()
RETURNS TABLE (created_at timestamptz, severity text, source text, store_id text, message text, alert_id bigint,
               acknowledged boolean, resolved_at timestamptz)
LANGUAGE c STABLE COST 100 AS 'MODULE_PATHNAME', 'scout_report';
COMMENT ON FUNCTION scout_internal.system_alert_list() IS
'All alerts that are kept, and each dead letter (ERROR) and warning (WARNING) of an event with the store of that event.';

CREATE VIEW scout.system_alerts AS SELECT * FROM scout_internal.system_alert_list();
COMMENT ON VIEW scout.system_alerts IS
'What went wrong, with the store where there is one, as the older runbook counts it: errors of the last minutes, stores affected in a window.';
