// Any bytes as timestamp text.
#include "core/timestamp.hpp"
#include "invariant.hpp"

#include <string>

using namespace scout::core;

namespace {

// Years 0001 to 9999, and the day that a zone or 24:00 may lead beyond them.
constexpr Timestamp earliest = -730'120 * usecs_per_day;
constexpr Timestamp latest = 2'921'941 * usecs_per_day;

std::string date_text(int32_t key) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02d", key / 10'000, key / 100 % 100, key % 100);
    return buffer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const std::string text(reinterpret_cast<const char *>(bytes), size);
    constexpr Timestamp untouched = INT64_MAX;
    Timestamp ts = untouched;
    if (!parse_timestamp(text, ts)) {
        INVARIANT(ts == untouched);
        return 0;
    }
    INVARIANT(ts >= earliest && ts < latest);

    Timestamp again = untouched;
    INVARIANT(parse_timestamp("\n" + text + " ", again) && again == ts);

    // The date key names the day that holds the instant.
    const int32_t key = date_key(ts);
    Timestamp midnight = untouched;
    if (key >= 1'01'01 && key <= 9999'12'31) {
        INVARIANT(parse_timestamp(date_text(key), midnight));
        INVARIANT(midnight <= ts && ts < midnight + usecs_per_day);
        INVARIANT(date_key(midnight) == key);
    } else {
        INVARIANT(key == 12'31 || key == 10000'01'01);
    }
    return 0;
}
