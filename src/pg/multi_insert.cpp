#include "pg/multi_insert.hpp"

#include "pg/memory.hpp"
#include "pg/numeric.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/lsyscache.h"
}

namespace scout::pg {

namespace {

// As many as COPY collects.
constexpr int max_rows = 1000;
constexpr size_t max_bytes = 64 * 1024;

constexpr int32 numeric_typmod = ((18 << 16) | core::Decimal::scale) + VARHDRSZ;  // numeric(18, 4)

// Values are stored as they come: the column must not want to change them.
bool stores_as_it_is(const FormData_pg_attribute *a, Oid type) {
    if (a->atttypid != type || a->attgenerated != '\0') return false;
    return a->atttypmod == -1 || (type == NUMERICOID && a->atttypmod == numeric_typmod);
}

// A default that the table does not know of: by identity, or by a domain.
bool fills_itself(const FormData_pg_attribute *a) {
    return !a->attisdropped && (a->attidentity != '\0' || get_typtype(a->atttypid) == TYPTYPE_DOMAIN);
}

bool acts_on_insert(const TriggerDesc *t) {
    return t != nullptr &&
           (t->trig_insert_before_row || t->trig_insert_after_row || t->trig_insert_instead_row ||
            t->trig_insert_before_statement || t->trig_insert_after_statement || t->trig_insert_new_table);
}

int number_of(TupleDesc desc, const char *name) {
    for (int i = 0; i < desc->natts; i++) {
        Form_pg_attribute a = TupleDescAttr(desc, i);
        if (!a->attisdropped && strcmp(NameStr(a->attname), name) == 0) return i;
    }
    return -1;
}

}  // namespace

bool takes_multi_insert(Relation table, const BulkColumn *columns, size_t count) {
    const Form_pg_class form = table->rd_rel;
    if (form->relkind != RELKIND_RELATION || form->relam != HEAP_TABLE_AM_OID || form->relispartition ||
        acts_on_insert(table->trigdesc))
        return false;
    TupleDesc desc = RelationGetDescr(table);
    if (desc->constr != nullptr && (desc->constr->has_generated_stored || desc->constr->num_defval > 0))
        return false;
    for (int i = 0; i < desc->natts; i++)
        if (fills_itself(TupleDescAttr(desc, i))) return false;
    for (size_t i = 0; i < count; i++) {
        const int at = number_of(desc, columns[i].name);
        if (at < 0 || !stores_as_it_is(TupleDescAttr(desc, at), columns[i].type)) return false;
    }
    return true;
}

namespace {

void insert_index_entries(ResultRelInfo *result, TupleTableSlot *slot, EState *estate) {
#if PG_VERSION_NUM >= 160000
    (void)ExecInsertIndexTuples(result, slot, estate, false, false, nullptr, NIL, false);
#else
    (void)ExecInsertIndexTuples(result, slot, estate, false, false, nullptr, NIL);
#endif
}

// Collects rows in slots and writes them when there are enough.
class Inserter final : public BulkRows {
public:
    Inserter(Relation table, const BulkColumn *columns, size_t count)
        : table_(table),
          command_(GetCurrentCommandId(true)),
          estate_(CreateExecutorState()),
          result_(makeNode(ResultRelInfo)),
          values_(columns_context("rows to insert")),
          scratch_(columns_context("insert of rows")) {
        InitResultRelInfo(result_, table, 0, nullptr, 0);
        ExecOpenIndices(result_, false);
        TupleDesc desc = RelationGetDescr(table);
        columns_ = static_cast<int *>(palloc(count * sizeof(int)));
        for (size_t i = 0; i < count; i++) columns_[i] = number_of(desc, columns[i].name);
        has_constraints_ = desc->constr != nullptr;
    }

