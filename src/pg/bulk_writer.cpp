#include "pg/bulk_writer.hpp"

#include "pg/multi_insert.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "commands/copy.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "port/pg_bswap.h"
#include "utils/acl.h"
#include "utils/rls.h"
}

namespace scout::pg {

namespace {

// The bytes of rows in COPY's binary format.
class CopyRows final : public BulkRows {
public:
    explicit CopyRows(size_t columns);
    void begin_row() override { int2(static_cast<int16>(columns_)); }
    void text(std::string_view value) override;
    void int4(int32 value) override;
    void int8(int64 value) override;
    void timestamp(TimestampTz value) override { int8(value); }
    void decimal(core::Decimal value) override;
    void null() override;

    // For the reader: reads up to `wanted` bytes, and how many are there.
    int read(void *out, int wanted);
    size_t available() const { return bytes_.size() - consumed_; }

private:
    void int2(int16 value);
    char *extend(size_t bytes) { return bytes_.extend(bytes); }

    size_t columns_;
    Array<char> bytes_;
    size_t consumed_ = 0;
};

// What CopyFrom() reads from: it passes its callback no argument. A trigger on the table may itself
// copy, so that the outer source is put back afterwards.
struct Source {
    CopyRows *rows;
    bool (*next)(void *, BulkRows &);
    void *argument;
    bool ended;
};
Source *current_source = nullptr;

constexpr size_t read_ahead = 64 * 1024;  // COPY reads in buffers of this size

int read_source(void *out, int, int wanted) {
    Source &source = *current_source;
    if (source.rows->available() == 0)
        while (!source.ended && source.rows->available() < read_ahead)
            source.ended = !source.next(source.argument, *source.rows);
    return source.rows->read(out, wanted);
}

// COPY's binary format begins with a signature, flags and the length of an extension.
constexpr char copy_header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
constexpr size_t copy_header_bytes = 19;
static_assert(sizeof copy_header == copy_header_bytes + 1);

CopyRows::CopyRows(size_t columns) : columns_(columns) {
    std::memcpy(extend(copy_header_bytes), copy_header, copy_header_bytes);
}

int CopyRows::read(void *out, int wanted) {
    const int bytes = static_cast<int>(std::min(available(), static_cast<size_t>(wanted)));
    std::memcpy(out, bytes_.begin() + consumed_, static_cast<size_t>(bytes));
    consumed_ += static_cast<size_t>(bytes);
    if (available() == 0) {
        bytes_.truncate(0);
        consumed_ = 0;
    }
    return bytes;
}

void CopyRows::int2(int16 value) {
    const uint16 wire = pg_hton16(static_cast<uint16>(value));
    std::memcpy(extend(sizeof wire), &wire, sizeof wire);
}

void CopyRows::null() {
    std::memset(extend(4), 0xFF, 4);  // length -1
}

void CopyRows::text(std::string_view value) {
    const uint32 length = pg_hton32(static_cast<uint32>(value.size()));
    char *at = extend(sizeof length + value.size());
    std::memcpy(at, &length, sizeof length);
    std::memcpy(at + sizeof length, value.data(), value.size());
}

void CopyRows::int4(int32 value) {
    const uint32 wire[2] = {pg_hton32(4), pg_hton32(static_cast<uint32>(value))};
    std::memcpy(extend(sizeof wire), wire, sizeof wire);
}

void CopyRows::int8(int64 value) {
    const uint32 length = pg_hton32(8);
    const uint64 wire = pg_hton64(static_cast<uint64>(value));
    char *at = extend(sizeof length + sizeof wire);
    std::memcpy(at, &length, sizeof length);
    std::memcpy(at + sizeof length, &wire, sizeof wire);
}

// numeric_recv(): number of base-10000 digits, weight of the first, sign, scale, digits.
void CopyRows::decimal(core::Decimal value) {
    constexpr uint16 negative_sign = 0x4000;
    const core::Base10000 number = core::to_base10000(value);
    const uint32 length = pg_hton32(static_cast<uint32>(8 + 2 * number.count));
    std::memcpy(extend(sizeof length), &length, sizeof length);
    int2(static_cast<int16>(number.count));
    int2(static_cast<int16>(number.weight));
    int2(static_cast<int16>(number.negative ? negative_sign : 0));
    int2(core::Decimal::scale);
    for (int i = 0; i < number.count; i++) int2(number.digits[i]);
}

// Text travels in the client's encoding in the binary format.
bool needs_conversion() {
    const int client = pg_get_client_encoding(), server = GetDatabaseEncoding();
    return client != server && client != PG_SQL_ASCII && server != PG_SQL_ASCII;
}

bool is_distributed(Oid relation) {
    static Statement query("SELECT FROM pg_catalog.pg_dist_partition WHERE logicalrelid = $1::oid::regclass");
    if (!OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE))) return false;
    return query.run({datum(OIDOID, ObjectIdGetDatum(relation))}).count() > 0;
}

