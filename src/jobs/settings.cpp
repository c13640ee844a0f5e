#include "jobs/settings.hpp"

#include "pg/postgres.hpp"

namespace scout::jobs {

int max_workers = 4;
int progress_interval = 1;

void define_settings() {
    DefineCustomIntVariable(
        "scout_ir.max_workers", "How many workers of jobs may run at a time in a database.",
        "Further jobs stay queued. The server's max_worker_processes is the limit of all databases together.",
        &max_workers, 4, 0, 1000, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.progress_interval",
                            "How often a call that waits for a job says how far it is.", "0 keeps it silent.",
                            &progress_interval, 1, 0, INT_MAX / 1000, PGC_USERSET, GUC_UNIT_S, nullptr,
                            nullptr, nullptr);
}

}  // namespace scout::jobs
