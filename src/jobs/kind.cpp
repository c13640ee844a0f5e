#include "jobs/kind.hpp"

#include "extension/registry.hpp"

namespace scout::jobs {

const Kind *find_kind(std::string_view name) {
    for (const extension::Capability *c : extension::capabilities())
        for (const Kind *kind : c->kinds)
            if (name == kind->name) return kind;
    return nullptr;
}

}  // namespace scout::jobs
