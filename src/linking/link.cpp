// link_products_to_catalog(): gives product_key to the lines of silver that have none.
//
// One pass over silver_line_items finds the spellings of products among the unlinked lines; each is matched
// once (match.hpp); a second pass writes the lines, batch by batch.
//
// FLIGHT is taken as by a load, which it may run beside: it changes the state of no event, and a pause waits
// for it. Lines are locked with SKIP LOCKED, so that it waits for no other writer while it holds lines of its
// own; those that another transaction holds are counted as remaining. A load or reprocess that meets a line
// linked here waits for the commit and keeps its product_key.
//
// Commit: lines, product_links, etl_runs (so that gold is stale) and timeline change together. Abort, cancel,
// crash: nothing is linked.

#include "audit/caller.hpp"
#include "audit/runs.hpp"
#include "extension/arguments.hpp"
#include "extension/locks.hpp"
#include "extension/pipeline.hpp"
#include "linking/match.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pg/table_traits.hpp"

namespace scout::linking {

namespace {

struct Linked {
    int64 exact = 0, similar = 0, unmatched = 0, remaining = 0, transactions = 0;
};

float similarity_argument(FunctionCallInfo fcinfo, int number) {
    pg::refuse_null(fcinfo, number, "similarity", "Leave it out to use the default, 0.6.");
    const float value = PG_GETARG_FLOAT4(number);
    if (!(value >= 0.1F && value <= 1.0F))  // also NaN
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("similarity must be from 0.1 to 1, not %g", static_cast<double>(value)),
                errhint("1 asks for the same words; below 0.5 different products begin to match."));
    return value;
}

void refuse_unsound_lines() {
    const pg::TableTraits traits =
        pg::table_traits(extension::require_table("silver_line_items"), RowExclusiveLock);
    if (traits.refusal != nullptr)
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("table \"scout.silver_line_items\" cannot be used: %s", traits.refusal),
                errhint("Nothing was changed. Mend the table; "
                        "SELECT * FROM scout.create_pipeline() names all that is wrong."));
}

// Rows of transaction_id, line_sequence, product_key, whether the match is exact.
void write_lines(const pg::Rows &rows, Linked &linked) {
    static pg::Statement update(
        "WITH linked AS (UPDATE scout.silver_line_items l"
        " SET product_key = n.product_key, updated_at = clock_timestamp()"
        " FROM unnest($1::text[], $2::int[], $3::bigint[], $4::boolean[])"
        "  AS n(transaction_id, line_sequence, product_key, exact)"
        " WHERE l.transaction_id = n.transaction_id AND l.line_sequence = n.line_sequence"
        " RETURNING n.transaction_id, n.exact)"
        " SELECT count(*) FILTER (WHERE l.exact), count(*) FILTER (WHERE NOT l.exact),"
        " count(DISTINCT l.transaction_id) FROM linked l",
        pg::Plan::by_index);
    const size_t n = rows.count();
    pg::Column ids(TEXTOID, n), sequences(INT4OID, n), keys(INT8OID, n), exact(BOOLOID, n);
    for (uint64 i = 0; i < n; i++) {
        ids.add_text(rows.text(i, 1));
        sequences.add(Int32GetDatum(rows.int4(i, 2)));
        keys.add(Int64GetDatum(rows.int8(i, 3)));
        exact.add(BoolGetDatum(rows.boolean(i, 4)));
    }
    pg::Rows done = update.run({ids.param(), sequences.param(), keys.param(), exact.param()});
    linked.exact += done.int8(0, 1);
    linked.similar += done.int8(0, 2);
    linked.transactions += done.int8(0, 3);  // one that lies in two batches counts twice
    done.free();
}

void link_lines(const pg::Array<Text> &texts, int batch_size, Linked &linked) {
    const size_t n = texts.size();
    pg::Column ids(TEXTOID, n), names(TEXTOID, n), brands(TEXTOID, n), keys(INT8OID, n), exact(BOOLOID, n);
    int64 matched = 0;
    for (const Text &t : texts) {
        if (t.method == Method::none) {
            linked.unmatched += t.lines;
            continue;
        }
        matched += t.lines;
        ids.add_text(t.id);
        names.add_text(t.name);
        brands.add_text(t.brand);
        keys.add(Int64GetDatum(t.product_key));
        exact.add(BoolGetDatum(t.method != Method::similar));
    }
    if (matched == 0) return;
    pg::Cursor cursor(
        "SELECT l.transaction_id::text, l.line_sequence::int, m.product_key, m.exact FROM "
        "scout.silver_line_items l"
        " JOIN unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::boolean[])"
        "  AS m(product_id, product_name, brand_name, product_key, exact)"
        " ON m.product_id = l.product_id AND m.product_name = coalesce(l.product_name, '')"
        " AND m.brand_name = coalesce(l.brand_name, '')"
        " WHERE l.product_key IS NULL FOR NO KEY UPDATE OF l SKIP LOCKED",
        {ids.param(), names.param(), brands.param(), keys.param(), exact.param()});
    pg::Workspace batch("scout_ir link batch");
    for (pg::Rows rows = cursor.fetch(batch_size); rows.count() > 0; rows = cursor.fetch(batch_size)) {
        CHECK_FOR_INTERRUPTS();
        write_lines(rows, linked);
        rows.free();
        batch.clear();
    }
    batch.leave();
    cursor.close();
    linked.remaining = std::max(int64{0}, matched - linked.exact - linked.similar);
}

}  // namespace

}  // namespace scout::linking

SCOUT_ACTION(scout_link_products_to_catalog, 3) {
    using namespace scout;
    using namespace scout::linking;
    const int batch_size = extension::batch_size_argument(fcinfo, 0);
    const float similarity = similarity_argument(fcinfo, 1);
    const bool dry_run = pg::flag(fcinfo, 2, "dry_run");
    PreventCommandIfReadOnly("link_products_to_catalog()");
    const TimestampTz started = GetCurrentTimestamp();
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(extension::require_pipeline());
    extension::acquire(extension::Lock::flight, extension::flight_load);
    Linked linked;
    ErrorData *error = pg::attempt(
        [&] {
            refuse_unsound_lines();
            pg::Array<Text> texts;
            read_texts(texts);
            match_exactly(texts);
            match_as_before(texts, similarity);
            if (!match_by_similarity(texts, similarity))
                ereport(NOTICE, errmsg("pg_trgm is not installed: only exact matches were made"),
                        errhint("CREATE EXTENSION pg_trgm"));
            remember(texts);
            link_lines(texts, batch_size, linked);
        },
        !dry_run);
    if (error != nullptr) ReThrowError(error);

    audit::RunCounts run;
    run.updated = linked.transactions;
    run.paths = audit::path_general;
    if (!dry_run && linked.transactions > 0) audit::record_run("link", started, run);
    audit::Json arguments, counts;
    arguments.add("batch_size", static_cast<int64>(batch_size))
        .add("similarity", psprintf("%g", static_cast<double>(similarity)))
        .add_bool("dry_run", dry_run);
    counts.add("lines_linked_exact", linked.exact)
        .add("lines_linked_similar", linked.similar)
        .add("lines_unmatched", linked.unmatched)
        .add("remaining", linked.remaining);
    audit::record("link_products_to_catalog", role, arguments, dry_run ? "dry run" : "done", counts);
    result.int8(linked.exact).int8(linked.similar).int8(linked.unmatched).int8(linked.remaining);
    result.milliseconds(GetCurrentTimestamp() - started).boolean(dry_run);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
