#include "audit/caller.hpp"

#include "extension/installed.hpp"
#include "pg/guard.hpp"
#include "pg/jsonb_reader.hpp"
#include "pg/memory.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/datetime.h"
#include "utils/json.h"
}

namespace scout::audit {

// A gateway that sets nothing leaves ''.
const char *claims() {
    const char *value = GetConfigOption("request.jwt.claims", true, false);
    return value == nullptr || *value == '\0' ? nullptr : value;
}

namespace {

// The claims as JSON; nullptr where there are none. What is no JSON is kept as a JSON string: an
// audit must not fail on what somebody else wrote, nor drop it.
Jsonb *claims_json() {
    const char *text = claims();
    if (text == nullptr) return nullptr;
    Datum parsed = static_cast<Datum>(0);
    auto parse = [&parsed](const char *json) {
        parsed = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
    };
    if (pg::attempt([&] { parse(text); }) != nullptr) {
        StringInfoData quoted;
        initStringInfo(&quoted);
        escape_json(&quoted, text);
        parse(quoted.data);
    }
    return DatumGetJsonbP(parsed);
}

const char *claimed_name() {
    Jsonb *claimed = claims_json();
    if (claimed == nullptr || !JsonContainerIsObject(&claimed->root)) return nullptr;
    for (const char *key : {"email", "sub"}) {
        core::Value value = pg::member(&claimed->root, key);
        if (value.kind == core::Value::Kind::string && !value.text.empty()) return pg::c_string(value.text);
    }
    return nullptr;
}

}  // namespace

const char *actor() {
    const char *name = claimed_name();
    return name != nullptr ? name : GetUserNameFromId(GetSessionUserId(), false);
}

void set_claims(const char *claims) {
    if (claims != nullptr) SetConfigOption("request.jwt.claims", claims, PGC_USERSET, PGC_S_SESSION);
}

bool is_external() {
    return claims() != nullptr;
}

Json::Json() {
    initStringInfo(&out_);
    appendStringInfoChar(&out_, '{');
}

void Json::key(const char *name) {
    if (!empty_) appendStringInfoChar(&out_, ',');
    empty_ = false;
    escape_json(&out_, name);
    appendStringInfoChar(&out_, ':');
}

Json &Json::add(const char *name, std::string_view value) {
    key(name);
    escape_json(&out_, pg::c_string(value));
    return *this;
}

Json &Json::add_or_null(const char *name, const char *value) {
    if (value != nullptr) return add(name, value);
    key(name);
    appendStringInfoString(&out_, "null");
    return *this;
}

Json &Json::add(const char *name, int64 value) {
    key(name);
    appendStringInfo(&out_, INT64_FORMAT, value);
    return *this;
}

Json &Json::add_bool(const char *name, bool value) {
    key(name);
    appendStringInfoString(&out_, value ? "true" : "false");
    return *this;
}

Json &Json::add_time(const char *name, TimestampTz value) {
    pg_tm parts;
    fsec_t fraction;
    char text[MAXDATELEN + 1];
    if (TIMESTAMP_NOT_FINITE(value) || timestamp2tm(value, nullptr, &parts, &fraction, nullptr, nullptr) != 0)
        return add(name, timestamptz_to_str(value));
    parts.tm_isdst = 0;  // below 0 the zone would be left out
    EncodeDateTime(&parts, fraction, true, 0, nullptr, USE_ISO_DATES, text);
    return add(name, text);
}

const char *Json::text() {
    appendStringInfoChar(&out_, '}');
    return out_.data;
}

void record(const char *action, Oid acting_role, const char *arguments, const char *outcome, Json &counts) {
    static pg::Statement insert(
        "INSERT INTO scout_internal.timeline (action, actor, session_role, acting_role, claims,"
        " arguments, outcome, counts)"
        " VALUES ($1, $2, $3::text::name, $4::text::name, $5, $6::text::jsonb, $7, $8::text::jsonb)");
    Jsonb *claimed = claims_json();
    pg::AsRole owner(extension::extension_owner());
    insert.run({pg::text(action), pg::text(actor()), pg::text(GetUserNameFromId(GetSessionUserId(), false)),
                pg::text(GetUserNameFromId(acting_role, false)),
                claimed == nullptr ? pg::null_of(JSONBOID) : pg::datum(JSONBOID, JsonbPGetDatum(claimed)),
                pg::text(arguments), pg::text(outcome), pg::text(counts.text())});
    owner.end();
}

}  // namespace scout::audit
