#include "intake/event_hash.hpp"

#include "core/text.hpp"
#include "pg/encoding.hpp"
#include "pg/jsonb_walk.hpp"
#include "pg/memory.hpp"
#include "pg/numeric_text.hpp"
#include "pg/sha256.hpp"
#include "pg/wrapper.hpp"

namespace scout::intake {

namespace {

// Collects the canonical bytes in one buffer: one call into the digest instead of one per field. Most events
// fit into the frame. A value is written through a pointer of its own: a store through char * makes the
// compiler read every member again.
class Canonical {
public:
    explicit Canonical(bool converts) : converts_(converts) {}
    // Must texts be converted to UTF-8 before they come here?
    bool converts() const { return converts_; }
    void tag(char c) {
        char *out = reserve(1);
        *out = c;
        end_ = out + 1;
    }
    void text(char kind, std::string_view value) {
        char *out = write_head(reserve(head_bytes + value.size()), kind, value.size());
        std::memcpy(out, value.data(), value.size());
        end_ = out + value.size();
    }
    void id(char kind, std::string_view value) {
        value = core::trim(value);
        char *out = write_head(reserve(head_bytes + value.size()), kind, value.size());
        for (char c : value) *out++ = core::fold(c);
        end_ = out;
    }
    // By value: the text without trailing zeros of the fraction.
    void number(char kind, Numeric numeric) {
        const pg::NumericParts parts(numeric);
        if (parts.special) elog(ERROR, "a JSON number is not finite");
        char *head = reserve(head_bytes + pg::numeric_text_bound(parts)), *out = head + head_bytes;
        end_ = pg::write_numeric_text(parts, out);
        write_head(head, kind, static_cast<size_t>(end_ - out));
    }
    const char *data() const { return begin_; }
    size_t size() const { return static_cast<size_t>(end_ - begin_); }

private:
    static constexpr size_t head_bytes = 5;  // kind and length

    static char *write_head(char *out, char kind, size_t size) {
        const char head[head_bytes] = {kind, static_cast<char>(size), static_cast<char>(size >> 8),
                                       static_cast<char>(size >> 16), static_cast<char>(size >> 24)};
        std::memcpy(out, head, head_bytes);
        return out + head_bytes;
    }
    char *reserve(size_t more) {
        if (static_cast<size_t>(limit_ - end_) >= more) return end_;
        const size_t used = size(), capacity = std::max(2 * used, used + more);
        auto *larger = static_cast<char *>(palloc_extended(capacity, MCXT_ALLOC_HUGE));
        std::memcpy(larger, begin_, used);
        begin_ = larger;  // the one before is freed with the row
        limit_ = larger + capacity;
        return end_ = larger + used;
    }

    const bool converts_;
    char in_frame_[4096];
    char *begin_ = in_frame_, *end_ = in_frame_, *limit_ = in_frame_ + sizeof in_frame_;
};

constexpr char format_version = '\1';  // stands first, where a value has its kind

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
        case jbvNumeric: out.number('#', value.val.numeric); break;
        case jbvString: {
            std::string_view text(value.val.string.val, static_cast<size_t>(value.val.string.len));
            if (out.converts()) text = pg::as_utf8(text);
            id ? out.id('s', text) : out.text('s', text);
            break;
        }
        case jbvBinary: add_container(out, value.val.binary.data, inside); break;
        default: elog(ERROR, "unexpected jsonb value type %d", static_cast<int>(value.type));
    }
}

void add_field(Canonical &out, std::string_view key, const JsonbValue &value, Place place) {
    if (place == Place::top && key == "metadata") return;
    out.text('k', key);
    add_value(out, value, is_id(key, place),
              place == Place::top && key == "items" ? Place::items : Place::other);
}

// JSONB sorts keys by length and bytes, of the database's encoding: those of UTF-8 may have another order.
void add_fields_by_utf8(Canonical &out, JsonbContainer *object, Place place) {
    struct Field {
        std::string_view key;
        JsonbValue value;
    };
    const uint32 size = JsonContainerSize(object);
    pg::JsonbWalk keys(object), values(object, size);
    pg::Array<Field> fields;
    for (uint32 i = 0; i < size; i++) {
        Field &field = fields.push({pg::as_utf8(keys.next_key()), {}});
        values.next(field.value);
    }
    std::sort(fields.begin(), fields.end(), [](const Field &a, const Field &b) {
        return a.key.size() != b.key.size() ? a.key.size() < b.key.size() : a.key < b.key;
    });
    for (const Field &field : fields) add_field(out, field.key, field.value, place);
}

void add_object(Canonical &out, JsonbContainer *object, Place place) {
    out.tag('{');
    if (out.converts()) {
        add_fields_by_utf8(out, object, place);
    } else {
        const uint32 size = JsonContainerSize(object);
        pg::JsonbWalk keys(object), values(object, size);
        JsonbValue value;
        for (uint32 i = 0; i < size; i++) {
            const std::string_view key = keys.next_key();
            values.next(value);
            add_field(out, key, value, place);
        }
    }
    out.tag('}');
}

// A lone scalar is an array of one element. The elements of the items array are the objects whose product_id
// counts as an id.
void add_array(Canonical &out, JsonbContainer *array, Place place) {
    const uint32 size = JsonContainerSize(array);
    pg::JsonbWalk elements(array);
    JsonbValue element;
    out.tag('[');
    for (uint32 i = 0; i < size; i++) {
        elements.next(element);
        add_value(out, element, false, place);
    }
    out.tag(']');
}

void add_container(Canonical &out, JsonbContainer *container, Place place) {
    check_stack_depth();
    CHECK_FOR_INTERRUPTS();
    JsonContainerIsObject(container) ? add_object(out, container, place) : add_array(out, container, place);
}

}  // namespace

EventHash hash_event(Jsonb *event, std::string_view event_type) {
    Canonical canonical(pg::converts_to_utf8());
    canonical.text(format_version, pg::as_utf8(event_type));
    add_container(canonical, &event->root, JsonContainerIsObject(&event->root) ? Place::top : Place::other);
    uint8 digest[pg::sha256_bytes];
    pg::sha256(canonical.data(), canonical.size(), digest);
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

}  // namespace scout::intake

SCOUT_FUNCTION(scout_event_hash, 2) {
    Jsonb *event = PG_GETARG_JSONB_P(0);
    text *type = PG_GETARG_TEXT_PP(1);
    auto hash =
        scout::intake::hash_event(event, {VARDATA_ANY(type), static_cast<size_t>(VARSIZE_ANY_EXHDR(type))});
    PG_RETURN_BYTEA_P(scout::intake::to_bytea(hash));
}
