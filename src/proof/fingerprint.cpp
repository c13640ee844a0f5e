// scout_internal.fingerprint(key, weight, VARIADIC values): the term that reconcile() sums over a table.
//
// The sums themselves are the server's sum(bigint), which adds in 128 bits and knows how to combine
// the parts of parallel workers; the tables are read by the executor, so that privileges, row
// security, partitions and adopted tables are its business. A value is hashed as it stands in the
// row, without a copy.

#include "core/fingerprint.hpp"
#include "pg/memory.hpp"
#include "pg/wrapper.hpp"

extern "C" {
#include "utils/uuid.h"
}

namespace scout::proof {

namespace {

enum class Kind : uint8 { int8, bytes };

constexpr int first_value = 2;  // of the arguments, after the key and the weight

// What one call site hashes, and the newest value it hashed: lines of one transaction lie together.
struct Site {
    static constexpr int max_values = 4;
    static constexpr size_t longest = 64;
    int count;
    Kind kinds[max_values];
    pg_uuid_t key;
    uint64 fingerprint;  // of `text` under `key`
    int size;            // of `text`; -1: none
    char text[longest];
};

Site *make_site(FunctionCallInfo fcinfo) {
    auto *site = static_cast<Site *>(MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Site)));
    site->count = PG_NARGS() - first_value;
    site->size = -1;
    if (get_fn_expr_variadic(fcinfo->flinfo) || site->count > Site::max_values)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("values must be given one by one, up to %d", Site::max_values));
    if (get_fn_expr_argtype(fcinfo->flinfo, 0) != UUIDOID ||
        get_fn_expr_argtype(fcinfo->flinfo, 1) != INT4OID)
        ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
                errmsg("key and weight must be of type uuid and integer"));
    for (int i = 0; i < site->count; i++) {
        const Oid type = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, i + first_value));
        if (type != INT8OID && type != TEXTOID && type != BYTEAOID)
            ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("values must not be of type %s", format_type_be(type)),
                    errhint("Valid types are bigint, text and bytea."));
        site->kinds[i] = type == INT8OID ? Kind::int8 : Kind::bytes;
    }
    return site;
}

core::SipHash keyed(const pg_uuid_t &key) {
    uint64 k[2];
    static_assert(sizeof k == UUID_LEN);
    std::memcpy(k, key.data, sizeof k);
    return {k[0], k[1]};
}

uint64 hash_text(Site &site, const pg_uuid_t &key, Datum value) {
    struct varlena *v = PG_DETOAST_DATUM_PACKED(value);
    const char *data = VARDATA_ANY(v);
    const int size = static_cast<int>(VARSIZE_ANY_EXHDR(v));
    if (size == site.size && std::memcmp(data, site.text, static_cast<size_t>(size)) == 0 &&
        std::memcmp(&key, &site.key, sizeof key) == 0)
        return site.fingerprint;
    core::SipHash hash = keyed(key);
    hash.bytes(data, static_cast<size_t>(size));
    site.fingerprint = core::fold_fingerprint(hash.finish());
    site.size = -1;
    if (static_cast<size_t>(size) <= Site::longest) {
        site.size = size;
        site.key = key;
        std::memcpy(site.text, data, static_cast<size_t>(size));
    }
    return site.fingerprint;
}

uint64 hash_values(const Site &site, const pg_uuid_t &key, FunctionCallInfo fcinfo) {
    core::SipHash hash = keyed(key);
    for (int i = 0; i < site.count; i++) {
        if (site.kinds[i] == Kind::int8) {
            hash.word(static_cast<uint64>(PG_GETARG_INT64(i + first_value)));
        } else {
            struct varlena *v = PG_GETARG_VARLENA_PP(i + first_value);
            hash.bytes(VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));
        }
    }
    return core::fold_fingerprint(hash.finish());
}

}  // namespace

}  // namespace scout::proof

SCOUT_FUNCTION(scout_fingerprint, scout::pg::any_number) {
    using namespace scout;
    if (PG_NARGS() <= proof::first_value) pg::refuse_arguments(fcinfo, proof::first_value + 1);
    auto *site = static_cast<proof::Site *>(fcinfo->flinfo->fn_extra);
    if (site == nullptr) fcinfo->flinfo->fn_extra = site = proof::make_site(fcinfo);
    const pg_uuid_t &key = *PG_GETARG_UUID_P(0);
    const int32 weight = PG_GETARG_INT32(1);
    if (weight < 0)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("weight must not be negative"));
    const bool one_text = site->count == 1 && site->kinds[0] == proof::Kind::bytes;
    const uint64 fingerprint = one_text ? proof::hash_text(*site, key, PG_GETARG_DATUM(proof::first_value))
                                        : proof::hash_values(*site, key, fcinfo);
    PG_RETURN_INT64(static_cast<int64>(core::weigh_fingerprint(fingerprint, static_cast<uint32>(weight))));
}
