// SHA-256 by the server's own implementation (OpenSSL where it was built with it).
#pragma once

#include "pg/postgres.hpp"

namespace scout::pg {

constexpr size_t sha256_bytes = 32;

void sha256(const char *data, size_t size, uint8 (&digest)[sha256_bytes]);

}  // namespace scout::pg
