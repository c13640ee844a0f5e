#include "extension/capability.hpp"

namespace scout::linking {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"product_linking_stats", Tier::reader},
                                             {"unmatched_products", Tier::reader},
                                             {"link_products_to_catalog", Tier::operator_}};

constexpr extension::Function helpers[] = {{"normal_name", Tier::reader},
                                           {"exact_product_matches", Tier::reader},
                                           {"product_linking_stats", Tier::reader}};

constexpr extension::Relation views[] = {{"v_product_linking_stats", Tier::reader},
                                         {"product_links", Tier::reader}};

constexpr extension::Relation state[] = {{"product_links", Tier::reader}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "linking";
    c.functions = functions;
    c.helpers = helpers;
    c.views = views;
    c.state = state;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::linking
