#include "pg/sha256.hpp"

extern "C" {
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/resowner.h"
}

namespace scout::pg {

static_assert(sha256_bytes == PG_SHA256_DIGEST_LENGTH);

namespace {

// One digest context for the life of the backend: making one costs as much as hashing an event. The server
// ties a context to a resource owner; this one has an owner of its own, which no transaction releases.
pg_cryptohash_ctx *context() {
    static pg_cryptohash_ctx *kept = nullptr;
    if (kept != nullptr) return kept;
    static ResourceOwner own = nullptr;
    if (own == nullptr) own = ResourceOwnerCreate(nullptr, "SHA-256 digest");
    ResourceOwner outer = CurrentResourceOwner;
    CurrentResourceOwner = own;  // after an error the abort of the transaction sets it
    kept = pg_cryptohash_create(PG_SHA256);
    CurrentResourceOwner = outer;
    return kept;
}

}  // namespace

void sha256(const char *data, size_t size, uint8 (&digest)[sha256_bytes]) {
    pg_cryptohash_ctx *c = context();
    if (c == nullptr || pg_cryptohash_init(c) < 0 ||
        pg_cryptohash_update(c, reinterpret_cast<const uint8 *>(data), size) < 0 ||
        pg_cryptohash_final(c, digest, sizeof digest) < 0)
        ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute SHA-256"));
}

}  // namespace scout::pg
