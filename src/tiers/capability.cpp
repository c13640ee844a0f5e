#include "extension/capability.hpp"

namespace scout::tiers {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"grant_access", Tier::admin}, {"revoke_access", Tier::admin}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "tiers";
    c.functions = functions;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::tiers
