/* Source: Apache's `%t` (https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats) and
   nginx's `$time_local`, which write the same characters. */

#include "clf_time.h"

#define DATE_AND_HOUR 15 /* `[17/May/2015:10` */
#define ZONE_AT 21       /* ` +0000]`, less the bracket */
#define ZONE_LENGTH 6

static bool digits(const uint8_t *text, int count, int64_t *value) {
    *value = 0;
    for (int i = 0; i < count; i++) {
        uint8_t digit = (uint8_t)(text[i] - '0');
        if (digit > 9)
            return false;
        *value = *value * 10 + digit;
    }
    return true;
}

static bool month_of(const uint8_t *text, int64_t *month) {
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    const uint8_t lower[3] = {text[0] | 0x20, text[1] | 0x20, text[2] | 0x20};
    for (*month = 1; *month <= 12; ++*month)
        if (!memcmp(lower, names + (*month - 1) * 3, 3))
            return true;
    return false;
}

/* Days since 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = year / 400; /* no year is below 0 here */
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool read_hour(const uint8_t *text, int64_t *seconds) {
    static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t day, month, year, hour, zone_hours, zone_minutes;
    if (text[0] != '[' || !digits(text + 1, 2, &day) || text[3] != '/' ||
        !month_of(text + 4, &month) || text[7] != '/' || !digits(text + 8, 4, &year) ||
        text[12] != ':' || !digits(text + 13, 2, &hour) || text[21] != ' ' ||
        (text[22] != '+' && text[22] != '-') || !digits(text + 23, 2, &zone_hours) ||
        !digits(text + 25, 2, &zone_minutes))
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1 || day < 1 || day > lengths[month - 1] + (leap && month == 2) || hour > 23 ||
        zone_hours > 23 || zone_minutes > 59)
        return false;
    int64_t east = zone_hours * 3600 + zone_minutes * 60;
    *seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 -
               (text[22] == '-' ? -east : east);
    return true;
}

bool read_clf_time(gm_clock *clock, const uint8_t *text, int64_t *seconds) {
    if (!clock->valid || memcmp(clock->known, text, DATE_AND_HOUR) ||
        memcmp(clock->known + DATE_AND_HOUR, text + ZONE_AT, ZONE_LENGTH)) {
        clock->valid = read_hour(text, &clock->seconds);
        if (!clock->valid)
            return false;
        memcpy(clock->known, text, DATE_AND_HOUR);
        memcpy(clock->known + DATE_AND_HOUR, text + ZONE_AT, ZONE_LENGTH);
    }
    int64_t minute, second;
    if (text[15] != ':' || !digits(text + 16, 2, &minute) || text[18] != ':' ||
        !digits(text + 19, 2, &second) || text[27] != ']' || minute > 59 || second > 60)
        return false;
    *seconds = clock->seconds + minute * 60 + second;
    return true;
}
