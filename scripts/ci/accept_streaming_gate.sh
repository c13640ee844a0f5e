#!/usr/bin/env bash
# The acceptance gate: does an event get through, is everything in time, does something load on a schedule.
#   PGURI=postgresql://oncall@db.example/retail accept_streaming_gate.sh
#   STRICT=1 fails for a warning, too. Role: operator. Leaves no trace, and works while loading is paused.
# Exit status: 0 passed, 1 a check is critical or unknown, 2 wrong use, 3 the gate could not be run.
set -euo pipefail
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
case ${1:-} in -h | --help) usage; exit ;; esac
[ $# = 0 ] || { usage >&2; exit 2; }
[ -n "${PGURI:-}" ] || { echo "set PGURI, for example postgresql://oncall@db.example/retail" >&2; exit 2; }
case ${STRICT:-0} in 0 | no | false) good=ok,warning ;; *) good=ok ;; esac

rows=$(psql "$PGURI" -X -q -A -t -F $'\t' -v ON_ERROR_STOP=1 -c "
SELECT check_name, status, coalesce(value::text, '-'), coalesce(threshold::text, '-'), details ->> 'message'
FROM scout.accept_gate()") || { echo "The gate could not be run." >&2; exit 3; }
failed=$(awk -F '\t' -v good="$good" 'index("," good ",", "," $2 ",") == 0 { print $1 }' <<<"$rows")
awk -F '\t' '{ printf "%-9s %-20s %10s (%s)  %s\n", $2, $1, $3, $4, $5 }' <<<"$rows"
[ -n "$rows" ] || { echo "The gate said nothing." >&2; exit 3; }
[ -z "$failed" ] || { echo "Gate FAILED: $(paste -sd' ' <<<"$failed")" >&2; exit 1; }
echo "Gate passed"
