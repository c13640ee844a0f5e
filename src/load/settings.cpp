#include "load/settings.hpp"

#include "pg/postgres.hpp"

namespace scout::load {

int duplicate_winner = winner_lowest;
int write_path = write_auto;
int load_interval = 0;
bool circuit_breaker = true;
int circuit_breaker_threshold = 50, circuit_breaker_minimum = 200;

namespace {

const config_enum_entry winner_options[] = {
    {"lowest", winner_lowest, false}, {"highest", winner_highest, false}, {nullptr, 0, false}};
const config_enum_entry path_options[] = {{"auto", write_auto, false},
                                          {"native", write_native, false},
                                          {"general", write_general, false},
                                          {nullptr, 0, false}};

}  // namespace

void define_settings() {
    DefineCustomEnumVariable(
        "scout_ir.duplicate_winner", "Which of several valid events of one transaction_id stays in silver.",
        "Set it for the whole database: sessions that disagree displace each other's rows.",
        &duplicate_winner, winner_lowest, winner_options, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable(
        "scout_ir.write_path", "How new silver rows are written: by the page, as COPY does, or by INSERT.",
        "auto takes native where the tables allow it; native fails where they do not; "
        "both write the same rows.",
        &write_path, write_auto, path_options, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.load_interval",
                            "How often the supervisor drains the backlog of this database.",
                            "0 turns it off. Needs shared_preload_libraries = 'scout_ir'.", &load_interval, 0,
                            0, INT_MAX, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable("scout_ir.circuit_breaker",
                             "Whether loading of a source is paused when too many of its events fail.",
                             "Off, they all become dead letters.", &circuit_breaker, true, PGC_SUSET, 0,
                             nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.circuit_breaker_threshold",
                            "More failed events of a source than this percentage open its circuit breaker.",
                            "At 100 it opens where all fail.", &circuit_breaker_threshold, 50, 1, 100,
                            PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.circuit_breaker_minimum",
                            "How many events of a source have to be seen before it is judged.",
                            "In one batch, or in several batches in a row.", &circuit_breaker_minimum, 200, 1,
                            1'000'000, PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

}  // namespace scout::load
