// What the product that is built on src/pg is called where the server shows a name of it.
//
// Set once, at load time, before anything else here is called (extension/module.cpp).
#pragma once

#include "pg/postgres.hpp"

namespace scout::pg {

struct Product {
    const char *name;           // begins the names and types of its workers, and its lines in the server log
    const char *library;        // to be found by the server's configuration
    const char *symbol_prefix;  // of its SQL-callable functions
};
extern Product product;

inline bool is_own_worker_type(const char *type) {
    return type != nullptr && strncmp(type, product.name, strlen(product.name)) == 0;
}

}  // namespace scout::pg
