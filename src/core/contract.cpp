#include "core/contract.hpp"

#include "core/text.hpp"

#include <charconv>
#include <cstring>
#include <limits>

namespace scout::core {
namespace {

using Kind = Value::Kind;

constexpr std::string_view supported_event_type = "transaction.v1";

constexpr const char *missing_message = "A required field is missing, null or blank.";
constexpr const char *number_range_message = "The number is beyond numeric(18,4).";

bool is_absent(const Value &value) {
    return value.kind == Kind::missing || value.kind == Kind::null;
}

bool is_absent_or_blank(const Value &value) {
    return is_absent(value) || (value.kind == Kind::string && trim(value.text).empty());
}

// The plain decimal text of a whole number up to its point; empty where the text is anything else.
std::string_view whole_number(std::string_view text) {
    constexpr auto none = std::string_view::npos;
    const size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    const std::string_view digits = !whole.empty() && whole.front() == '-' ? whole.substr(1) : whole;
    if (digits.empty() || digits.find_first_not_of("0123456789") != none) return {};
    if (point == none) return whole;

    const std::string_view fraction = text.substr(point + 1);
    return !fraction.empty() && fraction.find_first_not_of('0') == none ? whole : std::string_view{};
}

// Writes path parts one after the other into a buffer that is known to be long enough.
class PathWriter {
public:
    explicit PathWriter(char (&buffer)[path_text_size]) : begin_(buffer), next_(buffer) {}

    void append(std::string_view text) {
        std::memcpy(next_, text.data(), text.size());
        next_ += text.size();
    }
    void append(int32_t number) { next_ = std::to_chars(next_, begin_ + path_text_size, number).ptr; }

