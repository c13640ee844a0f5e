// Events for the tests of the contract: a valid one to change, and a check that sums up its answer
// in one comparable string.
#pragma once

#include "core/contract.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scout::test {

using namespace scout::core;

inline Value of_kind(Value::Kind kind) {
    Value value;
    value.kind = kind;
    return value;
}

inline Value missing() {
    return of_kind(Value::Kind::missing);
}

inline Value null() {
    return of_kind(Value::Kind::null);
}

inline Value boolean() {
    return of_kind(Value::Kind::boolean);
}

inline Value object() {
    return of_kind(Value::Kind::object);
}

inline Value array(uint32_t size) {
    Value value = of_kind(Value::Kind::array);
    value.size = size;
    return value;
}

inline Value string(std::string_view text) {
    Value value = of_kind(Value::Kind::string);
    value.text = text;
    return value;
}

// A JSON number, as a reader would have converted it for an amount.
inline Value number(std::string_view text) {
    Value value = of_kind(Value::Kind::number);
    value.number_status = parse_decimal(text, value.number);
    return value;
}

// A JSON number in plain decimal text, as a reader would have supplied it for an id.
inline Value id_number(std::string_view text) {
    Value value = number(text);
    value.text = text;
    return value;
}

inline RawLine valid_line() {
    RawLine line;
    line.element = object();
    line.product_id = string("p-1");
    line.qty = number("2");
    line.unit_price = number("10.50");
    return line;
}

// Two lines of 21.00 each.
struct Event {
    RawHeader header;
    std::vector<RawLine> lines{valid_line(), valid_line()};

    Event() {
        header.event = object();
        header.transaction_id = string("t-1");
        header.store_id = string("s-1");
        header.ts = string("2024-05-01T10:00:00Z");
        header.total_amount = number("42.00");
        header.items = array(2);
    }

    // An event with these lines only.
    explicit Event(std::vector<RawLine> with) : Event() {
        lines = std::move(with);
        header.items = array(static_cast<uint32_t>(lines.size()));
    }
};

// Runs a whole event through the check and keeps everything that came out of it.
class Run {
public:
    explicit Run(const Event &event, const RuleSet &rules = RuleSet::defaults(),
                 std::string_view fallback_store = "")
        : rules_(rules), check_(rules_, received(), fallback_store) {
        accepted_ = check_.event_type("transaction.v1") && check_.header(event.header, header);
        for (const RawLine &raw : event.lines)
            accepted_ = accepted_ && check_.line(raw, lines.emplace_back());
        accepted_ = accepted_ && check_.finish();
    }

    // "accepted" or "RULE path", then "; RULE path" for every warning.
    std::string verdict() const {
        std::string text = accepted_ ? "accepted" : describe(check_.rejection());
        for (int i = 0; i < check_.warning_count(); i++) text += "; " + describe(check_.warning(i));
        return text;
    }

    bool accepted() const { return accepted_; }
    const TransactionCheck &check() const { return check_; }

    static Timestamp received() {
        Timestamp ts = 0;
        parse_timestamp("2024-05-01T12:00:00Z", ts);
        return ts;
    }

    static std::string describe(const Finding &finding) {
        char buffer[path_text_size];
        return std::string(rule_info(finding.rule).code) + " " + std::string(format_path(finding, buffer));
    }

    Header header;
    std::vector<Line> lines;

private:
    RuleSet rules_;
    TransactionCheck check_;
    bool accepted_ = false;
};

inline std::string verdict(const Event &event, const RuleSet &rules = RuleSet::defaults()) {
    return Run(event, rules).verdict();
}

inline std::string text_of(Decimal value) {
    char buffer[decimal_text_size];
    return std::string(format_decimal(value, buffer));
}

}  // namespace scout::test
