#include "extension/pipeline.hpp"

#include "pg/relation.hpp"
#include "pg/wrapper.hpp"

#include <cstdio>

extern "C" {
#include "commands/comment.h"
#include "commands/trigger.h"
}

namespace scout::extension {

namespace {

// What intake writes, and what every action touches beside. The older runbook's bronze_ingestion_batches and
// the dimensions are looked at where they are needed.
constexpr const char *of_intake[] = {"bronze_events", "bronze_event_keys", "bronze_pending",
                                     "bronze_deletions"};
constexpr const char *of_actions[] = {"pipeline_pauses",   "bronze_events_dlq", "silver_transactions",
                                      "silver_line_items", "dim_product",       "dim_store"};

// The owner of a table, who must be `expected` (InvalidOid: anybody).
Oid require_owner(const char *name, Oid expected) {
    const Oid owner = pg::owner_of(relation_oid(name));
    if (!OidIsValid(owner))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
                errmsg("the pipeline is not there: relation \"%s.%s\" does not exist", schema_name, name),
                errhint("Create or complete it: SELECT * FROM scout.create_pipeline()"));
    if (OidIsValid(expected) && owner != expected)
        ereport(
            ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("the pipeline's tables have different owners"),
            errdetail("\"%s.%s\" belongs to \"%s\", \"%s.%s\" to \"%s\".", schema_name, of_intake[0],
                      GetUserNameFromId(expected, false), schema_name, name, GetUserNameFromId(owner, false)),
            errhint("Give them one owner: SELECT * FROM scout.create_pipeline(owner => %s)",
                    quote_literal_cstr(GetUserNameFromId(expected, false))));
    return owner;
}

}  // namespace

Oid relation_oid(const char *name) {
    Oid schema = get_namespace_oid(schema_name, true);
    return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

Oid require_table(const char *name) {
    const Oid id = relation_oid(name);
    if (!OidIsValid(id)) (void)require_pipeline();
    return id;
}

pg::Array<Oid> pipeline_tables() {
    pg::Array<Oid> tables;
    for (const char *name : of_intake)
        if (const Oid id = relation_oid(name); OidIsValid(id)) tables.push(id);
    for (const char *name : of_actions)
        if (const Oid id = relation_oid(name); OidIsValid(id)) tables.push(id);
    return tables;
}

namespace {

// create_pipeline() writes "scout_ir pipeline schema N" as the last step of making the pipeline.
void require_version(Oid relation) {
    const char *comment = GetComment(relation, RelationRelationId, 0);
    int version = 0;
    if (comment != nullptr) (void)sscanf(comment, "scout_ir pipeline schema %d", &version);
    if (version == pipeline_schema_version) return;
    if (version > pipeline_schema_version)
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("the pipeline has schema version %d, this scout_ir knows %d", version,
                       pipeline_schema_version),
                errhint("Install the newer scout_ir: ALTER EXTENSION scout_ir UPDATE"));
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("the pipeline was not made by this scout_ir, or not to its end"),
            errhint("Complete it: SELECT * FROM scout.create_pipeline()"));
}

}  // namespace

Oid require_intake_tables() {
    Oid owner = InvalidOid;
    for (const char *name : of_intake) owner = require_owner(name, owner);
    return owner;
}

Oid require_pipeline() {
    const Oid owner = require_intake_tables();
    for (const char *name : of_actions) (void)require_owner(name, owner);
    require_version(relation_oid("bronze_pending"));
    return owner;
}

void require_fired_on(const TriggerData *trigger, const char *name) {
    if (pg::is_of_table(trigger->tg_relation, relation_oid(name))) return;
    ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
            errmsg("this trigger function belongs on \"%s.%s\" and its partitions only", schema_name, name),
            errhint("Triggers are made by SELECT * FROM scout.create_pipeline()."));
}

void require_owned_by(const char *name, Oid owner) {
    (void)require_owner(name, owner);
}

bool pipeline_is_complete() {
    const Oid bronze = relation_oid("bronze_events");
    return OidIsValid(bronze) && OidIsValid(get_trigger_oid(bronze, "zz_scout_ir_intake", true));
}

}  // namespace scout::extension

SCOUT_FUNCTION(scout_require_pipeline, 0) {
    (void)scout::extension::require_pipeline();
    PG_RETURN_VOID();
}
