#include "extension/capability.hpp"

namespace scout::tiers {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"grant_access", Tier::admin}, {"revoke_access", Tier::admin}};
// The markers of the tiers (extension/tiers.hpp).
constexpr extension::Function helpers[] = {{"operator_tier", Tier::operator_}, {"admin_tier", Tier::admin}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "tiers";
    c.functions = functions;
    c.helpers = helpers;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::tiers
