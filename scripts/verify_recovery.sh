#!/usr/bin/env bash
# Is it mended? The runbook's success and failure indicators, and what to do about each that is not met.
#   PGURI=postgresql://oncall@db.example/retail verify_recovery.sh [--lost]
#   --lost also proves that nothing is lost (reconcile() over everything: takes longer).
#   STRICT=1 fails for a warning, too. Role: reader.
# Exit status: 0 recovered, 1 a check is critical or unknown, 2 wrong use, 3 it could not be run.
set -euo pipefail
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
lost=false
case ${1:-} in -h | --help) usage; exit ;; --lost) lost=true; shift ;; esac
[ $# = 0 ] || { usage >&2; exit 2; }
[ -n "${PGURI:-}" ] || { echo "set PGURI, for example postgresql://oncall@db.example/retail" >&2; exit 2; }
case ${STRICT:-0} in 0 | no | false) good=ok,warning ;; *) good=ok ;; esac

query="SELECT check_name, status, coalesce(value::text, '-'), coalesce(threshold::text, '-'),
              details ->> 'message', coalesce(what_to_do, '') FROM scout.verify_recovery()"
if $lost; then
    query+=" UNION ALL SELECT check_name, status, value::text, coalesce(threshold::text, '-'), coalesce(details::text, ''),
                              'SELECT * FROM scout.reconcile();'
             FROM scout.reconcile() WHERE status <> 'ok'"
fi
rows=$(psql "$PGURI" -X -q -A -t -F $'\t' -v ON_ERROR_STOP=1 -c "$query") || { echo "The checks could not be run." >&2; exit 3; }
[ -n "$rows" ] || { echo "The checks said nothing." >&2; exit 3; }
failed=$(awk -F '\t' -v good="$good" 'index("," good ",", "," $2 ",") == 0 { print $1 }' <<<"$rows")
awk -F '\t' '{ printf "%-9s %-20s %10s (%s)  %s\n", $2, $1, $3, $4, $5; if ($6 != "") print "          -> " $6 }' <<<"$rows"
[ -z "$failed" ] || { echo "NOT recovered: $(paste -sd' ' <<<"$failed")" >&2; exit 1; }
echo "Recovered"
