/* Source: Apache's `%t` (https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats) and
   nginx's `$time_local`, which write the same characters. */

#include "clf_time.h"

#include "calendar.h"

#define DATE_AND_HOUR 15 /* `[17/May/2015:10` */
#define ZONE_AT 21       /* ` +0000]`, less the bracket */
#define ZONE_LENGTH 6

static bool month_of(const uint8_t *text, int64_t *month) {
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    const uint8_t lower[3] = {text[0] | 0x20, text[1] | 0x20, text[2] | 0x20};
    for (*month = 1; *month <= 12; ++*month)
        if (!memcmp(lower, names + (*month - 1) * 3, 3))
            return true;
    return false;
}

static bool read_hour(const uint8_t *text, int64_t *seconds) {
    int64_t day, month, year, hour, zone_hours, zone_minutes;
    if (text[0] != '[' || !read_digits(text + 1, 2, &day) || text[3] != '/' ||
        !month_of(text + 4, &month) || text[7] != '/' || !read_digits(text + 8, 4, &year) ||
        text[12] != ':' || !read_digits(text + 13, 2, &hour) || text[21] != ' ' ||
        (text[22] != '+' && text[22] != '-') || !read_digits(text + 23, 2, &zone_hours) ||
        !read_digits(text + 25, 2, &zone_minutes))
        return false;
    if (!is_date(year, month, day) || hour > 23 ||
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
    if (text[15] != ':' || !read_digits(text + 16, 2, &minute) || text[18] != ':' ||
        !read_digits(text + 19, 2, &second) || text[27] != ']' || minute > 59 || second > 60)
        return false;
    *seconds = clock->seconds + minute * 60 + second;
    return true;
}
