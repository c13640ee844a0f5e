// ISO 8601 timestamps, parsed without session settings: the same text means the same instant in
// every session, and words such as 'now' or 'infinity' are no timestamps.
#pragma once

#include <cstdint>
#include <string_view>

namespace scout::core {

// Microseconds since 2000-01-01 00:00:00 UTC, which is PostgreSQL's TimestampTz.
using Timestamp = int64_t;

constexpr Timestamp usecs_per_second = 1'000'000;
constexpr Timestamp usecs_per_day = 86'400 * usecs_per_second;

// Accepts  YYYY-MM-DD[(T|t| )HH:MM[:SS[(.|,)fraction]][ ](Z|z|(+|-)HH[[:]MM[[:]SS]])]
// and the basic form YYYYMMDDTHHMMSS[.fraction] with the same zone. Years 0001 to 9999; dates are checked
// against the Gregorian calendar; 24:00:00 and second 60 mean the next minute as in PostgreSQL;
// zone offsets up to 15:59:59. Fractions beyond microseconds are rounded half up. Without a zone
// the text is UTC. White space around the text is allowed. Returns false and leaves `out` alone
// where the text is anything else.
bool parse_timestamp(std::string_view text, Timestamp &out);

// The UTC calendar day as YYYYMMDD, the usual date key of a star schema.
int32_t date_key(Timestamp ts);

}  // namespace scout::core
