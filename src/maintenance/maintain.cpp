// maintain(): VACUUM, ANALYZE, REINDEX CONCURRENTLY and CREATE INDEX CONCURRENTLY by a worker.
//
// None of them can run in the caller's transaction, and REINDEX CONCURRENTLY waits for all transactions
// that are older than it, the caller's among them, where the deadlock detector does not see that the caller
// waits, too. So the job is only queued, whatever the caller is in, and starts at the commit.
//
// The relation is kept by OID (an index by that of its table) and name, and looked up again when the worker
// comes to it: one that was dropped or renamed since, or that the caller may no longer maintain, is the job's
// failure. A statement is a chunk; it commits by itself, and its chunk goes in the transaction after it: a
// crash between the two does it again, which changes nothing.
//
// REINDEX CONCURRENTLY that is cancelled, deadlocks or crashes leaves an invalid index with a name that
// ends in _ccnew or _ccold. The next run on the table drops those, each by a statement of its own, before
// it begins: an attempt of the same job, too. So it is with a new index, which is invalid under the name that
// the job has chosen. An index that is being built is invalid, too: they are
// looked for under the lock that its builder holds to the end.

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "jobs/chunks.hpp"
#include "jobs/request.hpp"
#include "maintenance/jobs.hpp"
#include "maintenance/new_index.hpp"
#include "maintenance/target.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "catalog/pg_namespace.h"
#include "storage/lmgr.h"
}

namespace scout::maintenance {

namespace {

constexpr const char *kind_name = "maintain", *drop_leftover = "drop";

struct Request {
    Oid table;
    bool is_index;  // of that table: REINDEX CONCURRENTLY gives an index another OID
    const char *name;
    Action action;
    NewIndex index;  // of Action::index
};

Request read_arguments(const char *json) {
    static pg::Statement parse(
        "SELECT (a->>'oid')::bigint, (a->>'index')::boolean, a->>'relation', a->>'action',"
        " coalesce(a->>'name', ''), coalesce(a->>'columns', ''), coalesce((a->>'unique')::boolean, false)"
        " FROM (SELECT $1::jsonb) x(a)");
    pg::Rows rows = parse.run({pg::text(json)});
    const Request r{static_cast<Oid>(rows.int8(0, 1)),
                    rows.boolean(0, 2),
                    pg::c_string(rows.text(0, 3)),
                    action_of(pg::c_string(rows.text(0, 4))),
                    {pg::c_string(rows.text(0, 5)), pg::c_string(rows.text(0, 6)), rows.boolean(0, 7)}};
    rows.free();
    return r;
}

// The index of the first request with this key; nullptr: there is none.
const char *name_by_key(const char *key) {
    jobs::Record first{};
    const int64 job = jobs::find_by_key(key);
    if (job == 0 || !jobs::read(job, first) || strcmp(first.kind, kind_name) != 0) return nullptr;
    const char *name = read_arguments(first.arguments).index.name;
    return *name == '\0' ? nullptr : name;
}

// InvalidOid where it is not there.
Oid find_relation(const Request &r) {
    static pg::Statement find(
        "SELECT i.indexrelid::bigint FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE i.indrelid = $1::bigint::oid AND format('%I.%I', n.nspname, c.relname) = $2");
    if (!r.is_index) return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(r.table)) ? r.table : InvalidOid;
    pg::Rows rows = find.read_latest({pg::int8(r.table), pg::text(r.name)});
    const Oid index = rows.count() == 0 ? InvalidOid : static_cast<Oid>(rows.int8(0, 1));
    rows.free();
    return index;
}

// The relation as it is now; it must still be the one that was asked for.
Target require_same(const Request &r) {
    const Oid relation = find_relation(r);
    if (!OidIsValid(relation))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
                errmsg("%s %s has been dropped%s", r.is_index ? "index" : "relation", r.name,
                       r.is_index ? " or renamed" : ""),
                errdetail("It was there when the job was asked for."));
    Target target = find_target(relation, r.action);
    if (strcmp(target.name, r.name) != 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
                errmsg("relation %s has been renamed to %s", r.name, target.name),
                errhint("Ask for it under its new name."));
    return target;
}

bool leaves_leftovers(Action action) {
    return action == Action::reindex || action == Action::index;
}

// Invalid indexes that an earlier run left behind on the relation or its TOAST table: their OIDs, and their
// tables'.
pg::Rows leftovers(Oid relation, const Request &r) {
    static pg::Statement find(
        "SELECT i.indexrelid::bigint, i.indrelid::bigint FROM pg_index i JOIN pg_class c"
        " ON c.oid = i.indexrelid"
        " WHERE NOT i.indisvalid AND c.relkind = 'i' AND (c.relname ~ '_cc(new|old)[0-9]*$'"
        " OR c.relname = $2::text::name) AND c.oid <> $1::bigint::oid"
        " AND i.indrelid IN (SELECT unnest(ARRAY[o.oid, CASE WHEN $3 THEN nullif(o.reltoastrelid, 0) END]) FROM pg_class o"
        "  WHERE o.oid IN (SELECT coalesce(x.indrelid, t.relid) FROM (SELECT $1::bigint::oid"
        "   UNION SELECT p.relid FROM pg_partition_tree($1::bigint::oid) p) t(relid)"
        "   LEFT JOIN pg_index x ON x.indexrelid = t.relid))"
        " ORDER BY i.indrelid, i.indexrelid");
    // Nobody but superusers may use the schema of TOAST tables.
    return find.read_latest({pg::int8(relation), pg::text(r.index.name),
                             pg::boolean(superuser_arg(extension::extension_owner()))});
}

