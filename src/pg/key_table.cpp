#include "pg/key_table.hpp"

#include "pg/memory.hpp"

extern "C" {
#include "access/genam.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_namespace.h"
#include "executor/executor.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
}

namespace scout::pg {

namespace {

constexpr size_t batch_rows = 256;

AttrNumber column_of(TupleDesc desc, const char *name, Oid type) {
    for (int i = 0; i < desc->natts; i++) {
        Form_pg_attribute a = TupleDescAttr(desc, i);
        if (!a->attisdropped && strcmp(NameStr(a->attname), name) == 0)
            return a->atttypid == type && a->attgenerated == '\0' ? a->attnum : InvalidAttrNumber;
    }
    return InvalidAttrNumber;
}

// Nothing but the two columns, and nothing that acts on an insert.
bool is_plain(Relation table) {
    TupleDesc desc = RelationGetDescr(table);
    int columns = 0;
    for (int i = 0; i < desc->natts; i++) columns += !TupleDescAttr(desc, i)->attisdropped;
    const TupleConstr *c = desc->constr;
    return columns == 2 && table->rd_rel->relkind == RELKIND_RELATION && !table->rd_rel->relispartition &&
           !table->rd_rel->relrowsecurity && table->trigdesc == nullptr && table->rd_rules == nullptr &&
           (c == nullptr || c->num_check == 0) &&
           // Citus keeps the rows of its tables elsewhere.
           !OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE));
}

bool is_unique_on(Relation index, AttrNumber key) {
    Form_pg_index i = index->rd_index;
    return i->indisunique && i->indimmediate && i->indisvalid && i->indnatts == 1 &&
           i->indkey.values[0] == key && index->rd_rel->relam == BTREE_AM_OID &&
           index->rd_opcintype[0] == BYTEAOID &&
           heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr);
}

}  // namespace

void KeyTable::look_at(Relation table) {
    if (!watching_) {
        CacheRegisterRelcacheCallback(
            [](Datum self, Oid changed) {
                auto *t = reinterpret_cast<KeyTable *>(DatumGetPointer(self));
                if (!OidIsValid(changed) || changed == t->relation_) t->relation_ = InvalidOid;
            },
            PointerGetDatum(this));
        watching_ = true;
    }
    relation_ = RelationGetRelid(table);  // first: a change from here on makes the next call look again
    index_ = InvalidOid;
    key_ = column_of(RelationGetDescr(table), key_name_, BYTEAOID);
    value_ = column_of(RelationGetDescr(table), value_name_, INT8OID);
    List *indexes = RelationGetIndexList(table);
    if (is_plain(table) && key_ > 0 && value_ > 0 && list_length(indexes) == 1) {
        Relation index = index_open(linitial_oid(indexes), RowExclusiveLock);
        if (is_unique_on(index, key_)) index_ = RelationGetRelid(index);
        index_close(index, NoLock);
    }
    list_free(indexes);
}

// The lock lets no change of the layout go unnoticed: it takes in what was committed before, and keeps out
// (or, with CONCURRENTLY, makes wait) what comes after.
Relation KeyTable::open(Oid id) {
    Relation table = table_open(id, RowExclusiveLock);
    if (relation_ != id) look_at(table);
    return table;
}

bool KeyTable::find(Oid relation, bytea *key, int64 &value) {
    value = 0;
    Relation table = open(relation);
    if (!OidIsValid(index_)) {
        table_close(table, NoLock);
        return false;
    }
    Relation index = index_open(index_, RowExclusiveLock);
    SnapshotData snapshot;
    InitDirtySnapshot(snapshot);
    ScanKeyData equal;
    ScanKeyInit(&equal, 1, BTEqualStrategyNumber, F_BYTEAEQ, PointerGetDatum(key));
#if PG_VERSION_NUM >= 180000
    IndexScanDesc scan = index_beginscan(table, index, &snapshot, nullptr, 1, 0);
#else
    IndexScanDesc scan = index_beginscan(table, index, &snapshot, 1, 0);
#endif
    index_rescan(scan, &equal, 1, nullptr, 0);
    TupleTableSlot *slot = nullptr;  // most keys are new
    while (value == 0 && index_getnext_tid(scan, ForwardScanDirection) != nullptr) {
        if (slot == nullptr) slot = table_slot_create(table, nullptr);
        if (!index_fetch_heap(scan, slot)) continue;
        if (TransactionIdIsValid(snapshot.xmin)) continue;  // being inserted by another transaction
        bool null;
        const Datum found = slot_getattr(slot, value_, &null);
        if (!null) value = DatumGetInt64(found);  // NULL: a key of no event, written by hand
    }
    index_endscan(scan);
    if (slot != nullptr) ExecDropSingleTupleTableSlot(slot);
    index_close(index, NoLock);
    table_close(table, NoLock);
    return true;
}

bool KeyTable::insert(Oid relation, const Entry *entries, size_t count) {
    Relation table = open(relation);
    if (!OidIsValid(index_)) {
        table_close(table, NoLock);
        return false;
    }
    Relation index = index_open(index_, RowExclusiveLock);
    IndexInfo *info = BuildIndexInfo(index);
    const CommandId command = GetCurrentCommandId(true);
    const size_t width = std::min(count, batch_rows);
    auto **slots = static_cast<TupleTableSlot **>(palloc(width * sizeof(TupleTableSlot *)));
    for (size_t i = 0; i < width; i++) slots[i] = table_slot_create(table, nullptr);

    Workspace scratch("keys of a table");
    for (size_t done = 0; done < count;) {
        const size_t rows = std::min(width, count - done);
        for (size_t i = 0; i < rows; i++) {
            TupleTableSlot *slot = ExecClearTuple(slots[i]);
            const int columns = slot->tts_tupleDescriptor->natts;
            for (int c = 0; c < columns; c++) slot->tts_isnull[c] = true;  // dropped columns
            slot->tts_values[key_ - 1] = PointerGetDatum(entries[done + i].key);
            slot->tts_values[value_ - 1] = Int64GetDatum(entries[done + i].value);
            slot->tts_isnull[key_ - 1] = slot->tts_isnull[value_ - 1] = false;
            ExecStoreVirtualTuple(slot);
        }
        table_multi_insert(table, slots, static_cast<int>(rows), command, 0, nullptr);
        for (size_t i = 0; i < rows; i++) {
            Datum key = PointerGetDatum(entries[done + i].key);
            bool null = false;
            (void)index_insert(index, &key, &null, &slots[i]->tts_tid, table, UNIQUE_CHECK_YES, false, info);
        }
        scratch.clear();
        done += rows;
    }
    scratch.leave();
    for (size_t i = 0; i < width; i++) ExecDropSingleTupleTableSlot(slots[i]);
    index_close(index, NoLock);
    table_close(table, NoLock);
    CommandCounterIncrement();
    return true;
}

}  // namespace scout::pg
