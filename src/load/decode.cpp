#include "load/decode.hpp"

#include "extension/installed.hpp"
#include "pg/jsonb_reader.hpp"
#include "pg/jsonb_walk.hpp"
#include "pg/spi.hpp"

namespace scout::load {

namespace {

// The keys of an event and of a line item in JSONB's order, for find_members().
enum HeaderKey {
    h_ts,
    h_items,
    h_store_id,
    h_net_amount,
    h_customer_id,
    h_total_amount,
    h_payment_method,
    h_transaction_id,
    header_keys
};
constexpr std::string_view header_names[header_keys] = {
    "ts",          "items",        "store_id",       "net_amount",
    "customer_id", "total_amount", "payment_method", "transaction_id"};

enum LineKey {
    l_qty,
    l_brand,
    l_category,
    l_discount,
    l_product_id,
    l_unit_price,
    l_line_amount,
    l_product_name,
    line_keys
};
constexpr std::string_view line_names[line_keys] = {
    "qty", "brand", "category", "discount", "product_id", "unit_price", "line_amount", "product_name"};

core::Value value_of(const pg::Member &member) {
    return member.present ? pg::value_of(member.value) : core::Value{};
}

core::Value id_of(const pg::Member &member) {
    return member.present ? pg::id_of(member.value) : core::Value{};
}

core::RawHeader read_header(JsonbContainer *root, JsonbContainer *&items) {
    core::RawHeader raw;
    if (!JsonContainerIsObject(root)) {
        raw.event.kind = core::Value::Kind::array;  // anything that is no object
        return raw;
    }
    pg::Member found[header_keys];
    pg::find_members(root, header_names, header_keys, found);
    raw.event.kind = core::Value::Kind::object;
    raw.transaction_id = id_of(found[h_transaction_id]);
    raw.store_id = id_of(found[h_store_id]);
    raw.ts = value_of(found[h_ts]);
    raw.total_amount = value_of(found[h_total_amount]);
    raw.net_amount = value_of(found[h_net_amount]);
    raw.customer_id = id_of(found[h_customer_id]);
    raw.payment_method = value_of(found[h_payment_method]);
    raw.items = value_of(found[h_items]);
    if (raw.items.kind == core::Value::Kind::array) items = found[h_items].value.val.binary.data;
    return raw;
}

core::RawLine read_line(const JsonbValue &element) {
    core::RawLine raw;
    raw.element = pg::value_of(element);
    if (raw.element.kind != core::Value::Kind::object) return raw;
    pg::Member found[line_keys];
    pg::find_members(element.val.binary.data, line_names, line_keys, found);
    raw.product_id = id_of(found[l_product_id]);
    raw.product_name = value_of(found[l_product_name]);
    raw.brand = value_of(found[l_brand]);
    raw.category = value_of(found[l_category]);
    raw.qty = value_of(found[l_qty]);
    raw.unit_price = value_of(found[l_unit_price]);
    raw.line_amount = value_of(found[l_line_amount]);
    raw.discount = value_of(found[l_discount]);
    return raw;
}

bool check(Batch &batch, core::TransactionCheck &check, std::string_view type, Event &e) {
    JsonbContainer *items = nullptr;
    if (!check.event_type(type) || !check.header(read_header(&e.document->root, items), e.header))
        return false;
    pg::JsonbWalk elements(items);
    JsonbValue element;
    for (uint32 i = 0; i < JsonContainerSize(items); i++) {
        elements.next(element);
        core::Line &line = *batch.lines.extend(1);  // cut off again where the event is rejected
        line = {};
        if (!check.line(read_line(element), line)) return false;
        if ((batch.lines.size() & 0x3FF) == 0) CHECK_FOR_INTERRUPTS();
    }
    return check.finish();
}

int32 count_products(const core::Line *lines, size_t count) {
    constexpr size_t few = 16;  // comparing them all beats sorting them
    if (count <= few) {
        int32 distinct = 0;
        for (size_t i = 0; i < count; i++) {
            size_t j = 0;
            while (j < i && lines[j].product_id != lines[i].product_id) j++;
            distinct += j == i;
        }
        return distinct;
    }
    auto *ids = static_cast<std::string_view *>(palloc(count * sizeof(std::string_view)));
    for (size_t i = 0; i < count; i++) ids[i] = lines[i].product_id;
    std::sort(ids, ids + count);
    auto distinct = std::unique(ids, ids + count) - ids;
    pfree(ids);
    return static_cast<int32>(distinct);
}

}  // namespace

void decode_event(Batch &batch, const core::RuleSet &rules, int64 event_id, std::string_view type,
                  std::string_view store, TimestampTz ingested_at, Jsonb *document) {
    Event e{};
    e.event_id = event_id;
    e.document = document;
    e.type = type;
    e.store = store;
    e.ingested_at = ingested_at;
    e.first_line = batch.lines.size();
    core::TransactionCheck checker(rules, ingested_at, store);
    if (check(batch, checker, type, e)) {
        e.verdict = Verdict::valid;
        e.line_count = batch.lines.size() - e.first_line;
        e.unique_products = count_products(batch.lines_of(e), e.line_count);
        e.first_warning = batch.warnings.size();
        e.warning_count = static_cast<size_t>(checker.warning_count());
        for (int i = 0; i < checker.warning_count(); i++) batch.warnings.push(checker.warning(i));
    } else {
        e.verdict = Verdict::rejected;
        e.finding = checker.rejection();
        batch.lines.truncate(e.first_line);
    }
    batch.events.push(e);
}

}  // namespace scout::load
