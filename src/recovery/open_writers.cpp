#include "recovery/open_writers.hpp"

#include "extension/installed.hpp"
#include "pg/spi.hpp"

namespace scout::recovery {

void warn_open_writers(TimestampTz end) {
    static pg::Statement count(
        "SELECT count(*) FROM pg_stat_activity a WHERE a.datname = current_database()"
        " AND a.pid <> pg_backend_pid()"
        " AND a.backend_xid IS NOT NULL AND a.xact_start < $1");
    // As the extension's owner: other roles see no transaction of a role that they are no member of.
    pg::AsRole owner(extension::extension_owner());
    const int64 writers = count.run({pg::timestamp(end)}).int8(0, 1);
    owner.end();
    if (writers > 0)
        ereport(WARNING,
                errmsg("%lld open transactions began before the end of the window",
                       static_cast<long long>(writers)),
                errdetail("Events that they insert belong to the window and were not seen."),
                errhint("Repeat the call when they have ended."));
}

}  // namespace scout::recovery
