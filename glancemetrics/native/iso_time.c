/* Times as RFC 3339 section 5.6 and ISO 8601 write them: `2015-05-17T10:05:03.25+02:00`.

   Also with a space for the `T`, a comma before the fraction, an offset without its colon or without
   minutes, and without any. */

#include "calendar.h"

#define MICROS 1000000
#define NO_ZONE 2

/* Read one; returns 0 if it is none, NO_ZONE if it names no zone and is taken as UTC, else 1. */
static uint8_t read_iso_time(const uint8_t *at, const uint8_t *end, int64_t *micros) {
    int64_t year, month, day, hour, minute, second, fraction = 0, east = 0;
    if (end - at < 19 || !read_digits(at, 4, &year) || at[4] != '-' || !read_digits(at + 5, 2, &month) ||
        at[7] != '-' || !read_digits(at + 8, 2, &day) || (at[10] != 'T' && at[10] != ' ') ||
        !read_digits(at + 11, 2, &hour) || at[13] != ':' || !read_digits(at + 14, 2, &minute) ||
        at[16] != ':' || !read_digits(at + 17, 2, &second))
        return 0;
    if (!is_date(year, month, day) || hour > 23 || minute > 59 || second > 60)
        return 0;
    at += 19;
    if (at < end && (*at == '.' || *at == ',')) {
        const uint8_t *first = ++at;
        for (int64_t weight = MICROS / 10; at < end && (uint8_t)(*at - '0') < 10; at++) {
            fraction += weight * (*at - '0');
            weight /= 10;
        }
        if (at == first)
            return 0;
    }
    uint8_t kind = 1;
    if (at == end) {
        kind = NO_ZONE;
    } else if (*at == 'Z' && end - at == 1) {
        east = 0;
    } else if (*at == '+' || *at == '-') {
        int64_t hours, minutes = 0;
        bool west = *at++ == '-';
        if (end - at < 2 || !read_digits(at, 2, &hours))
            return 0;
        at += 2;
        if (at < end && *at == ':')
            at++;
        if (at < end && (end - at != 2 || !read_digits(at, 2, &minutes)))
            return 0;
        if (hours > 23 || minutes > 59)
            return 0;
        east = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    } else {
        return 0;
    }
    *micros = (days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
               east) * MICROS + fraction;
    return kind;
}

/* Read the time that each string of an Arrow array is: microseconds since the epoch, and what
   `read_iso_time` returned. */
GM_API void gm_iso_times(const int32_t *offsets, const uint8_t *data, int64_t count,
                         int64_t *micros, uint8_t *kinds) {
    for (int64_t i = 0; i < count; i++) {
        micros[i] = 0;
        kinds[i] = read_iso_time(data + offsets[i], data + offsets[i + 1], &micros[i]);
    }
}
