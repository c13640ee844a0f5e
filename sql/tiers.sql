-- The three privilege tiers. The list of functions per tier is data here, so that a test can
-- compare it with the catalogue: a public function that is in no tier is an error.

CREATE FUNCTION scout_internal.tiers() RETURNS TABLE (function_name text, tier text)
LANGUAGE sql IMMUTABLE
AS $$
VALUES
('backlog', 'reader'), ('built_in_rules', 'reader'), ('control_ingestion', 'reader'),
('data_quality_report', 'reader'), ('dlq_summary', 'reader'), ('event_hash', 'reader'),
('ingestion_status', 'reader'), ('reconcile', 'reader'), ('require_pipeline', 'reader'), ('tiers', 'reader'),
('unflushed_events', 'reader'), ('hours_ago', 'reader'),
('ingest_freshness', 'reader'), ('quality_alerts', 'reader'), ('gold_freshness', 'reader'),
('pipeline_throughput', 'reader'), ('etl_performance', 'reader'), ('ingest_latency', 'reader'),
('product_linking_stats', 'reader'), ('fingerprint', 'reader'), ('pipeline_fingerprints', 'reader'),
('reconcile_events', 'reader'), ('reconcile_lines', 'reader'), ('reconcile_keys', 'reader'),
('oldest_pending', 'reader'), ('locks', 'reader'), ('job', 'reader'), ('job_home', 'reader'), ('job_list', 'reader'),
('clear_backlog', 'operator'), ('dlq_purge', 'operator'), ('dlq_redrive', 'operator'), ('dlq_resolve', 'operator'),
('clear_stuck_locks', 'operator'), ('emergency_reset', 'operator'), ('wait_for_job', 'operator'),
('ingest_event', 'operator'), ('ingest_events', 'operator'), ('load_silver_from_bronze', 'operator'),
('quarantine_events', 'operator'), ('quarantine_failures', 'operator'), ('quarantine_window', 'operator'),
('quality_rule_list', 'reader'), ('quality_history', 'reader'), ('failed_rules', 'reader'), ('run_quality_rules', 'operator'),
('rule_conditions', 'reader'), ('silver_counts', 'reader'),
('add_quality_rule', 'admin'), ('set_quality_rule', 'admin'), ('drop_quality_rule', 'admin'),
('cancel_job', 'operator'), ('load_backlog', 'operator'), ('resume_job', 'operator'),
('refresh_gold_platinum', 'operator'), ('reprocess_bronze_window', 'operator'),
('schedule_jobs', 'admin'), ('unschedule_jobs', 'admin'), ('supervise', 'admin'), ('apply_retention', 'operator'),
('maintain', 'operator'),
('adoption_notes', 'admin'), ('adoption_problems', 'admin'), ('create_pipeline', 'admin'), ('pipeline_layout', 'admin'), ('grant_access', 'admin'), ('revoke_access', 'admin'),
('library_preloaded', 'reader'), ('verification_checks', 'reader'), ('verification_check', 'reader'),
('verify_recovery', 'reader'), ('accept_gate', 'operator'), ('smoke_test', 'operator'),
('set_verification_threshold', 'admin'),
('unmatched_products', 'reader'), ('link_products_to_catalog', 'operator'),
('protect_sessions', 'admin'), ('seed_queue', 'admin'), ('set_rule', 'admin'), ('unprotect_sessions', 'admin'),
('freshness', 'reader'), ('volume', 'reader'), ('compare_layers', 'reader'), ('dataset_list', 'reader'),
('dataset_looks', 'reader'), ('dataset_counts', 'reader'), ('open_time', 'reader'), ('look_milliseconds', 'reader'),
('alert_conditions', 'reader'), ('alert_list', 'reader'), ('silence_list', 'reader'),
('etl_alert_list', 'reader'), ('system_alert_list', 'reader'), ('system_alert_list_body', 'reader'),
('check_alerts', 'operator'), ('acknowledge_alerts', 'operator'), ('silence', 'operator'), ('unsilence', 'operator'),
('gold_views', 'reader'), ('gold_reads', 'reader'), ('gold_marks', 'reader'), ('statistics_epoch', 'reader'),
('writes_unreported', 'reader'), ('maybe_refresh_gold', 'operator'), ('checked_gold', 'admin'),
('register_gold', 'admin'), ('unregister_gold', 'admin'),
('feeds', 'reader'), ('dependency_chain', 'reader'),
('key_columns', 'reader'), ('checked_dataset', 'admin'), ('register_dataset', 'admin'), ('unregister_dataset', 'admin')
$$;
COMMENT ON FUNCTION scout_internal.tiers() IS 'Which privilege tier (reader, operator, admin) each public function belongs to.';

CREATE FUNCTION scout.grant_access(tier text, role name)
RETURNS TABLE (role name, tier text, functions_granted int, relations_granted int)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_grant_access';
COMMENT ON FUNCTION scout.grant_access(text, name) IS
'Gives a role a privilege tier: reader (look), operator (runbook steps), admin (configure); each includes the one before. Call again after create_pipeline().';

CREATE FUNCTION scout.revoke_access(tier text, role name)
RETURNS TABLE (role name, tier text, functions_revoked int, relations_revoked int)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_revoke_access';
COMMENT ON FUNCTION scout.revoke_access(text, name) IS
'Takes a privilege tier, and the tiers above it, from a role.';
