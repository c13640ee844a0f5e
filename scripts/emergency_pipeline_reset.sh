#!/usr/bin/env bash
# Emergency pipeline reset: pause, look, one probe batch, prove, resume. Each step is one SELECT.
#   PGURI=postgresql://oncall@db.example/retail emergency_pipeline_reset.sh [BATCH_SIZE]     default: 500
# Role: operator; sessions of others show their query only with pg_read_all_stats.
# Stops at the first failure and leaves loading paused (for an hour at most), so that nothing more is loaded.
# Exit status: 0 done, 1 failed, 2 wrong use.
#
# The runbook's pg_advisory_unlock_all() is left out: it frees only the caller's own locks. A stuck loader is
# a session that HOLDS the lock: step 2 names it, and pg_cancel_backend(pid) ends its statement.
set -euo pipefail
usage() { sed -n '2,/^#$/{/^#$/d;s/^# \{0,1\}//;p}' "$0"; }
case ${1:-} in -h | --help) usage; exit ;; esac
batch=${1:-500}
[[ $# -le 1 && $batch =~ ^[1-9][0-9]{0,8}$ ]] || { usage >&2; exit 2; }
[ -n "${PGURI:-}" ] || { echo "set PGURI, for example postgresql://oncall@db.example/retail" >&2; exit 2; }

paused=
step() {
    printf '\n-- %s\n%s;\n' "$1" "$2"
    psql "$PGURI" -X -v ON_ERROR_STOP=1 -P pager=off -P footer=off -c "$2"
}
finish() {
    local status=$?
    [ $status != 0 ] || return 0
    if [ -n "$paused" ]; then
        echo "Reset failed: loading is STILL PAUSED, for an hour at most. When it is mended: SELECT * FROM scout.control_ingestion('resume', holder => 'emergency_pipeline_reset');" >&2
    else
        echo "Reset failed before the pause: nothing was changed." >&2
    fi
    exit 1
}
trap finish EXIT
# An interrupt ends the script like a failure.
trap 'exit 1' INT TERM HUP

step "1. Stop loading (waits for batches in flight)" \
    "SELECT * FROM scout.control_ingestion('pause', 'emergency pipeline reset', expires_after => '1 hour', holder => 'emergency_pipeline_reset')"
paused=yes
step "2. Who is paused, who still holds a lock of the pipeline" \
    "SELECT * FROM scout.ingestion_status()"
# 21315 marks the advisory locks of scout_ir.
step "   (none is what you want)" \
    "SELECT DISTINCT a.pid, a.usename, a.application_name, a.state, now() - a.xact_start AS transaction_age, left(a.query, 60) AS query
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 21315
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())"
step "3. One probe batch" \
    "SELECT * FROM scout.load_silver_from_bronze($batch, force => true)"
step "4. Is anything lost? (no row is what you want)" \
    "SELECT check_name, status, value, details FROM scout.reconcile() WHERE status <> 'ok'"
step "5. Resume (a pause that somebody had set before stays)" \
    "SELECT * FROM scout.control_ingestion('resume', holder => 'emergency_pipeline_reset')"
paused=
step "   Where we are" \
    "SELECT ingestion_active, source_system, paused_by, reason, expires_at, backlog FROM scout.ingestion_status()"
echo "Pipeline reset complete"
