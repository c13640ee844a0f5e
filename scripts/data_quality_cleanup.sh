#!/usr/bin/env bash
# Data quality cleanup: quarantines the events behind silver rows that break a rule, instead of deleting rows.
#   data_quality_cleanup.sh [RULE] [HOURS]      defaults: NEGATIVE_TOTAL 24
#   DRY_RUN=1 only counts. PGURI names the database.
set -euo pipefail
: "${PGURI:?set PGURI, for example postgresql://oncall@db.example/retail}"
rule=${1:-NEGATIVE_TOTAL} hours=${2:-24}

psql "$PGURI" -X -v ON_ERROR_STOP=1 -P pager=off -v rule="$rule" -v hours="$hours" -v dry_run="${DRY_RUN:-0}" <<'SQL'
SELECT * FROM scout.quarantine_failures(:'rule', :'hours'::numeric, dry_run => :'dry_run'::boolean);
SELECT check_name, status, value, details FROM scout.reconcile() WHERE status <> 'ok';
SQL
echo "Data quality cleanup complete: see SELECT * FROM scout.dlq_summary();"
