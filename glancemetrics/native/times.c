#include "times.h"

#include "calendar.h"
#include "values.h"

#define MICROS 1000000
#define DATE_LENGTH 10
#define TIME_LENGTH 8
#define DATE_AND_HOUR 14 /* `17/May/2015:10` */
#define LOCAL_LENGTH 20  /* `17/May/2015:10:05:03` */
#define ZONE_LENGTH 6    /* ` +0000` */
#define MOST_FRACTION 9
#define MOST_CLF_FRACTION 6

static bool date_at(const uint8_t *at, int64_t *days) {
    int64_t year, month, day;
    if (!read_digits(at, 4, &year) || at[4] != '-' || !read_digits(at + 5, 2, &month) ||
        at[7] != '-' || !read_digits(at + 8, 2, &day) || !is_date(year, month, day))
        return false;
    *days = days_from_civil(year, month, day);
    return true;
}

static bool time_at(const uint8_t *at, int64_t *seconds) {
    int64_t hour, minute, second;
    if (!read_digits(at, 2, &hour) || at[2] != ':' || !read_digits(at + 3, 2, &minute) ||
        at[5] != ':' || !read_digits(at + 6, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

/* Read digits that are a fraction of a second: where they end; null if there are none, or more than
   `most`. */
static const uint8_t *fraction_end(const uint8_t *at, const uint8_t *end, int most, int64_t *micros) {
    const uint8_t *first = at;
    int64_t weight = MICROS / 10;
    for (*micros = 0; at < end && (uint8_t)(*at - '0') < 10; at++) {
        *micros += weight * (*at - '0');
        weight /= 10;
    }
    return at == first || at - first > most ? NULL : at;
}

uint8_t read_iso_time(span text, int64_t *micros) {
    const uint8_t *at = text.at, *end = text.end;
    int64_t days, seconds, fraction = 0, east = 0;
    if (end - at < DATE_LENGTH + 1 + TIME_LENGTH || (at[10] != 'T' && at[10] != ' ') ||
        !date_at(at, &days) || !time_at(at + 11, &seconds))
        return WRONG;
    at += DATE_LENGTH + 1 + TIME_LENGTH;
    if (at < end && (*at == '.' || *at == ',')) {
        at = fraction_end(at + 1, end, MOST_FRACTION, &fraction);
        if (!at)
            return WRONG;
    }
    uint8_t state = at == end ? WITHOUT_ZONE : KNOWN;
    if (at < end && (*at == '+' || *at == '-')) {
        int64_t hours, minutes = 0;
        bool west = *at++ == '-';
        if (end - at < 2 || !read_digits(at, 2, &hours))
            return WRONG;
        at += 2;
        if (end - at == 3 && *at == ':')
            at++;
        if (at < end && (end - at != 2 || !read_digits(at, 2, &minutes)))
            return WRONG;
        if (hours > 23 || minutes > 59)
            return WRONG;
        east = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    } else if (at < end && (*at != 'Z' || end - at != 1)) {
        return WRONG;
    }
    *micros = (days * 86400 + seconds - east) * MICROS + fraction;
    return state;
}

uint8_t read_date(span text, int64_t *micros) {
    int64_t days;
    if (length_of(text) != DATE_LENGTH || !date_at(text.at, &days))
        return WRONG;
    *micros = days * 86400 * MICROS;
    return WITHOUT_ZONE;
}

uint8_t read_time_of_day(span text, int64_t *micros) {
    int64_t seconds, fraction = 0;
    const uint8_t *at = text.at + TIME_LENGTH;
    if (length_of(text) < TIME_LENGTH || !time_at(text.at, &seconds))
        return WRONG;
    if (at < text.end &&
        (*at != '.' || fraction_end(at + 1, text.end, MOST_FRACTION, &fraction) != text.end))
        return WRONG;
    *micros = seconds * MICROS + fraction;
    return WITHOUT_ZONE;
}

static bool month_at(const uint8_t *text, int64_t *month) {
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    const uint8_t lower[3] = {text[0] | 0x20, text[1] | 0x20, text[2] | 0x20};
    for (*month = 1; *month <= 12; ++*month)
        if (!memcmp(lower, names + (*month - 1) * 3, 3))
            return true;
    return false;
}

static bool hour_at(const uint8_t *text, int64_t *seconds) {
    int64_t day, month, year, hour;
    if (!read_digits(text, 2, &day) || text[2] != '/' || !month_at(text + 3, &month) ||
        text[6] != '/' || !read_digits(text + 7, 4, &year) || text[11] != ':' ||
        !read_digits(text + 12, 2, &hour) || !is_date(year, month, day) || hour > 23)
        return false;
    *seconds = days_from_civil(year, month, day) * 86400 + hour * 3600;
    return true;
}

static bool zone_at(const uint8_t *text, int64_t *east) {
    int64_t hours, minutes;
    if (text[0] != ' ' || (text[1] != '+' && text[1] != '-') || !read_digits(text + 2, 2, &hours) ||
        !read_digits(text + 4, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *east = (hours * 3600 + minutes * 60) * (text[1] == '-' ? -1 : 1);
    return true;
}

/* `:05:03`, after the hour. */
static bool minute_at(const uint8_t *text, int64_t *seconds) {
    int64_t minute, second;
    if (text[0] != ':' || !read_digits(text + 1, 2, &minute) || text[3] != ':' ||
        !read_digits(text + 4, 2, &second) || minute > 59 || second > 60)
        return false;
    *seconds = minute * 60 + second;
    return true;
}

bool read_clf_seconds(gm_clock *clock, const uint8_t *text, int64_t *seconds) {
    if (!clock->valid || memcmp(clock->known, text, DATE_AND_HOUR) ||
        memcmp(clock->known + DATE_AND_HOUR, text + LOCAL_LENGTH, ZONE_LENGTH)) {
        int64_t east;
        clock->valid = hour_at(text, &clock->seconds) && zone_at(text + LOCAL_LENGTH, &east);
        if (!clock->valid)
            return false;
        clock->seconds -= east;
        memcpy(clock->known, text, DATE_AND_HOUR);
        memcpy(clock->known + DATE_AND_HOUR, text + LOCAL_LENGTH, ZONE_LENGTH);
    }
    int64_t within;
    if (!minute_at(text + DATE_AND_HOUR, &within))
        return false;
    *seconds = clock->seconds + within;
    return true;
}

uint8_t read_clf_time(span text, int64_t *micros) {
    gm_clock clock = {.valid = false};
    int64_t seconds;
    if (length_of(text) != CLF_LENGTH || !read_clf_seconds(&clock, text.at, &seconds))
        return WRONG;
    *micros = seconds * MICROS;
    return KNOWN;
}

uint8_t read_clf_local_time(span text, int64_t *micros) {
    int64_t hour, within, fraction = 0;
    const uint8_t *at = text.at + LOCAL_LENGTH;
    if (length_of(text) < LOCAL_LENGTH || !hour_at(text.at, &hour) ||
        !minute_at(text.at + DATE_AND_HOUR, &within))
        return WRONG;
    if (at < text.end &&
        (*at != '.' || fraction_end(at + 1, text.end, MOST_CLF_FRACTION, &fraction) != text.end))
        return WRONG;
    *micros = (hour + within) * MICROS + fraction;
    return WITHOUT_ZONE;
}
