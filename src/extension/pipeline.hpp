// The pipeline's relations as the catalogue has them: are they there, who owns them, of which layout.
#pragma once

#include "pg/memory.hpp"

extern "C" {
#include "commands/trigger.h"
}

namespace scout::extension {

constexpr const char *schema_name = "scout";
constexpr const char *internal_schema_name = "scout_internal";

// The version of the tables' layout that this library works with. create_pipeline() writes it into the
// comment of bronze_pending, where a dump carries it and DROP EXTENSION leaves it
// (sql/layout/create_pipeline.sql; test/static/layout_version.pl holds the two together).
constexpr int pipeline_schema_version = 1;

// OID of a relation of schema scout, InvalidOid where there is none.
Oid relation_oid(const char *name);

// The same; raises what require_pipeline() says is missing where there is none.
Oid require_table(const char *name);

// Those of the tables that every action touches that are there.
pg::Array<Oid> pipeline_tables();

// The owner of the pipeline tables, as whom every write to them runs. One clear error, with the
// call that mends it, where a table is missing, the owners differ, or the layout is of another version.
Oid require_pipeline();

// The same of the tables that intake writes, whatever the version of the layout: what somebody writes into
// bronze is not refused for anything else.
Oid require_intake_tables();

// 55000 where a table has another owner than those have.
void require_owned_by(const char *name, Oid owner);

// Is the pipeline made to its end? While a dump is restored its tables are there, but not yet their triggers.
bool pipeline_is_complete();

// Trigger functions are executable by PUBLIC and write as the pipeline's owner: on any other table
// somebody could feed them what they like. `name` is a relation of schema scout; its partitions count.
void require_fired_on(const TriggerData *trigger, const char *name);

}  // namespace scout::extension
