#include "pause/notices.hpp"

#include "extension/installed.hpp"
#include "pg/spi.hpp"

namespace scout::pause {

void mention_pause(const char *what) {
    pg::Array<Pause> pauses;
    read_pauses(pauses);
    if (!pauses.empty())
        ereport(NOTICE, errmsg("%s although loading is paused", what),
                errdetail_internal("%s.", describe(pauses[0])));
}

void warn_paused(const Pause &p) {
    ereport(
        WARNING, errmsg("%s", describe(p)),
        is_circuit_breaker(p)
            ? errhint("Mend what is wrong, then resume with %s.", how_to_resume(p.source))
            : errhint("Resume with SELECT scout.control_ingestion('resume'), or load with force => true."));
}

}  // namespace scout::pause
