// Walks over the children of a JSONB container in the order in which they lie there: the elements of an
// array, or the keys or the values of an object. Nothing is copied or allocated, unlike with a
// JsonbIterator; nested containers come as jbvBinary. (Layout: utils/jsonb.h.)
#pragma once

#include "pg/postgres.hpp"

namespace scout::pg {

class JsonbWalk {
public:
    // Starts at child `first`. In an object of n pairs the keys are children 0 to n - 1, their values
    // n to 2n - 1.
    explicit JsonbWalk(JsonbContainer *container, uint32 first = 0)
        : entry_(container->children + first),
          data_(
              reinterpret_cast<char *>(container->children + JsonContainerSize(container) *
                                                                 (JsonContainerIsObject(container) ? 2 : 1))),
          offset_(first == 0 ? 0 : getJsonbOffset(container, static_cast<int>(first))) {}

    void skip() {
        JBE_ADVANCE_OFFSET(offset_, *entry_);
        entry_++;
    }

    std::string_view next_key() {
        const JEntry entry = *entry_++;
        const uint32 begin = offset_;
        JBE_ADVANCE_OFFSET(offset_, entry);
        return {data_ + begin, offset_ - begin};
    }

    void next(JsonbValue &value) {
        const JEntry entry = *entry_++;
        const uint32 begin = offset_;
        JBE_ADVANCE_OFFSET(offset_, entry);
        if (JBE_ISSTRING(entry)) {
            value.type = jbvString;
            value.val.string.val = data_ + begin;
            value.val.string.len = static_cast<int>(offset_ - begin);
        } else if (JBE_ISNUMERIC(entry)) {
            value.type = jbvNumeric;
            value.val.numeric = reinterpret_cast<Numeric>(data_ + INTALIGN(begin));
        } else if (JBE_ISCONTAINER(entry)) {
            value.type = jbvBinary;
            value.val.binary.data = reinterpret_cast<JsonbContainer *>(data_ + INTALIGN(begin));
            value.val.binary.len = static_cast<int>(offset_ - INTALIGN(begin));
        } else if (JBE_ISNULL(entry)) {
            value.type = jbvNull;
        } else {
            value.type = jbvBool;
            value.val.boolean = JBE_ISBOOL_TRUE(entry);
        }
    }

private:
    const JEntry *entry_;
    char *data_;
    uint32 offset_;
};

}  // namespace scout::pg
