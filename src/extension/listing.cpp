// The registry for SQL: who may use what, and where alerts come from.
#include "extension/pipeline.hpp"
#include "extension/registry.hpp"
#include "pg/result.hpp"
#include "pg/wrapper.hpp"

namespace scout::extension {

namespace {

void list_functions(pg::Result &result, List<Function> Capability::*list, const char *schema) {
    for_each(list, [&](const Capability &c, const Function &f) {
        result.text(f.name).text(tier_name(f.tier)).text(schema).text(c.name);
        result.end_row();
    });
}

void list_relations(pg::Result &result, List<Relation> Capability::*list, const char *schema, bool member) {
    for_each(list, [&](const Capability &c, const Relation &r) {
        result.text(r.name)
            .text(r.privilege)
            .text(tier_name(r.tier))
            .text(schema)
            .boolean(member)
            .text(c.name);
        result.end_row();
    });
}

}  // namespace

}  // namespace scout::extension

SCOUT_FUNCTION(scout_tiers, 0) {
    using namespace scout;
    using namespace scout::extension;
    pg::Result result(fcinfo);
    list_functions(result, &Capability::functions, schema_name);
    list_functions(result, &Capability::helpers, internal_schema_name);
    return static_cast<Datum>(0);
}

SCOUT_FUNCTION(scout_relation_tiers, 0) {
    using namespace scout;
    using namespace scout::extension;
    pg::Result result(fcinfo);
    list_relations(result, &Capability::views, schema_name, true);
    list_relations(result, &Capability::state, internal_schema_name, true);
    list_relations(result, &Capability::tables, schema_name, false);
    return static_cast<Datum>(0);
}

SCOUT_FUNCTION(scout_alert_sources, 0) {
    using namespace scout;
    using namespace scout::extension;
    pg::Result result(fcinfo);
    for_each(&Capability::alert_sources, [&result](const Capability &c, const AlertSource &s) {
        result.text(s.name).text_or_null(s.conditions).boolean(s.hourly).text(c.name);
        result.end_row();
    });
    return static_cast<Datum>(0);
}
