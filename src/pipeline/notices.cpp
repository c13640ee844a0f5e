#include "pipeline/notices.hpp"

#include "pg/relation.hpp"
#include "pg/spi.hpp"
#include "pipeline/circuit_breaker.hpp"

namespace scout::pipeline {

void mention_pause(const char *what) {
    pg::Array<Pause> pauses;
    read_pauses(pauses);
    if (!pauses.empty())
        ereport(NOTICE, errmsg("%s although loading is paused", what),
                errdetail_internal("%s.", describe(pauses[0])));
}

void warn_paused(const Pause &p) {
    const bool breaker = p.source != nullptr && strcmp(p.holder, circuit_breaker_holder) == 0;
    ereport(
        WARNING, errmsg("%s", describe(p)),
        breaker
            ? errhint("Mend what is wrong, then resume with %s.", how_to_resume(p.source))
            : errhint("Resume with SELECT scout.control_ingestion('resume'), or load with force => true."));
}

void warn_open_breakers() {
    pg::Array<Pause> pauses;
    read_pauses(pauses);
    for (const Pause &p : pauses)
        if (p.source != nullptr && strcmp(p.holder, circuit_breaker_holder) == 0) warn_paused(p);
}

void warn_open_writers(TimestampTz end) {
    static pg::Statement count(
        "SELECT count(*) FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> "
        "pg_backend_pid()"
        " AND a.backend_xid IS NOT NULL AND a.xact_start < $1");
    // As the extension's owner: other roles see no transaction of a role that they are no member of.
    pg::AsRole owner(pg::extension_owner());
    const int64 writers = count.run({pg::timestamp(end)}).int8(0, 1);
    owner.end();
    if (writers > 0)
        ereport(WARNING,
                errmsg("%lld open transactions began before the end of the window",
                       static_cast<long long>(writers)),
                errdetail("Events that they insert belong to the window and were not seen."),
                errhint("Repeat the call when they have ended."));
}

}  // namespace scout::pipeline
