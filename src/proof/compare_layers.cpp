// compare_layers(): a report over relations of any owner, so that these and not the pipeline's decide as
// whom it runs.

#include "extension/report.hpp"
#include "extension/sight.hpp"
#include "pg/wrapper.hpp"

SCOUT_FUNCTION(scout_compare_layers, 7) {
    using namespace scout;
    constexpr int arguments[] = {0, 1, 3};  // source, target, dead_letters
    Oid relations[std::size(arguments)];
    size_t count = 0;
    for (const int argument : arguments)
        if (!PG_ARGISNULL(argument)) relations[count++] = PG_GETARG_OID(argument);
    return extension::run_body(fcinfo, extension::reader_of(relations, count));
}
