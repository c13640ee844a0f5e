#include "pg/ranges.hpp"

extern "C" {
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"
}

namespace scout::pg {

namespace {

TypeCacheEntry *int8_range() {
    return lookup_type_cache(INT8RANGEOID, TYPECACHE_RANGE_INFO);
}

}  // namespace

Array<IdRange> ranges_of(Datum multirange, const char *hint) {
    TypeCacheEntry *type = int8_range();
    MultirangeType *value = DatumGetMultirangeTypeP(multirange);
    Array<IdRange> out;
    int32 count;
    RangeType **ranges;
    multirange_deserialize(type, value, &count, &ranges);
    for (int32 i = 0; i < count; i++) {
        RangeBound lower, upper;
        bool empty;
        range_deserialize(type, ranges[i], &lower, &upper, &empty);
        if (empty) continue;
        if (lower.infinite || upper.infinite)
            ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("a set of ids has a range without end"),
                    errhint("%s", hint));
        // Ranges of a discrete type are kept as [lower, upper).
        out.push({DatumGetInt64(lower.val), DatumGetInt64(upper.val)});
    }
    return out;
}

Datum multirange_of(const int64 *ids, size_t count) {
    TypeCacheEntry *type = int8_range();
    Array<RangeType *> ranges;
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && ids[end] == ids[end - 1] + 1) end++;
        RangeBound lower{Int64GetDatum(ids[i]), false, true, true};
        RangeBound upper{Int64GetDatum(ids[end - 1] + 1), false, false, false};
#if PG_VERSION_NUM >= 160000
        ranges.push(make_range(type, &lower, &upper, false, nullptr));
#else
        ranges.push(make_range(type, &lower, &upper, false));
#endif
        i = end;
    }
    return MultirangeTypePGetDatum(
        make_multirange(INT8MULTIRANGEOID, type, static_cast<int32>(ranges.size()), ranges.begin()));
}

}  // namespace scout::pg
