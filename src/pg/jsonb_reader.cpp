#include "pg/jsonb_reader.hpp"

#include "pg/jsonb_walk.hpp"
#include "pg/numeric.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace scout::pg {

core::Value value_of(const JsonbValue &value) {
    using Kind = core::Value::Kind;
    core::Value out;
    switch (value.type) {
        case jbvNull: out.kind = Kind::null; break;
        case jbvString:
            out.kind = Kind::string;
            out.text = {value.val.string.val, static_cast<size_t>(value.val.string.len)};
            break;
        case jbvNumeric:
            out.kind = Kind::number;
            out.number_status = decimal_of(value.val.numeric, out.number);
            break;
        case jbvBool: out.kind = Kind::boolean; break;
        case jbvBinary:
            if (JsonContainerIsArray(value.val.binary.data)) {
                out.kind = Kind::array;
                out.size = JsonContainerSize(value.val.binary.data);
            } else {
                out.kind = Kind::object;
            }
            break;
        default: elog(ERROR, "unexpected jsonb value type %d", static_cast<int>(value.type));
    }
    return out;
}

core::Value id_of(const JsonbValue &value) {
    core::Value out = value_of(value);
    if (value.type == jbvNumeric)
        out.text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
    return out;
}

core::Value member(JsonbContainer *object, std::string_view key) {
    JsonbValue value;
    if (getKeyJsonValueFromContainer(object, key.data(), static_cast<int>(key.size()), &value) == nullptr)
        return {};
    return value_of(value);
}

void find_members(JsonbContainer *object, const std::string_view *keys, size_t count, Member *found) {
    constexpr size_t most = 16;
    if (count > most) elog(ERROR, "too many keys to look for: %zu", count);
    uint32 positions[most];
    size_t hits = 0, hit[most];
    const uint32 pairs = JsonContainerSize(object);
    JsonbWalk names(object), values(object, pairs);
    size_t wanted = 0;
    for (uint32 i = 0; i < pairs && wanted < count; i++) {
        const std::string_view name = names.next_key();
        int order;
        do {
            order = keys[wanted].size() != name.size() ? (keys[wanted].size() < name.size() ? -1 : 1)
                                                       : keys[wanted].compare(name);
            if (order > 0) break;
            found[wanted].present = order == 0;
            if (order == 0) {
                hit[hits] = wanted;
                positions[hits++] = i;
            }
            wanted++;
        } while (order != 0 && wanted < count);
    }
    for (; wanted < count; wanted++) found[wanted].present = false;
    for (uint32 i = 0, h = 0; i < pairs && h < hits; i++) {
        if (positions[h] == i)
            values.next(found[hit[h++]].value);
        else
            values.skip();
    }
}

namespace {

// Finds what a finding points at, step by step: the document, an element of items, a key.
bool locate(Jsonb *document, const core::Finding &finding, JsonbValue &value) {
    value.type = jbvBinary;
    value.val.binary.data = &document->root;
    value.val.binary.len = VARSIZE_ANY_EXHDR(document);
    auto step_into = [&value](std::string_view key) {
        if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data)) return false;
        return getKeyJsonValueFromContainer(value.val.binary.data, key.data(), static_cast<int>(key.size()),
                                            &value) != nullptr;
    };
    if (finding.item >= 0) {
        if (!step_into("items") || value.type != jbvBinary) return false;
        JsonbValue *element =
            getIthJsonbValueFromContainer(value.val.binary.data, static_cast<uint32>(finding.item));
        if (element == nullptr) return false;
        value = *element;
    }
    return finding.field == core::Field::event || step_into(core::field_key(finding.field));
}

char *text_of(const JsonbValue &value) {
    switch (value.type) {
        case jbvBinary: return JsonbToCString(nullptr, value.val.binary.data, value.val.binary.len);
        case jbvString: return pnstrdup(value.val.string.val, value.val.string.len);
        case jbvNumeric:
            return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
        case jbvBool: return pstrdup(value.val.boolean ? "true" : "false");
        default: return pstrdup("null");
    }
}

}  // namespace

const char *value_at(Jsonb *document, const core::Finding &finding, int limit) {
    JsonbValue value;
    if (!locate(document, finding, value)) return nullptr;
    char *text = text_of(value);
    int length = static_cast<int>(strlen(text));
    if (length > limit) text[pg_mbcliplen(text, length, limit)] = '\0';
    return text;
}

}  // namespace scout::pg
