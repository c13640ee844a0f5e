#include "audit/retention.hpp"

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "extension/registry.hpp"
#include "extension/settings.hpp"
#include "pg/spi.hpp"

namespace scout::audit {

namespace {

constexpr int64 piece = 1000;  // rows of a history that one job's end or tick removes
constexpr TimestampTz slack = USECS_PER_HOUR;

// $1 is the time before which rows go, $2 how many at most.
struct Sweep {
    const extension::History *history;
    pg::Statement find, remove;
};

pg::Array<Sweep> sweeps;  // of those that were swept in this process

const char *kept(const char *text) {
    return MemoryContextStrdup(TopMemoryContext, text);
}

Sweep &sweep_of(const extension::History &h) {
    for (Sweep &s : sweeps)
        if (s.history == &h) return s;
    if (sweeps.empty()) sweeps = pg::Array<Sweep>(TopMemoryContext);
    const char *old =
        psprintf("scout_internal.%s x WHERE x.%s < $1%s", quote_identifier(h.table), h.time, h.condition);
    const char *find = kept(psprintf("SELECT count(*) FROM (SELECT FROM %s LIMIT $2) c", old));
    const char *remove = kept(psprintf(
        "DELETE FROM scout_internal.%s d WHERE d.%s IN (SELECT x.%s FROM %s ORDER BY x.%s LIMIT $2 FOR UPDATE"
        " SKIP LOCKED)",
        quote_identifier(h.table), h.key, h.key, old, h.time));
    return sweeps.push({&h, pg::Statement(find), pg::Statement(remove)});
}

int64 count_old(Sweep &s, TimestampTz cutoff, int64 limit) {
    pg::Rows rows = s.find.read_latest({pg::timestamp(cutoff), pg::int8(limit)});
    const int64 count = rows.int8(0, 1);
    rows.free();
    return count;
}

}  // namespace

TimestampTz cutoff_of_setting() {
    return GetCurrentTimestamp() - extension::history_retention * USECS_PER_SEC;
}

TimestampTz cutoff_of_setting(const extension::History &h) {
    const TimestampTz cutoff = cutoff_of_setting();
    if (h.longest == 0) return cutoff;
    return std::max(cutoff, GetCurrentTimestamp() - h.longest * USECS_PER_SEC);
}

int64 sweep(const extension::History &h, TimestampTz cutoff, int64 limit, bool dry_run) {
    Sweep &s = sweep_of(h);
    pg::AsRole owner(extension::extension_owner());
    const int64 rows =
        dry_run ? count_old(s, cutoff, limit)
                : static_cast<int64>(s.remove.run({pg::timestamp(cutoff), pg::int8(limit)}).count());
    owner.end();
    return rows;
}

int64 forget_old() {
    if (extension::history_retention == 0) return 0;
    int64 removed = 0;
    Json arguments, counts;
    extension::for_each(&extension::Capability::histories,
                        [&](const extension::Capability &, const extension::History &h) {
                            const TimestampTz cutoff = cutoff_of_setting(h);
                            if (sweep(h, cutoff - slack, 1, true) == 0) return;
                            const int64 rows = sweep(h, cutoff, piece, false);
                            removed += rows;
                            counts.add(h.longest == 0 ? h.table : psprintf("%s_routine", h.table), rows);
                        });
    arguments.add_time("older_than", cutoff_of_setting());
    if (removed > 0) record("apply_retention", GetUserId(), arguments, "done", counts);
    return removed;
}

}  // namespace scout::audit
