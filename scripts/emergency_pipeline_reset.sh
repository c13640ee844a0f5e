#!/usr/bin/env bash
# Emergency pipeline reset: pause, look, one probe batch, resume. PGURI names the database.
# Stops at the first failure and leaves the pipeline paused, so that nothing more is loaded.
# (The runbook's pg_advisory_unlock_all() is left out: it frees only the caller's own locks.)
set -euo pipefail
: "${PGURI:?set PGURI, for example postgresql://oncall@db.example/retail}"

step() { psql "$PGURI" -X -v ON_ERROR_STOP=1 -P pager=off -c "$1"; }
trap 'echo "Reset failed: the pipeline may still be paused. See SELECT * FROM scout.ingestion_status();" >&2' ERR

step "SELECT * FROM scout.control_ingestion('pause', 'emergency pipeline reset', expires_after => '1 hour')"
step "SELECT * FROM scout.ingestion_status()"
step "SELECT * FROM scout.load_silver_from_bronze(500, force => true)"
step "SELECT check_name, status, value, details FROM scout.reconcile() WHERE status <> 'ok'"
step "SELECT * FROM scout.control_ingestion('resume')"
echo "Pipeline reset complete"
