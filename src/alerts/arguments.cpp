#include "alerts/arguments.hpp"

#include "core/text.hpp"
#include "extension/registry.hpp"
#include "pg/arguments.hpp"

namespace scout::alerts {

const char *source_argument(FunctionCallInfo fcinfo, int number) {
    const char *given = pg::optional_text(fcinfo, number);
    if (given == nullptr) return nullptr;
    StringInfoData names;
    initStringInfo(&names);
    const char *found = nullptr;
    extension::for_each(&extension::Capability::alert_sources,
                        [&](const extension::Capability &, const extension::AlertSource &s) {
                            if (core::equal_folded(s.name, given)) found = s.name;
                            appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", s.name);
                        });
    if (found != nullptr) return found;
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown source \"%s\"", given),
            errhint("Valid sources are %s.", names.data));
    pg_unreachable();
}

// The older runbook says ERROR for critical.
const char *severity_argument(FunctionCallInfo fcinfo, int number) {
    const char *given = pg::optional_text(fcinfo, number);
    if (given == nullptr) return nullptr;
    if (core::equal_folded(given, "critical") || core::equal_folded(given, "error")) return "critical";
    if (core::equal_folded(given, "warning") || core::equal_folded(given, "warn")) return "warning";
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown severity \"%s\"", given),
            errhint("Valid severities are warning and critical."));
    pg_unreachable();
}

}  // namespace scout::alerts
