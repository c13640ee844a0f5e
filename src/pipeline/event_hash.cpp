#include "pipeline/event_hash.hpp"

#include "core/text.hpp"
#include "pg/wrapper.hpp"

extern "C" {
#include "common/cryptohash.h"
#include "common/sha2.h"
}

namespace scout::pipeline {

namespace {

// Collects the canonical bytes in one buffer: one call into the digest instead of one per field.
class Canonical {
public:
    Canonical() { initStringInfo(&bytes_); }

    void tag(char c) { appendStringInfoCharMacro(&bytes_, c); }
    void text(std::string_view value) {
        length(value.size());
        appendBinaryStringInfo(&bytes_, value.data(), static_cast<int>(value.size()));
    }
    void id(std::string_view value) {
        value = core::trim(value);
        length(value.size());
        enlargeStringInfo(&bytes_, static_cast<int>(value.size()));
        for (char c : value) bytes_.data[bytes_.len++] = core::fold(c);
        bytes_.data[bytes_.len] = '\0';
    }
    // By value: the text without trailing zeros of the fraction.
    void number(Numeric value) {
        Datum trimmed = DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(value));
        text(DatumGetCString(DirectFunctionCall1(numeric_out, trimmed)));
    }
    const StringInfoData &bytes() const { return bytes_; }

private:
    void length(size_t size) {
        uint32 n = static_cast<uint32>(size);
        for (int shift = 0; shift < 32; shift += 8) tag(static_cast<char>((n >> shift) & 0xFF));
    }
    StringInfoData bytes_;
};

enum class Place { top, items, other };

bool is_id(std::string_view key, Place place) {
    if (place == Place::top) return key == "transaction_id" || key == "store_id" || key == "customer_id";
    return place == Place::items && key == "product_id";
}

void add_container(Canonical &out, JsonbContainer *container, Place place);

void add_value(Canonical &out, const JsonbValue &value, bool id, Place inside) {
    switch (value.type) {
        case jbvNull: out.tag('n'); break;
        case jbvBool: out.tag(value.val.boolean ? 't' : 'f'); break;
        case jbvNumeric:
            out.tag('#');
            out.number(value.val.numeric);
            break;
        case jbvString: {
            std::string_view text(value.val.string.val, static_cast<size_t>(value.val.string.len));
            out.tag('s');
            id ? out.id(text) : out.text(text);
            break;
        }
        case jbvBinary: add_container(out, value.val.binary.data, inside); break;
        default: elog(ERROR, "unexpected jsonb value type %d", static_cast<int>(value.type));
    }
}

void add_container(Canonical &out, JsonbContainer *container, Place place) {
    check_stack_depth();
    CHECK_FOR_INTERRUPTS();
    JsonbIterator *iterator = JsonbIteratorInit(container);
    JsonbValue value;
    std::string_view key;
    for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE;) {
        switch (token) {
            case WJB_BEGIN_ARRAY: out.tag('['); break;
            case WJB_BEGIN_OBJECT: out.tag('{'); break;
            case WJB_END_ARRAY: out.tag(']'); break;
            case WJB_END_OBJECT: out.tag('}'); break;
            case WJB_KEY:
                key = {value.val.string.val, static_cast<size_t>(value.val.string.len)};
                if (place == Place::top && key == "metadata") {
                    (void)JsonbIteratorNext(&iterator, &value, true);  // its value
                    continue;
                }
                out.tag('k');
                out.text(key);
                break;
            case WJB_VALUE:
                add_value(out, value, is_id(key, place),
                          place == Place::top && key == "items" ? Place::items : Place::other);
                break;
            // The elements of the items array are the objects whose product_id counts as an id.
            case WJB_ELEM: add_value(out, value, false, place); break;
            default: elog(ERROR, "unexpected jsonb token %d", static_cast<int>(token));
        }
    }
    // The iterator frees itself when it is done.
}

}  // namespace

EventHash hash_event(Jsonb *event, std::string_view event_type) {
    Canonical canonical;
    canonical.text(event_type);
    add_container(canonical, &event->root, JsonContainerIsObject(&event->root) ? Place::top : Place::other);

    uint8 digest[PG_SHA256_DIGEST_LENGTH];
    pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
    if (context == nullptr || pg_cryptohash_init(context) < 0 ||
        pg_cryptohash_update(context, reinterpret_cast<const uint8 *>(canonical.bytes().data),
                             static_cast<size_t>(canonical.bytes().len)) < 0 ||
        pg_cryptohash_final(context, digest, sizeof digest) < 0)
        ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute SHA-256"));
    pg_cryptohash_free(context);
    pfree(canonical.bytes().data);

    EventHash hash;
    std::memcpy(hash.bytes, digest, sizeof hash.bytes);
    return hash;
}

bytea *to_bytea(const EventHash &hash) {
    auto *out = static_cast<bytea *>(palloc(VARHDRSZ + event_hash_bytes));
    SET_VARSIZE(out, VARHDRSZ + event_hash_bytes);
    std::memcpy(VARDATA(out), hash.bytes, event_hash_bytes);
    return out;
}

}  // namespace scout::pipeline

SCOUT_FUNCTION(scout_event_hash) {
    Jsonb *event = PG_GETARG_JSONB_P(0);
    text *type = PG_GETARG_TEXT_PP(1);
    auto hash =
        scout::pipeline::hash_event(event, {VARDATA_ANY(type), static_cast<size_t>(VARSIZE_ANY_EXHDR(type))});
    PG_RETURN_BYTEA_P(scout::pipeline::to_bytea(hash));
}