// They are looked for again once nobody builds an index on their tables any more.
pg::Rows dead_leftovers(Oid relation, const Request &r) {
    pg::Rows rows = leftovers(relation, r);
    for (uint64 i = 0; i < rows.count(); i++)
        LockRelationOid(static_cast<Oid>(rows.int8(i, 2)), ShareUpdateExclusiveLock);
    return rows.count() == 0 ? rows : leftovers(relation, r);
}

int64 freeze(const jobs::Job &job) {
    pg::Session session;
    pg::Array<jobs::Chunk> chunks;
    chunks.push({0, 0, 0, nullptr});
    jobs::add_chunks(job.id, chunks);
    const Request r = read_arguments(job.arguments);
    const int64 to_drop = leaves_leftovers(r.action) ? static_cast<int64>(leftovers(r.table, r).count()) : 0;
    session.end();
    return to_drop + 1;
}

// Puts the dropping of leftovers before what is to be done. The chunk is the last that is left.
bool clean_first(const jobs::Job &job, const jobs::Chunk &chunk, Oid relation, const Request &r) {
    pg::Rows rows = dead_leftovers(relation, r);
    const bool found = rows.count() > 0;
    if (found) {
        pg::Array<jobs::Chunk> chunks;
        for (uint64 i = 0; i < rows.count(); i++) chunks.push({0, rows.int8(i, 1), 0, drop_leftover});
        chunks.push({0, 0, 0, nullptr});
        jobs::finish_chunk(job.id, chunk);
        jobs::add_chunks(job.id, chunks);
    }
    rows.free();
    return found;
}

// nullptr where the index has gone meanwhile, or is no leftover any more.
const char *drop_statement(Oid relation, Oid index, const Request &r) {
    pg::Rows rows = dead_leftovers(relation, r);
    bool found = false;
    for (uint64 i = 0; i < rows.count(); i++) found = found || static_cast<Oid>(rows.int8(i, 1)) == index;
    rows.free();
    if (!found) return nullptr;
    return psprintf(
        "DROP INDEX CONCURRENTLY IF EXISTS %s",
        quote_qualified_identifier(get_namespace_name(get_rel_namespace(index)), get_rel_name(index)));
}

const char *statement_of(const Target &target, const Request &r) {
    return r.action == Action::index ? create_statement(target, r.index) : statement(target, r.action);
}

// Runs in a session with the caller's own role. The chunk of what it returns stays: it goes when the
// statement has been run.
const char *utility(const jobs::Job &job, Oid &run_as) {
    jobs::Chunk chunk;
    while (jobs::claim_chunk(job.id, chunk)) {
        CHECK_FOR_INTERRUPTS();
        const Request r = read_arguments(job.arguments);
        const Target target = require_same(r);
        run_as = target.run_as;
        if (chunk.object == nullptr) {
            if (leaves_leftovers(r.action) && clean_first(job, chunk, target.relation, r)) continue;
            return statement_of(target, r);
        }
        const Oid leftover = static_cast<Oid>(chunk.first);
        const char *drop = drop_statement(target.relation, leftover, r);
        // Nobody but superusers may use the schema of TOAST tables; no code of others is run by it.
        if (drop != nullptr && get_rel_namespace(leftover) == PG_TOAST_NAMESPACE)
            run_as = extension::extension_owner();
        if (drop != nullptr) return drop;
        jobs::finish_chunk(job.id, chunk);
    }
    return nullptr;
}

}  // namespace

const jobs::Kind maintain_kind{kind_name, "statements", freeze, nullptr, utility};

}  // namespace scout::maintenance

SCOUT_ACTION(scout_maintain, 5) {
    using namespace scout;
    using namespace scout::maintenance;
    pg::refuse_null(fcinfo, 0, "relation", "Give the name of a table, a materialized view or an index.");
    const char *named = PG_ARGISNULL(1) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(1));
    const Action action = action_of(named);
    if (action != Action::index && (!PG_ARGISNULL(2) || pg::flag(fcinfo, 3, "is_unique")))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("columns and is_unique are for the action index"),
                errhint("SELECT * FROM scout.maintain('scout.silver_transactions', 'index', '{store_id}')"));
    const char *key = PG_ARGISNULL(4) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(4));
    pg::Result result(fcinfo);
    pg::Session session;
    const Target target = find_target(PG_GETARG_OID(0), action);
    audit::Json arguments;
    arguments.add("relation", target.name)
        .add("action", name_of(action))
        .add("oid", static_cast<int64>(target.table))
        .add_bool("index", target.is_index);
    Request r{target.table, target.is_index, target.name, action, {}};
    if (action == Action::index) {
        r.index = new_index_argument(fcinfo, 2, target, name_by_key(key));
        arguments.add("name", r.index.name)
            .add("columns", r.index.columns)
            .add_bool("unique", r.index.unique);
    }
    const jobs::Outcome o = jobs::submit({kind_name, arguments.text(), 1, key, false}, false);
    result.int8(o.job).text(o.state).text(statement_of(target, r));
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
