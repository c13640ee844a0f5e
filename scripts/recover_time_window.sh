#!/usr/bin/env bash
# Time window recovery: derives silver again from the bronze events that were ingested in [START, END).
#   PGURI=postgresql://oncall@db.example/retail recover_time_window.sh [START [END]]      default: one hour ago, now
#   START and END: timestamps with a zone, such as '2026-03-01 14:00+08' or 2026-03-01T06:00:00Z.
#   BATCH_SIZE (1000); DRY_RUN=1 only says what would change. Role: operator.
# Exit status: 0 done, 2 wrong use, else psql's.
#
# A timestamp without a zone would mean another instant in every session: it is refused.
set -euo pipefail
usage() { sed -n '2,/^#$/{/^#$/d;s/^# \{0,1\}//;p}' "$0"; }
case ${1:-} in -h | --help) usage; exit ;; esac
[ $# -le 2 ] || { usage >&2; exit 2; }
[ -n "${PGURI:-}" ] || { echo "set PGURI, for example postgresql://oncall@db.example/retail" >&2; exit 2; }
start=${1:-} end=${2:-} batch=${BATCH_SIZE:-1000}
for at in ${1:+"$1"} ${2:+"$2"}; do
    [[ $at =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}[T\ ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?\ ?(Z|z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$ ]] ||
        { echo "'$at' is no timestamp, or has no time zone: write for example '2026-03-01 14:00+08'" >&2; exit 2; }
done
[[ $batch =~ ^[1-9][0-9]{0,8}$ ]] || { echo "BATCH_SIZE is no number of events: $batch" >&2; exit 2; }
case ${DRY_RUN:-0} in 0 | no | false) dry=false ;; *) dry=true ;; esac

psql "$PGURI" -X -q -v ON_ERROR_STOP=1 -P pager=off -P footer=off -v start="$start" -v end="$end" -v batch="$batch" -v dry="$dry" <<'SQL'
SET datestyle = iso;
-- The defaults are the server's clock, and the window is fixed once for both steps.
SELECT coalesce(nullif(:'start', '')::timestamptz, now() - interval '1 hour')::text AS start,
       coalesce(nullif(:'end', '')::timestamptz, now())::text AS end \gset
SELECT * FROM scout.reprocess_bronze_window(:'start'::timestamptz, :'end'::timestamptz, :'batch'::int,
                                            dry_run => :'dry'::boolean);
\if :dry
    \echo 'Dry run: nothing was changed'
    \quit
\endif
\echo 'Is anything lost in the window? (no row is what you want)'
SELECT check_name, status, value, details FROM scout.reconcile(:'start'::timestamptz, :'end'::timestamptz) WHERE status <> 'ok';
\echo 'Time window recovery complete:' :start to :end
SQL
