#!/usr/bin/env bash
# Data quality cleanup: takes transactions that break a rule out of silver and their events into the dead-letter
# queue, from where dlq_redrive() brings them back. Nothing is deleted for good.
#   PGURI=postgresql://oncall@db.example/retail data_quality_cleanup.sh [RULE] [HOURS]    default: NEGATIVE_TOTAL 24
#   DRY_RUN=1 only counts. Rules: SELECT * FROM scout.built_in_rules(). Role: operator.
# Exit status: 0 done, 2 wrong use, else psql's.
#
# The runbook's DELETE from silver left the events in bronze, so that the next reprocess brought the rows back.
set -euo pipefail
usage() { sed -n '2,/^#$/{/^#$/d;s/^# \{0,1\}//;p}' "$0"; }
case ${1:-} in -h | --help) usage; exit ;; esac
rule=${1:-NEGATIVE_TOTAL} hours=${2:-24}
[[ $# -le 2 && $hours =~ ^[0-9]+(\.[0-9]+)?$ ]] || { usage >&2; exit 2; }
[ -n "${PGURI:-}" ] || { echo "set PGURI, for example postgresql://oncall@db.example/retail" >&2; exit 2; }
case ${DRY_RUN:-0} in 0 | no | false) dry=false ;; *) dry=true ;; esac

psql "$PGURI" -X -v ON_ERROR_STOP=1 -P pager=off -P footer=off -v rule="$rule" -v hours="$hours" -v dry="$dry" <<'SQL'
\echo 'What would move'
SELECT * FROM scout.quarantine_failures(:'rule', :'hours'::numeric, dry_run => true);
\if :dry
    \echo 'Dry run: nothing was changed'
    \quit
\endif
\echo 'What has moved'
SELECT * FROM scout.quarantine_failures(:'rule', :'hours'::numeric);
\echo 'Is anything lost? (no row is what you want)'
SELECT check_name, status, value, details FROM scout.reconcile() WHERE status <> 'ok';
\echo 'Data quality cleanup complete: see SELECT * FROM scout.dlq_summary();'
SQL
