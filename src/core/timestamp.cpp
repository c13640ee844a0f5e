#include "core/timestamp.hpp"

#include "core/scan.hpp"
#include "core/text.hpp"

namespace scout::core {
namespace {

// Calendar arithmetic counts days from 0000-03-01 in the proleptic Gregorian calendar: a year that
// starts in March has its leap day at the end, so that months have fixed starts, and 400 years
// always have the same number of days.
constexpr int64_t days_per_400_years = 146'097;
constexpr int64_t epoch_day = 730'425;  // 2000-01-01

constexpr bool is_leap_year(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr int days_in_month(int year, int month) {
    constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

// Days in the months from March to before `month`, counted from 0 = March: 0, 31, 61, 92, 122, ...
constexpr int days_before_month(int months_since_march) {
    return (153 * months_since_march + 2) / 5;
}

// Days since 2000-01-01 of a date in the years 0001 to 9999.
constexpr int64_t days_from_date(int year, int month, int day) {
    const int march_year = month > 2 ? year : year - 1;
    const int march_month = month > 2 ? month - 3 : month + 9;
    const int leap_days = march_year / 4 - march_year / 100 + march_year / 400;
    return int64_t{march_year} * 365 + leap_days + days_before_month(march_month) + day - 1 - epoch_day;
}

static_assert(days_from_date(2000, 1, 1) == 0 && days_from_date(1970, 1, 1) == -10'957);

constexpr int64_t floor_divide(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

bool parse_date(Scanner &in, bool &basic, int64_t &days) {
    int century = 0, year_of_century = 0, month = 0, day = 0;
    if (!in.accept_pair(century) || !in.accept_pair(year_of_century)) return false;
    basic = !in.accept('-');
    if (!in.accept_pair(month) || (!basic && !in.accept('-')) || !in.accept_pair(day)) return false;

    const int year = century * 100 + year_of_century;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return false;
    days = days_from_date(year, month, day);
    return true;
}

// Digits of a second, at least one; those beyond microseconds only round.
bool parse_fraction(Scanner &in, int64_t &usecs) {
    int digit = 0;
    if (!in.accept_digit(digit)) return false;
    usecs = 0;
    int64_t unit = usecs_per_second;
    do {
        const bool rounds = unit == 1;
        unit /= 10;
        usecs += rounds ? digit >= 5 : digit * unit;
    } while (in.accept_digit(digit));
    return true;
}

bool parse_time(Scanner &in, bool basic, int64_t &usecs) {
    int hour = 0, minute = 0, second = 0;
    int64_t fraction = 0;
    if (!in.accept_pair(hour) || (!basic && !in.accept(':')) || !in.accept_pair(minute)) return false;
    if (basic || in.accept(':')) {
        if (!in.accept_pair(second)) return false;
        if (in.accept_either('.', ',') && !parse_fraction(in, fraction)) return false;
    }

    if (hour > 24 || minute > 59 || second > 60) return false;
    if (hour == 24 && (minute > 0 || second > 0 || fraction > 0)) return false;
    usecs = ((hour * 60 + minute) * 60 + second) * usecs_per_second + fraction;
    return true;
}

bool parse_zone_part(Scanner &in, int &value) {
    in.accept(':');
    return in.accept_pair(value);
}

// What a local time is ahead of UTC; no zone at all means UTC.
bool parse_zone(Scanner &in, int64_t &usecs) {
    usecs = 0;
    if (in.done()) return true;
    in.accept(' ');
    if (in.accept_either('Z', 'z')) return true;

    const bool west = in.accept('-');
    if (!west && !in.accept('+')) return false;
    int hour = 0, minute = 0, second = 0;
    if (!in.accept_pair(hour)) return false;
    if (!in.done() && !parse_zone_part(in, minute)) return false;
    if (!in.done() && !parse_zone_part(in, second)) return false;
    if (hour > 15 || minute > 59 || second > 59) return false;
    const int64_t offset = ((hour * 60 + minute) * 60 + second) * usecs_per_second;
    usecs = west ? -offset : offset;
    return true;
}

}  // namespace

bool parse_timestamp(std::string_view text, Timestamp &out) {
    Scanner in(trim(text));
    bool basic = false;
    int64_t days = 0, time = 0, zone = 0;
    if (!parse_date(in, basic, days)) return false;
    if (basic || !in.done()) {
        if (!in.accept_either('T', 't') && (basic || !in.accept(' '))) return false;
        if (!parse_time(in, basic, time) || !parse_zone(in, zone)) return false;
    }
    if (!in.done()) return false;
    out = days * usecs_per_day + time - zone;
    return true;
}

int32_t date_key(Timestamp ts) {
    const int64_t day = floor_divide(ts, usecs_per_day) + epoch_day;
    const int64_t era = floor_divide(day, days_per_400_years);
    const int64_t day_of_era = day - era * days_per_400_years;
    // The last day of 4 years, of 100 years and of the era is the leap day: without them all years
    // have 365 days.
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const int64_t day_of_year = day_of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
    const int64_t march_month = (5 * day_of_year + 2) / 153;

    const int64_t day_of_month = day_of_year - days_before_month(static_cast<int>(march_month)) + 1;
    const int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    const int64_t year = era * 400 + year_of_era + (month <= 2);
    return static_cast<int32_t>(year * 10'000 + month * 100 + day_of_month);
}

}  // namespace scout::core
