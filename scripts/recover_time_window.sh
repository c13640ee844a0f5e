#!/usr/bin/env bash
# Time window recovery: derives silver again from bronze for [START, END).
#   recover_time_window.sh [START] [END]     ISO timestamps with a zone; defaults: one hour ago, now
#   BATCH_SIZE (1000), DRY_RUN=1. PGURI names the database.
# A timestamp without a zone would mean another instant in every session: it is refused.
set -euo pipefail
: "${PGURI:?set PGURI, for example postgresql://oncall@db.example/retail}"
start=${1:-$(date -u -d '1 hour ago' '+%Y-%m-%d %H:%M:%SZ')}
end=${2:-$(date -u '+%Y-%m-%d %H:%M:%SZ')}
for at in "$start" "$end"; do
    [[ $at =~ (Z|z|[+-][0-9]{2}(:?[0-9]{2})?)$ ]] || { echo "$at has no time zone: write for example ${at}Z" >&2; exit 2; }
done

psql "$PGURI" -X -v ON_ERROR_STOP=1 -P pager=off -v start="$start" -v end="$end" \
    -v batch="${BATCH_SIZE:-1000}" -v dry_run="${DRY_RUN:-0}" <<'SQL'
SELECT * FROM scout.reprocess_bronze_window(:'start'::timestamptz, :'end'::timestamptz, :'batch'::int,
                                            dry_run => :'dry_run'::boolean);
SQL
echo "Time window recovery complete: $start to $end"
