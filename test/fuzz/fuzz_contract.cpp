// Any event under any rules: bytes become the values that a reader could hand to the check.
#include "core/contract.hpp"
#include "core/text.hpp"
#include "invariant.hpp"

#include <fuzzer/FuzzedDataProvider.h>

#include <list>
#include <string>

using namespace scout::core;

namespace {

class EventSource {
public:
    EventSource(const uint8_t *bytes, size_t size) : data_(bytes, size) {}

    bool more() { return data_.remaining_bytes() > 0; }

    std::string_view text() {
        static constexpr const char *likely[] = {
            "",   " ",     "a-1", "2024-05-01T10:00:00Z", "9999-12-31T24:00",
            "10", "12.50", "-1",  "99999999999999.9999",  "1e400"};
        if (data_.ConsumeBool()) return data_.PickValueInArray(likely);
        return texts_.emplace_back(data_.ConsumeRandomLengthString(300));
    }

    // What a reader supplies for a number in an id field, and what it should not.
    std::string_view number_text() {
        static constexpr const char *likely[] = {"", "7", "-7", "5.0", "5.01", "20240501000012345"};
        switch (data_.ConsumeIntegralInRange(0, 2)) {
            case 0: return data_.PickValueInArray(likely);
            case 1: return texts_.emplace_back(data_.ConsumeRandomLengthString(300));
        }
        std::string digits(data_.ConsumeIntegralInRange<size_t>(0, 300), '9');
        if (data_.ConsumeBool()) digits += "." + std::string(data_.ConsumeIntegralInRange(0, 3), '0');
        return texts_.emplace_back(digits);
    }

    Decimal decimal() {
        constexpr int64_t bound = static_cast<int64_t>(Decimal::limit) - 1;
        const int64_t small = 1'000'000;
        return Decimal{data_.ConsumeBool() ? data_.ConsumeIntegralInRange(-small, small)
                                           : data_.ConsumeIntegralInRange(-bound, bound)};
    }

    Value value(Value::Kind likely) {
        Value value;
        value.kind = data_.ConsumeIntegralInRange(0, 7) > 0 ? likely : data_.PickValueInArray(kinds_);
        switch (value.kind) {
            case Value::Kind::string: value.text = text(); break;
            case Value::Kind::number:
                value.number_status = data_.PickValueInArray(statuses_);
                if (value.number_status == ParseStatus::ok) value.number = decimal();
                value.text = number_text();
                break;
            case Value::Kind::array: value.size = data_.ConsumeIntegral<uint32_t>(); break;
            default: break;
        }
        return value;
    }

    RawHeader header() {
        using Kind = Value::Kind;
        return {value(Kind::object), value(Kind::string), value(Kind::string),
                value(Kind::string), value(Kind::number), value(Kind::number),
                value(Kind::string), value(Kind::string), value(Kind::array)};
    }

    RawLine line() {
        using Kind = Value::Kind;
        return {value(Kind::object), value(Kind::string), value(Kind::string),
                value(Kind::string), value(Kind::string), value(Kind::number),
                value(Kind::number), value(Kind::number), value(Kind::number)};
    }

    RuleSet rules() {
        RuleSet rules = RuleSet::defaults();
        for (RuleSetting &setting : rules.settings) {
            if (data_.ConsumeBool()) continue;
            setting.enabled = data_.ConsumeBool();
            setting.severity = data_.ConsumeBool() ? Severity::critical : Severity::warning;
            setting.threshold = decimal();
        }
        return rules;
    }

    Timestamp received() { return data_.ConsumeIntegral<int64_t>(); }

private:
    static constexpr Value::Kind kinds_[] = {Value::Kind::missing, Value::Kind::null,    Value::Kind::string,
                                             Value::Kind::number,  Value::Kind::boolean, Value::Kind::array,
                                             Value::Kind::object};
    static constexpr ParseStatus statuses_[] = {ParseStatus::ok, ParseStatus::ok, ParseStatus::malformed,
                                                ParseStatus::out_of_range};

