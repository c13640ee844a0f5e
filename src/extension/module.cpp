// The shared library: magic block and _PG_init.
#include "alerts/jobs.hpp"
#include "extension/fit.hpp"
#include "extension/settings.hpp"
#include "gold/jobs.hpp"
#include "intake/pending.hpp"
#include "load/circuit_breaker.hpp"
#include "load/jobs.hpp"
#include "maintenance/jobs.hpp"
#include "pg/postgres.hpp"
#include "pg/supervisor.hpp"
#include "pg/wrapper.hpp"
#include "recovery/jobs.hpp"

extern "C" {
PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
    scout::extension::define_settings();
    scout::pg::entry_check = scout::extension::require_fit;
    scout::intake::register_pending_callbacks();
    scout::load::register_load_job();
    scout::pause::breaker_lifted = scout::load::breaker_lifted;
    scout::recovery::register_reprocess_job();
    scout::recovery::register_redrive_job();
    scout::gold::register_refresh_job();
    scout::maintenance::register_maintain_job();
    scout::alerts::register_check_job();
    scout::pg::register_launcher();
}
}