bool has_foreign_partition(Oid relation) {
    List *parts = find_all_inheritors(relation, RowExclusiveLock, nullptr);
    ListCell *cell;
    foreach (cell, parts)
        if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE) return true;
    return false;
}

bool has_deferrable_key(Relation relation) {
    List *indexes = RelationGetIndexList(relation);
    bool found = false;
    ListCell *cell;
    foreach (cell, indexes) {
        HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
        if (!HeapTupleIsValid(tuple)) continue;
        auto *index = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
        found = found || (index->indisunique && !index->indimmediate);
        ReleaseSysCache(tuple);
    }
    list_free(indexes);
    return found;
}

bool has_other_type(Relation relation, const BulkColumn &column) {
    TupleDesc desc = RelationGetDescr(relation);
    const int number = SPI_fnumber(desc, column.name);
    if (number <= 0) return true;
    Form_pg_attribute attribute = TupleDescAttr(desc, number - 1);
    return attribute->attgenerated != '\0' || getBaseType(attribute->atttypid) != column.type;
}

const char *refusal(Relation relation, const BulkColumn *columns, size_t count) {
    const Oid id = RelationGetRelid(relation);
    const char kind = relation->rd_rel->relkind;
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) return "it is no table";
    if (is_distributed(id)) return "it is distributed by Citus";
    if (kind == RELKIND_PARTITIONED_TABLE && has_foreign_partition(id)) return "it has a foreign partition";
    if (check_enable_rls(id, InvalidOid, true) == RLS_ENABLED) return "row security applies to its owner";
    if (relation->rd_rules != nullptr) return "it has rules";
    if (pg_class_aclcheck(id, GetUserId(), ACL_INSERT) != ACLCHECK_OK) return "its owner may not insert";
    if (has_deferrable_key(relation)) return "it has a deferrable unique constraint";
    for (size_t i = 0; i < count; i++)
        if (has_other_type(relation, columns[i])) return "a column has another type or is generated";
    if (needs_conversion()) return "the client's encoding is not the database's";
    return nullptr;
}

uint64 copy_from_source(Relation relation, const BulkColumn *columns, size_t count) {
    List *names = NIL;
    for (size_t i = 0; i < count; i++) names = lappend(names, makeString(pstrdup(columns[i].name)));
    ParseState *state = make_parsestate(nullptr);
    ParseNamespaceItem *item =
        addRangeTableEntryForRelation(state, relation, RowExclusiveLock, nullptr, false, false);
    addNSItemToQuery(state, item, true, true, true);
    List *options = list_make1(
        makeDefElem(pstrdup("format"), reinterpret_cast<Node *>(makeString(pstrdup("binary"))), -1));
    CopyFromState copy = BeginCopyFrom(state, relation, nullptr, nullptr, false, read_source, names, options);
    const uint64 written = CopyFrom(copy);
    EndCopyFrom(copy);
    free_parsestate(state);
    return written;
}

uint64 copy(Relation relation, const BulkColumn *columns, size_t count, bool (*next)(void *, BulkRows &),
            void *argument) {
    CopyRows rows(count);
    Source source{&rows, next, argument, false};
    Source *outer = current_source;
    uint64 written = 0;
    current_source = &source;
    PG_TRY();
    { written = copy_from_source(relation, columns, count); }
    PG_FINALLY();
    { current_source = outer; }
    PG_END_TRY();
    return written;
}

}  // namespace

const char *bulk_refusal(Oid relation, const BulkColumn *columns, size_t count) {
    Relation opened = table_open(relation, RowExclusiveLock);
    const char *why = refusal(opened, columns, count);
    table_close(opened, NoLock);
    return why;
}

uint64 bulk_write(Oid relation, const BulkColumn *columns, size_t count, bool (*next)(void *, BulkRows &),
                  void *argument) {
    Workspace workspace("bulk write");
    Relation opened = table_open(relation, RowExclusiveLock);
    const uint64 written = takes_multi_insert(opened, columns, count)
                               ? multi_insert(opened, columns, count, next, argument)
                               : copy(opened, columns, count, next, argument);
    table_close(opened, NoLock);
    workspace.leave();
    CommandCounterIncrement();  // what follows in this transaction sees the rows
    return written;
}

}  // namespace scout::pg
