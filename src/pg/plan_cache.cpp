#include "pg/plan_cache.hpp"

extern "C" {
#include "common/hashfn.h"
#include "utils/hsearch.h"
}

namespace scout::pg {

namespace {

struct Entry {
    uint64 key;  // hash of the text
    char *sql;
    SPIPlanPtr plan;
};

constexpr long most_plans = 1000;
HTAB *plans = nullptr;
int running = 0;  // calls of read_cached() at work, one inside the other

void forget(Entry *entry) {
    SPIPlanPtr plan = entry->plan;
    char *sql = entry->sql;
    (void)hash_search(plans, &entry->key, HASH_REMOVE, nullptr);
    (void)SPI_freeplan(plan);
    pfree(sql);
}

void forget_all() {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, plans);
    while (auto *entry = static_cast<Entry *>(hash_seq_search(&scan))) forget(entry);
}

SPIPlanPtr plan_of(const char *sql, int count, Oid *types) {
    if (plans == nullptr) {
        HASHCTL shape{};
        shape.keysize = sizeof(uint64);
        shape.entrysize = sizeof(Entry);
        plans = hash_create("cached plans", 256, &shape, HASH_ELEM | HASH_BLOBS);
    }
    const uint64 key = DatumGetUInt64(
        hash_any_extended(reinterpret_cast<const unsigned char *>(sql), static_cast<int>(strlen(sql)), 0));
    auto *known = static_cast<Entry *>(hash_search(plans, &key, HASH_FIND, nullptr));
    if (known != nullptr && strcmp(known->sql, sql) == 0) return known->plan;

    SPIPlanPtr plan = SPI_prepare_cursor(sql, count, types, CURSOR_OPT_GENERIC_PLAN);
    if (plan == nullptr) elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
    const bool full = hash_get_num_entries(plans) >= most_plans;
    if ((known != nullptr || full) && running > 1) return plan;  // for this once: it goes with the Session
    if (known != nullptr) forget(known);
    if (full) forget_all();
    if (SPI_keepplan(plan) != 0) elog(ERROR, "could not keep the plan of \"%s\"", sql);
    char *text = MemoryContextStrdup(TopMemoryContext, sql);
    auto *entry = static_cast<Entry *>(hash_search(plans, &key, HASH_ENTER, nullptr));
    entry->sql = text;
    entry->plan = plan;
    return plan;
}

int execute(const char *sql, int count, Oid *types, Datum *values, const char *nulls) {
    volatile int rc = 0;
    running++;
    PG_TRY();
    { rc = SPI_execute_plan(plan_of(sql, count, types), values, nulls, true, 0); }
    PG_FINALLY();
    { running--; }
    PG_END_TRY();
    return rc;
}

}  // namespace

Rows read_cached(const char *sql, std::initializer_list<Param> params) {
    ParamArrays p(params);
    const int rc = execute(sql, p.count, p.types, p.values, p.nulls);
    if (rc < 0) elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(rc));
    return {SPI_tuptable, SPI_processed};
}

}  // namespace scout::pg
