// The event contract transaction.v1: from untyped JSON values to a typed transaction.
//
// This file knows nothing of JSONB or of a server: a reader fills RawHeader and RawLine with views
// into memory that it owns, and the check below turns them into typed rows, or into one Finding
// that says which rule was broken, where, and whether that is critical. No allocation happens here;
// every view in the results points into the reader's memory or into the fallback store.
//
// Rule order is part of the contract, because an event has exactly one rejection: header fields in
// the order of RawHeader, then rules on the header, then lines in order, then rules on the sum.
#pragma once

#include "core/decimal.hpp"
#include "core/rules.hpp"
#include "core/timestamp.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace scout::core {

// The longest id, in bytes as it is kept; longer ones would not fit a B-tree key.
constexpr size_t max_id_bytes = 256;

// A number is given twice, because a Decimal cannot hold every id: amounts use `number`, ids use
// `text` alone, so that no digit is lost however long the number is.
struct Value {
    enum class Kind : uint8_t { missing, null, string, number, boolean, array, object };
    Kind kind = Kind::missing;
    ParseStatus number_status = ParseStatus::ok;  // of kind number, for amounts only
    // Of kind string: unescaped UTF-8. Of kind number: its plain decimal text (no exponent) where the
    // field is an id, otherwise empty. Owned by the reader.
    std::string_view text;
    Decimal number;     // of kind number, where number_status is ok
    uint32_t size = 0;  // of kind array: number of elements
};

enum class Field : uint8_t {
    event,
    event_type,
    transaction_id,
    store_id,
    ts,
    total_amount,
    net_amount,
    customer_id,
    payment_method,
    items,
    product_id,
    product_name,
    brand,
    category,
    qty,
    unit_price,
    line_amount,
    discount,
};

// The field's JSON key: "transaction_id", ... (event: "", event_type: "event_type").
std::string_view field_key(Field field);

struct RawHeader {
    Value event;  // the document itself: must be an object
    Value transaction_id, store_id, ts, total_amount, net_amount, customer_id, payment_method, items;
};

struct RawLine {
    Value element;  // the array element itself: must be an object
    Value product_id, product_name, brand, category, qty, unit_price, line_amount, discount;
};

struct OptionalText {
    bool present = false;
    std::string_view text;
};

struct OptionalDecimal {
    bool present = false;
    Decimal value;
};

struct Header {
    // Ids are trimmed and keep their spelling; one given as a number is its digits (5.0: "5").
    std::string_view transaction_id, store_id;
    Timestamp ts = 0;
    Decimal total_amount;
    OptionalDecimal net_amount;
    OptionalText customer_id, payment_method;
    int32_t item_count = 0;  // lines, not pieces
};

struct Line {
    std::string_view product_id;  // as the ids of the header
    OptionalText product_name, brand, category;
    Decimal quantity, unit_price, line_amount;
    Decimal discount;  // 0 where absent
};

// Where a finding points: $, $.total_amount, $.items[3].qty
struct Finding {
    Rule rule = Rule::invalid_type;
    Severity severity = Severity::critical;
    Field field = Field::event;
    int32_t item = -1;         // index into items, -1 for header fields
    const char *message = "";  // static text, one sentence without the value
};

// Writes the JSON path of a finding ("$.items[3].qty") into `buffer`.
constexpr size_t path_text_size = 64;
std::string_view format_path(const Finding &finding, char (&buffer)[path_text_size]);

// Checks one event. Call header(), then line() for every item in order, then finish(); stop at the
// first false: rejection() says why. warnings() may be non-empty for an accepted event.
class TransactionCheck {
public:
    // `received` is when the event was ingested: the only clock the contract knows, so that
    // checking an event again gives the same answer. `fallback_store` is used where the event
    // names no store, or a blank one (may be empty); it must live as long as the results.
    TransactionCheck(const RuleSet &rules, Timestamp received, std::string_view fallback_store);

    bool event_type(std::string_view type);  // before header(); false unless "transaction.v1"
    bool header(const RawHeader &raw, Header &out);
    bool line(const RawLine &raw, Line &out);
    bool finish();

    const Finding &rejection() const { return rejection_; }
    int warning_count() const { return warning_count_; }
    const Finding &warning(int i) const { return warnings_[i]; }

private:
    bool reject(Rule rule, Field field, const char *message);
    bool holds(Rule rule, Field field, const char *message);  // false: broken, and critical
    bool required_id(const Value &value, Field field, std::string_view &out);
    bool optional_id(const Value &value, Field field, OptionalText &out);
    bool optional_text(const Value &value, Field field, OptionalText &out);
    bool amount(const Value &value, Field field, bool required, OptionalDecimal &out);
    bool timestamp(const Value &value, Timestamp &out);
    bool items(const Value &value, int32_t &count);
    bool header_rules();

    const RuleSet &rules_;
    std::string_view fallback_store_;
    Facts facts_;
    int32_t item_ = -1;
    Finding rejection_;
    Finding warnings_[rule_count];
    int warning_count_ = 0;  // at most one per rule: the first
};

}  // namespace scout::core
