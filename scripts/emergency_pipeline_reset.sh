#!/usr/bin/env bash
# Emergency pipeline reset: pause, end what is stuck, one probe batch, resume; then the proof that nothing is lost.
#   PGURI=postgresql://oncall@db.example/retail emergency_pipeline_reset.sh [PROBE_EVENTS]     default: 500
#   DRY_RUN=1 only says what would be done. Role: operator with pg_read_all_stats.
# Loading stays paused unless all went well; the last step says why, and how to resume.
# Exit status: 0 done and resumed, 1 a step failed, an event is missing or loading stays paused, 2 wrong use.
#
set -euo pipefail
usage() { sed -n '2,/^#$/{/^#$/d;s/^# \{0,1\}//;p}' "$0"; }
case ${1:-} in -h | --help) usage; exit ;; esac
probe=${1:-500}
[[ $# -le 1 && $probe =~ ^[1-9][0-9]{0,5}$ ]] || { usage >&2; exit 2; }
[ -n "${PGURI:-}" ] || { echo "set PGURI, for example postgresql://oncall@db.example/retail" >&2; exit 2; }
case ${DRY_RUN:-0} in 0 | no | false) dry=false ;; *) dry=true ;; esac

psql "$PGURI" -X -q -v ON_ERROR_STOP=1 -P pager=off -P footer=off -v probe="$probe" -v dry="$dry" <<'SQL' || exit 1
SELECT (array_agg(status ORDER BY step DESC))[1] IN ('ok', 'warning', 'dry_run') AS well, jsonb_agg(to_jsonb(r) ORDER BY step) AS steps
FROM scout.emergency_reset(probe_events => :probe, dry_run => :dry) r \gset
SELECT step, action, status, message FROM jsonb_to_recordset(:'steps') AS s(step int, action text, status text, message text);
SELECT check_name, status, value, details FROM scout.reconcile() WHERE status <> 'ok';
SELECT ingestion_active, source_system, paused_by, reason, expires_at, backlog FROM scout.ingestion_status();
SELECT :'well' AND NOT EXISTS (SELECT FROM scout.reconcile() WHERE status = 'critical') AS well \gset
\if :well
    \echo 'Pipeline reset complete'
\else
    DO $$ BEGIN RAISE EXCEPTION 'the reset did not go well' USING HINT = 'See the steps above; loading may be paused still.'; END $$;
\endif
SQL
