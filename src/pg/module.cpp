// The shared library: magic block and _PG_init.
#include "alerts/jobs.hpp"
#include "gold/jobs.hpp"
#include "maintenance/jobs.hpp"
#include "pg/postgres.hpp"
#include "pg/settings.hpp"
#include "pg/supervisor.hpp"
#include "pipeline/jobs.hpp"
#include "pipeline/pending.hpp"

extern "C" {
PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
    scout::pg::define_settings();
    scout::pipeline::register_pending_callbacks();
    scout::pipeline::register_load_job();
    scout::pipeline::register_reprocess_job();
    scout::pipeline::register_redrive_job();
    scout::gold::register_refresh_job();
    scout::maintenance::register_maintain_job();
    scout::alerts::register_check_job();
    scout::pg::register_launcher();
}
}