    FuzzedDataProvider data_;
    std::list<std::string> texts_;
};

bool structural(Rule rule) {
    return rule < first_tunable_rule;
}

void check_finding(const Finding &finding, const RuleSet &rules, Severity severity, int32_t items) {
    INVARIANT(finding.severity == severity);
    INVARIANT(static_cast<int>(finding.rule) < rule_count);
    INVARIANT(finding.item >= -1 && finding.item < items);
    INVARIANT(finding.message[0] != '\0');
    if (structural(finding.rule))
        INVARIANT(severity == Severity::critical);
    else
        INVARIANT(rules[finding.rule].enabled && rules[finding.rule].severity == severity);

    const bool in_line = finding.field >= Field::product_id;
    INVARIANT(in_line ? finding.item >= 0 : finding.item == -1 || finding.field == Field::event);
    char buffer[path_text_size];
    const std::string_view path = format_path(finding, buffer);
    const std::string_view key = field_key(finding.field);
    INVARIANT(path.front() == '$');
    INVARIANT(path.substr(path.size() - key.size()) == key);
}

void check_id(const Value &raw, std::string_view id) {
    INVARIANT(!id.empty() && id.size() <= max_id_bytes && trim(id) == id);
    if (raw.kind == Value::Kind::string) INVARIANT(id == trim(raw.text));
    if (raw.kind != Value::Kind::number) return;

    // The reader's own digits, all of them, and nothing but zeros left out.
    INVARIANT(id.data() == raw.text.data());
    const std::string_view digits = id.substr(id.front() == '-'), left_out = raw.text.substr(id.size());
    INVARIANT(!digits.empty() && digits.find_first_not_of("0123456789") == digits.npos);
    INVARIANT(left_out.empty() || (left_out.size() > 1 && left_out.front() == '.'));
    INVARIANT(left_out.find_first_not_of('0', 1) == left_out.npos);
}

// An event without a store has the fallback.
void check_store(const Value &raw, std::string_view fallback, std::string_view id) {
    const bool named = raw.kind == Value::Kind::number || !trim(raw.text).empty();
    Value source;
    source.kind = Value::Kind::string;
    source.text = fallback;
    check_id(named ? raw : source, id);
}

void check_text(const OptionalText &text) {
    INVARIANT(text.present ? !trim(text.text).empty() : text.text.empty());
}

void check_header(const RawHeader &raw, std::string_view fallback_store, const Header &header) {
    check_id(raw.transaction_id, header.transaction_id);
    check_store(raw.store_id, fallback_store, header.store_id);
    if (header.customer_id.present) check_id(raw.customer_id, header.customer_id.text);
    check_text(header.customer_id);
    check_text(header.payment_method);
    INVARIANT(header.total_amount.in_range());
    INVARIANT(header.net_amount.value.in_range());
    INVARIANT(header.net_amount.present || header.net_amount.value == Decimal{});
    INVARIANT(header.item_count >= 0);
}

void check_line(const RawLine &raw, const Line &line) {
    check_id(raw.product_id, line.product_id);
    check_text(line.product_name);
    check_text(line.brand);
    check_text(line.category);
    INVARIANT(line.quantity.in_range() && line.unit_price.in_range());
    INVARIANT(line.line_amount.in_range() && line.discount.in_range());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    EventSource source(bytes, size);
    const RuleSet rules = source.rules();
    const Timestamp received = source.received();
    const std::string_view fallback_store = source.text();
    TransactionCheck check(rules, received, fallback_store);

    const RawHeader raw_header = source.header();
    Header header;
    int32_t items = 0;
    bool accepted = check.header(raw_header, header);
    if (accepted) check_header(raw_header, fallback_store, header);
    while (accepted && source.more()) {
        const RawLine raw = source.line();
        Line line;
        items++;
        accepted = check.line(raw, line);
        if (accepted) check_line(raw, line);
    }
    accepted = accepted && check.finish();

    if (!accepted) check_finding(check.rejection(), rules, Severity::critical, items);
    INVARIANT(check.warning_count() >= 0 && check.warning_count() <= rule_count);
    for (int i = 0; i < check.warning_count(); i++) {
        check_finding(check.warning(i), rules, Severity::warning, items);
        for (int j = 0; j < i; j++) INVARIANT(check.warning(i).rule != check.warning(j).rule);
    }
    return 0;
}
