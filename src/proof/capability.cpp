#include "extension/capability.hpp"

namespace scout::proof {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"reconcile", Tier::reader}, {"compare_layers", Tier::reader}};

constexpr extension::Function helpers[] = {
    {"silver_is_unique", Tier::reader},      {"events_to_check", Tier::reader},
    {"reconcile_deletions", Tier::reader},   {"reconcile_silver_without_bronze", Tier::reader},
    {"reconcile_letters", Tier::reader},     {"reconcile", Tier::reader},
    {"compare_layers", Tier::reader},        {"fingerprint", Tier::reader},
    {"pipeline_fingerprints", Tier::reader}, {"reconcile_events", Tier::reader},
    {"reconcile_lines", Tier::reader},       {"reconcile_keys", Tier::reader},
    {"key_columns", Tier::reader},           {"fingerprints_agree", Tier::reader},
    {"reconcile_rows", Tier::reader},
};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "proof";
    c.functions = functions;
    c.helpers = helpers;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::proof