    void begin_row() override {
        end_row();
        if (rows_ == max_rows || bytes_ >= max_bytes) flush();
        if (slots_[rows_] == nullptr) slots_[rows_] = table_slot_create(table_, nullptr);
        slot_ = slots_[rows_];
        ExecClearTuple(slot_);
        slot_->tts_tableOid = RelationGetRelid(table_);  // a CHECK constraint may ask for it
        // The columns that rows do not bring, dropped ones too.
        std::fill_n(slot_->tts_isnull, slot_->tts_tupleDescriptor->natts, true);
        next_ = columns_;
    }
    void text(std::string_view value) override {
        const Size size = value.size() + VARHDRSZ;
        auto *copy = static_cast<struct varlena *>(MemoryContextAlloc(values_, size));
        SET_VARSIZE(copy, size);
        std::memcpy(VARDATA(copy), value.data(), value.size());
        bytes_ += size;
        put(PointerGetDatum(copy));
    }
    void int4(int32 value) override { put(Int32GetDatum(value)); }
    void int8(int64 value) override { put(Int64GetDatum(value)); }
    void timestamp(TimestampTz value) override { put(TimestampTzGetDatum(value)); }
    void decimal(core::Decimal value) override {
        MemoryContext outer = MemoryContextSwitchTo(values_);
        put(numeric_of(value));
        MemoryContextSwitchTo(outer);
    }
    void null() override { next_++; }

    uint64 finish() {
        end_row();
        flush();
        for (TupleTableSlot *slot : slots_)
            if (slot != nullptr) ExecDropSingleTupleTableSlot(slot);
        ExecCloseIndices(result_);
        FreeExecutorState(estate_);
        MemoryContextDelete(values_);
        MemoryContextDelete(scratch_);
        return written_;
    }

private:
    static MemoryContext columns_context(const char *name) {
        return AllocSetContextCreateInternal(CurrentMemoryContext, name, ALLOCSET_DEFAULT_SIZES);
    }

    void put(Datum value) {
        slot_->tts_values[*next_] = value;
        slot_->tts_isnull[*next_++] = false;
        bytes_ += sizeof value;
    }

    void end_row() {
        if (slot_ == nullptr) return;
        ExecStoreVirtualTuple(slot_);
        if (has_constraints_) ExecConstraints(result_, slot_, estate_);
        slot_ = nullptr;
        rows_++;
    }

    void flush() {
        if (rows_ == 0) return;
        CHECK_FOR_INTERRUPTS();
        MemoryContext outer = MemoryContextSwitchTo(scratch_);  // table_multi_insert() leaves things behind
        table_multi_insert(table_, slots_, rows_, command_, 0, nullptr);
        MemoryContextSwitchTo(outer);
        if (result_->ri_NumIndices > 0)
            for (int i = 0; i < rows_; i++) insert_index_entries(result_, slots_[i], estate_);
        for (int i = 0; i < rows_; i++) ExecClearTuple(slots_[i]);
        ResetPerTupleExprContext(estate_);
        MemoryContextReset(scratch_);
        MemoryContextReset(values_);
        written_ += static_cast<uint64>(rows_);
        rows_ = 0;
        bytes_ = 0;
    }

    Relation table_;
    CommandId command_;
    EState *estate_;
    ResultRelInfo *result_;
    MemoryContext values_, scratch_;
    int *columns_;               // where in the table the n-th value goes
    const int *next_ = nullptr;  // of the row that is being filled
    TupleTableSlot *slot_ = nullptr;
    TupleTableSlot *slots_[max_rows] = {};
    int rows_ = 0;
    size_t bytes_ = 0;
    uint64 written_ = 0;
    bool has_constraints_;
};

}  // namespace

uint64 multi_insert(Relation table, const BulkColumn *columns, size_t count, bool (*next)(void *, BulkRows &),
                    void *argument) {
    auto *rows = new (palloc(sizeof(Inserter))) Inserter(table, columns, count);
    while (next(argument, *rows)) {}
    return rows->finish();
}

}  // namespace scout::pg