    std::string_view text() const { return {begin_, static_cast<size_t>(next_ - begin_)}; }

private:
    char *begin_, *next_;
};

}  // namespace

std::string_view field_key(Field field) {
    switch (field) {
        case Field::event: return "";
        case Field::event_type: return "event_type";
        case Field::transaction_id: return "transaction_id";
        case Field::store_id: return "store_id";
        case Field::ts: return "ts";
        case Field::total_amount: return "total_amount";
        case Field::net_amount: return "net_amount";
        case Field::customer_id: return "customer_id";
        case Field::payment_method: return "payment_method";
        case Field::items: return "items";
        case Field::product_id: return "product_id";
        case Field::product_name: return "product_name";
        case Field::brand: return "brand";
        case Field::category: return "category";
        case Field::qty: return "qty";
        case Field::unit_price: return "unit_price";
        case Field::line_amount: return "line_amount";
        case Field::discount: return "discount";
    }
    return "";
}

std::string_view format_path(const Finding &finding, char (&buffer)[path_text_size]) {
    PathWriter path(buffer);
    path.append("$");
    if (finding.item >= 0) {
        path.append(".items[");
        path.append(finding.item);
        path.append("]");
    }
    if (finding.field != Field::event) {
        path.append(".");
        path.append(field_key(finding.field));
    }
    return path.text();
}

TransactionCheck::TransactionCheck(const RuleSet &rules, Timestamp received, std::string_view fallback_store)
    : rules_(rules), fallback_store_(fallback_store) {
    facts_.received = received;
}

bool TransactionCheck::reject(Rule rule, Field field, const char *message) {
    rejection_ = Finding{rule, Severity::critical, field, item_, message};
    return false;
}

bool TransactionCheck::holds(Rule rule, Field field, const char *message) {
    const RuleSetting &setting = rules_[rule];
    if (!setting.enabled || !rule_info(rule).broken(facts_, setting.threshold)) return true;
    if (setting.severity == Severity::critical) return reject(rule, field, message);

    for (int i = 0; i < warning_count_; i++)
        if (warnings_[i].rule == rule) return true;
    warnings_[warning_count_++] = Finding{rule, Severity::warning, field, item_, message};
    return true;
}

bool TransactionCheck::required_id(const Value &value, Field field, std::string_view &out) {
    if (is_absent_or_blank(value)) return reject(Rule::missing_field, field, missing_message);

    std::string_view id;
    if (value.kind == Kind::string) id = trim(value.text);
    if (value.kind == Kind::number) id = whole_number(value.text);
    if (id.empty()) return reject(Rule::invalid_type, field, "An id must be a string or a whole number.");
    if (id.size() > max_id_bytes)
        return reject(Rule::out_of_range, field, "An id must not be longer than 256 bytes.");
    out = id;
    return true;
}

bool TransactionCheck::optional_id(const Value &value, Field field, OptionalText &out) {
    out = OptionalText{};
    if (is_absent_or_blank(value)) return true;
    out.present = required_id(value, field, out.text);
    return out.present;
}

bool TransactionCheck::optional_text(const Value &value, Field field, OptionalText &out) {
    out = OptionalText{};
    if (is_absent_or_blank(value)) return true;
    if (value.kind != Kind::string) return reject(Rule::invalid_type, field, "The value must be a string.");
    out = OptionalText{true, value.text};
    return true;
}

bool TransactionCheck::amount(const Value &value, Field field, bool required, OptionalDecimal &out) {
    out = OptionalDecimal{};
    if (is_absent(value)) return required ? reject(Rule::missing_field, field, missing_message) : true;

    ParseStatus status = ParseStatus::malformed;
    if (value.kind == Kind::number) {
        status = value.number_status;
        out.value = value.number;
    } else if (value.kind == Kind::string) {
        status = parse_decimal(value.text, out.value);
    }
    if (status == ParseStatus::malformed)
        return reject(Rule::invalid_type, field, "An amount must be a number or a numeric string.");
    if (status == ParseStatus::out_of_range) return reject(Rule::out_of_range, field, number_range_message);
    out.present = true;
    return true;
}

bool TransactionCheck::timestamp(const Value &value, Timestamp &out) {
    if (is_absent(value)) return reject(Rule::missing_field, Field::ts, missing_message);
    if (value.kind != Kind::string)
        return reject(Rule::invalid_type, Field::ts, "A timestamp must be a string.");
    if (!parse_timestamp(value.text, out))
        return reject(Rule::invalid_timestamp, Field::ts, "The text is not an ISO 8601 date and time.");
    return true;
}

bool TransactionCheck::items(const Value &value, int32_t &count) {
    if (is_absent(value)) return reject(Rule::missing_field, Field::items, missing_message);
    if (value.kind != Kind::array)
        return reject(Rule::invalid_type, Field::items, "The items must be an array.");
    if (value.size > std::numeric_limits<int32_t>::max())
        return reject(Rule::out_of_range, Field::items, "There are more items than can be counted.");
    count = static_cast<int32_t>(value.size);
    return true;
}

bool TransactionCheck::event_type(std::string_view type) {
    if (type == supported_event_type) return true;
    return reject(Rule::unknown_event_type, Field::event_type, "The event type must be transaction.v1.");
}

bool TransactionCheck::header(const RawHeader &raw, Header &out) {
    if (raw.event.kind != Kind::object)
        return reject(Rule::invalid_type, Field::event, "The event must be an object.");

    Value store = raw.store_id;
    if (is_absent_or_blank(store)) {
        store.kind = Kind::string;
        store.text = fallback_store_;  // where it is empty, the field is missing after all
    }
    OptionalDecimal total;
    if (!required_id(raw.transaction_id, Field::transaction_id, out.transaction_id) ||
        !required_id(store, Field::store_id, out.store_id) || !timestamp(raw.ts, out.ts) ||
        !amount(raw.total_amount, Field::total_amount, true, total) ||
        !amount(raw.net_amount, Field::net_amount, false, out.net_amount) ||
        !optional_id(raw.customer_id, Field::customer_id, out.customer_id) ||
        !optional_text(raw.payment_method, Field::payment_method, out.payment_method) ||
        !items(raw.items, out.item_count))
        return false;
    out.total_amount = total.value;
    facts_.total_amount = out.total_amount;
    facts_.ts = out.ts;
    facts_.item_count = out.item_count;
    return header_rules();
}

bool TransactionCheck::header_rules() {
    return holds(Rule::negative_total, Field::total_amount, "The total is less than allowed.") &&
           holds(Rule::amount_above_limit, Field::total_amount, "The total is greater than the limit.") &&
           holds(Rule::future_timestamp, Field::ts, "The timestamp is too far in the future.") &&
           holds(Rule::empty_items, Field::items, "There are no line items.");
}

bool TransactionCheck::line(const RawLine &raw, Line &out) {
    item_++;
    if (raw.element.kind != Kind::object)
        return reject(Rule::invalid_type, Field::event, "A line item must be an object.");

    OptionalDecimal quantity, unit_price, line_amount, discount;
    if (!required_id(raw.product_id, Field::product_id, out.product_id) ||
        !optional_text(raw.product_name, Field::product_name, out.product_name) ||
        !optional_text(raw.brand, Field::brand, out.brand) ||
        !optional_text(raw.category, Field::category, out.category) ||
        !amount(raw.qty, Field::qty, true, quantity) ||
        !amount(raw.unit_price, Field::unit_price, true, unit_price) ||
        !amount(raw.line_amount, Field::line_amount, false, line_amount) ||
        !amount(raw.discount, Field::discount, false, discount))
        return false;
    out.quantity = quantity.value;
    out.unit_price = unit_price.value;
    out.discount = discount.value;
    out.line_amount =
        line_amount.present ? line_amount.value : multiply(out.quantity, out.unit_price) - out.discount;
    if (!out.line_amount.in_range())
        return reject(Rule::out_of_range, Field::line_amount, number_range_message);
    facts_.quantity = out.quantity;
    facts_.unit_price = out.unit_price;
    facts_.lines++;
    facts_.line_sum = facts_.line_sum + out.line_amount;

    // One rule, two places to point at: the quantity where both are wrong.
    return out.quantity.units <= 0
               ? holds(Rule::invalid_line_item, Field::qty, "The quantity must be positive.")
               : holds(Rule::invalid_line_item, Field::unit_price, "The unit price must not be negative.");
}

bool TransactionCheck::finish() {
    item_ = -1;  // what is found now concerns the header
    return holds(Rule::line_total_mismatch, Field::total_amount,
                 "The line amounts do not add up to the total.");
}

}  // namespace scout::core
