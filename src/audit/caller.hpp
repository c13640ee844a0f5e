// Who is calling, and the timeline of what they did: each committed action has its entry, written in the
// same transaction.
#pragma once

#include "pg/postgres.hpp"

namespace scout::audit {

// The person or service behind the call: e-mail or subject of request.jwt.claims where a REST
// gateway set them, otherwise the session's login role. Never current_user: under SECURITY DEFINER
// wrappers that is somebody else.
const char *actor();

// The claims as they came, nullptr where there are none.
const char *claims();

// In a worker: its session has the claims of whoever asked for the work; nullptr: none.
void set_claims(const char *claims);

// True if the call comes through a REST gateway that set request.jwt.claims.
bool is_external();

// A small JSON object built field by field.
class Json {
public:
    Json();
    Json &add(const char *key, std::string_view value);
    Json &add_or_null(const char *key, const char *value);
    Json &add(const char *key, int64 value);
    Json &add_bool(const char *key, bool value);
    Json &add_time(const char *key, TimestampTz value);  // in UTC: one instant is one text, whoever says it
    const char *text();                                  // ends the object

private:
    void key(const char *name);
    StringInfoData out_;
    bool empty_ = true;
};

// Writes a committed action into the timeline, as the extension's owner, in this transaction.
// `acting_role` is the role that called, taken before any switch. Needs a Session.
void record(const char *action, Oid acting_role, const char *arguments, const char *outcome, Json &counts);
inline void record(const char *action, Oid acting_role, Json &arguments, const char *outcome, Json &counts) {
    record(action, acting_role, arguments.text(), outcome, counts);
}

}  // namespace scout::audit
