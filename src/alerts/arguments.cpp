#include "alerts/arguments.hpp"

#include "core/text.hpp"
#include "extension/registry.hpp"
#include "pg/memory.hpp"

namespace scout::alerts {

namespace {

const char *text_argument(FunctionCallInfo fcinfo, int number) {
    return PG_ARGISNULL(number) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

}  // namespace

const char *source_argument(FunctionCallInfo fcinfo, int number, const char *function) {
    const char *given = text_argument(fcinfo, number);
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
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("%s: unknown source \"%s\"", function, given),
            errhint("Valid sources are %s.", names.data));
    pg_unreachable();
}

// The older runbook says ERROR for critical.
const char *severity_argument(FunctionCallInfo fcinfo, int number, const char *function) {
    const char *given = text_argument(fcinfo, number);
    if (given == nullptr) return nullptr;
    if (core::equal_folded(given, "critical") || core::equal_folded(given, "error")) return "critical";
    if (core::equal_folded(given, "warning") || core::equal_folded(given, "warn")) return "warning";
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("%s: unknown severity \"%s\"", function, given),
            errhint("Valid severities are warning and critical."));
    pg_unreachable();
}

// A pattern of LIKE. One that ends within an escape would fail whoever looks at alerts later.
const char *pattern_argument(FunctionCallInfo fcinfo, int number, const char *function, const char *name) {
    const char *given = text_argument(fcinfo, number);
    if (given == nullptr) return nullptr;
    if (core::trim(given).empty())
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s: %s must not be blank", function, name),
                errhint("Leave it out, or give a pattern of LIKE, such as 'bronze%%'."));
    size_t escapes = 0;
    for (size_t end = strlen(given); escapes < end && given[end - 1 - escapes] == '\\';) escapes++;
    if (escapes % 2 == 1)
        ereport(ERROR, errcode(ERRCODE_INVALID_ESCAPE_SEQUENCE),
                errmsg("%s: %s ends with an escape character: \"%s\"", function, name, given),
                errhint("Write \\\\ for a backslash."));
    return given;
}

}  // namespace scout::alerts
