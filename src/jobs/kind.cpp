#include "jobs/kind.hpp"

namespace scout::jobs {

namespace {

constexpr size_t most_kinds = 16;
const Kind *kinds[most_kinds];
size_t kind_count = 0;

}  // namespace

void register_kind(const Kind *kind) {
    if (kind_count == most_kinds) elog(ERROR, "too many kinds of jobs");
    kinds[kind_count++] = kind;
}

const Kind *find_kind(std::string_view name) {
    for (size_t i = 0; i < kind_count; i++)
        if (name == kinds[i]->name) return kinds[i];
    return nullptr;
}

}  // namespace scout::jobs
