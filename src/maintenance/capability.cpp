#include "extension/capability.hpp"

#include "maintenance/jobs.hpp"

namespace scout::maintenance {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"maintain", Tier::operator_}};

constexpr const jobs::Kind *kinds[] = {&maintain_kind};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "maintenance";
    c.functions = functions;
    c.kinds = kinds;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::maintenance
