#include "pipeline/decode.hpp"

#include "pg/jsonb_reader.hpp"
#include "pg/relation.hpp"
#include "pg/spi.hpp"

namespace scout::pipeline {

namespace {

using core::Field;

core::RawHeader read_header(Jsonb *document) {
    core::RawHeader raw;
    JsonbContainer *root = &document->root;
    if (!JsonContainerIsObject(root)) {
        raw.event.kind = core::Value::Kind::array;  // anything that is no object
        return raw;
    }
    raw.event.kind = core::Value::Kind::object;
    raw.transaction_id = pg::id_member(root, core::field_key(Field::transaction_id));
    raw.store_id = pg::id_member(root, core::field_key(Field::store_id));
    raw.ts = pg::member(root, core::field_key(Field::ts));
    raw.total_amount = pg::member(root, core::field_key(Field::total_amount));
    raw.net_amount = pg::member(root, core::field_key(Field::net_amount));
    raw.customer_id = pg::id_member(root, core::field_key(Field::customer_id));
    raw.payment_method = pg::member(root, core::field_key(Field::payment_method));
    raw.items = pg::member(root, core::field_key(Field::items));
    return raw;
}

core::RawLine read_line(const JsonbValue &element) {
    core::RawLine raw;
    raw.element = pg::value_of(element);
    if (raw.element.kind != core::Value::Kind::object) return raw;
    JsonbContainer *object = element.val.binary.data;
    raw.product_id = pg::id_member(object, core::field_key(Field::product_id));
    raw.product_name = pg::member(object, core::field_key(Field::product_name));
    raw.brand = pg::member(object, core::field_key(Field::brand));
    raw.category = pg::member(object, core::field_key(Field::category));
    raw.qty = pg::member(object, core::field_key(Field::qty));
    raw.unit_price = pg::member(object, core::field_key(Field::unit_price));
    raw.line_amount = pg::member(object, core::field_key(Field::line_amount));
    raw.discount = pg::member(object, core::field_key(Field::discount));
    return raw;
}

bool check(Batch &batch, core::TransactionCheck &check, std::string_view type, Event &e) {
    if (!check.event_type(type) || !check.header(read_header(e.document), e.header)) return false;
    JsonbValue items, element;
    if (getKeyJsonValueFromContainer(&e.document->root, "items", 5, &items) == nullptr) return false;
    pg::Elements elements(items.val.binary.data);
    while (elements.next(element)) {
        core::Line line;
        if (!check.line(read_line(element), line)) return false;
        batch.lines.push(line);
        if ((batch.lines.size() & 0x3FF) == 0) CHECK_FOR_INTERRUPTS();
    }
    return check.finish();
}

int32 count_products(const core::Line *lines, size_t count) {
    auto *ids = static_cast<std::string_view *>(palloc((count + 1) * sizeof(std::string_view)));
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

core::RuleSet current_rules() {
    static pg::Statement overrides(
        "SELECT code, enabled, severity, (threshold * 10000)::bigint FROM scout.rule_overrides");
    core::RuleSet rules = core::RuleSet::defaults();
    pg::AsRole owner(pg::extension_owner());
    pg::Rows rows = overrides.read({});
    owner.end();
    for (uint64 i = 0; i < rows.count(); i++) {
        const core::RuleInfo *info = core::find_rule(rows.text(i, 1));
        if (info == nullptr || info->rule < core::first_tunable_rule) continue;
        core::RuleSetting &setting = rules[info->rule];
        if (!rows.is_null(i, 2)) setting.enabled = rows.boolean(i, 2);
        if (!rows.is_null(i, 3))
            setting.severity =
                rows.text(i, 3) == "critical" ? core::Severity::critical : core::Severity::warning;
        if (!rows.is_null(i, 4)) setting.threshold = core::Decimal{rows.int8(i, 4)};
    }
    rows.free();
    return rules;
}

}  // namespace scout::pipeline
