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
#define LONGEST_ZONE 32

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

/* Reads the fraction of a second and returns its end; null without digits, or with more than `most`. */
static const uint8_t *fraction_end(const uint8_t *at, const uint8_t *end, int most, int64_t *micros) {
    const uint8_t *first = at;
    int64_t weight = MICROS / 10;
    for (*micros = 0; at < end && (uint8_t)(*at - '0') < 10; at++) {
        *micros += weight * (*at - '0');
        weight /= 10;
    }
    return at == first || at - first > most ? NULL : at;
}

static bool is_in_calendar(int64_t seconds) { return seconds >= EARLIEST && seconds < LATEST; }

/* Reads `2015-05-17T10:05:03.25` as if it were UTC and returns its end; null if it is not a time. */
static const uint8_t *iso_end(span text, int64_t *micros) {
    const uint8_t *at = text.at, *end = text.end;
    int64_t days, seconds, fraction = 0;
    if (end - at < DATE_LENGTH + 1 + TIME_LENGTH || (at[10] != 'T' && at[10] != ' ') ||
        !date_at(at, &days) || !time_at(at + 11, &seconds))
        return NULL;
    at += DATE_LENGTH + 1 + TIME_LENGTH;
    if (at < end && (*at == '.' || *at == ',')) {
        at = fraction_end(at + 1, end, MOST_FRACTION, &fraction);
        if (!at)
            return NULL;
    }
    *micros = (days * 86400 + seconds) * MICROS + fraction;
    return at;
}

/* Reads `+02:00`, `+0200` or `+02` as seconds east of UTC; false for other texts. */
static bool offset_of(span zone, int64_t *east) {
    const uint8_t *at = zone.at + 1, *end = zone.end;
    int64_t hours, minutes = 0;
    if (end - at < 2 || (*zone.at != '+' && *zone.at != '-') || !read_digits(at, 2, &hours))
        return false;
    at += 2;
    if (end - at == 3 && *at == ':')
        at++;
    if (at < end && (end - at != 2 || !read_digits(at, 2, &minutes)))
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    *east = (hours * 3600 + minutes * 60) * (*zone.at == '-' ? -1 : 1);
    return true;
}

/* Converts a local time in a zone `east` seconds east of UTC. */
static uint8_t moved(int64_t local, int64_t east, uint8_t state, int64_t *micros) {
    *micros = local - east * MICROS;
    bool known = state == KNOWN;
    return known && !is_in_calendar((*micros - (MICROS - 1) * (*micros < 0)) / MICROS) ? WRONG : state;
}

uint8_t read_iso_time(span text, int64_t *micros) {
    int64_t local, east = 0;
    const uint8_t *at = iso_end(text, &local);
    if (!at)
        return WRONG;
    if (at == text.end) {
        *micros = local;
        return WITHOUT_ZONE;
    }
    if ((*at != 'Z' || text.end - at != 1) && !offset_of((span){at, text.end}, &east))
        return WRONG;
    return moved(local, east, KNOWN, micros);
}

/* Zone names with a single meaning; others (CST, IST, BST) are ambiguous.
   Source: RFC 2822 section 4.3, and the IANA time zone database. */
static const struct {
    const char name[6];
    int16_t minutes;
} zones[] = {
    {"Z", 0},       {"UTC", 0},     {"GMT", 0},     {"UT", 0},      {"WET", 0},     {"WEST", 60},
    {"CET", 60},    {"CEST", 120},  {"EET", 120},   {"EEST", 180},  {"MSK", 180},   {"EST", -300},
    {"EDT", -240},  {"CDT", -300},  {"MDT", -360},  {"PDT", -420},  {"AKST", -540}, {"AKDT", -480},
    {"HST", -600},  {"JST", 540},   {"KST", 540},   {"HKT", 480},   {"AEST", 600},  {"AEDT", 660},
    {"NZST", 720},  {"NZDT", 780},
};

/* Applies the text after a time: nothing, an offset or a zone name, with or without a space before. */
static uint8_t with_zone(int64_t local, span zone, int64_t *micros) {
    *micros = local;
    if (zone.at == zone.end)
        return WITHOUT_ZONE;
    zone.at += *zone.at == ' ';
    size_t length = length_of(zone);
    int64_t east;
    if (!length)
        return WRONG;
    if (*zone.at == '+' || *zone.at == '-')
        return offset_of(zone, &east) ? moved(local, east, KNOWN, micros) : WRONG;
    if (length > LONGEST_ZONE || (uint8_t)(*zone.at - 'A') > 25)
        return WRONG;
    for (size_t i = 1; i < length; i++)
        if ((uint8_t)((zone.at[i] | 0x20) - 'a') > 25 &&
            (!zone.at[i] || !strchr("_/+-", zone.at[i])))
            return WRONG;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        if (strlen(zones[i].name) == length && !memcmp(zones[i].name, zone.at, length))
            return moved(local, zones[i].minutes * 60, KNOWN, micros);
    return length > 1 ? IN_NAMED_ZONE : WRONG;
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

/* Reads `:05:03`, after the hour. */
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
        /* The first and last hours of the supported years are checked elsewhere. */
        clock->valid = is_in_calendar(clock->seconds - 3601) && is_in_calendar(clock->seconds + 3601);
        if (!clock->valid)
            return false;
        memcpy(clock->known, text, DATE_AND_HOUR);
        memcpy(clock->known + DATE_AND_HOUR, text + LOCAL_LENGTH, ZONE_LENGTH);
    }
    int64_t within;
    if (!minute_at(text + DATE_AND_HOUR, &within))
        return false;
    *seconds = clock->seconds + within;
    return true;
}

/* Reads `17/May/2015:10:05:03`, also with a fraction or a space instead of the colon; returns its
   end. */
static const uint8_t *clf_end(span text, int64_t *micros) {
    uint8_t known[LOCAL_LENGTH];
    int64_t hour, within, fraction = 0;
    if (length_of(text) < LOCAL_LENGTH)
        return NULL;
    memcpy(known, text.at, LOCAL_LENGTH);
    if (known[11] == ' ')
        known[11] = ':';
    if (!hour_at(known, &hour) || !minute_at(known + DATE_AND_HOUR, &within))
        return NULL;
    const uint8_t *at = text.at + LOCAL_LENGTH;
    if (at < text.end && (*at == '.' || *at == ','))
        at = fraction_end(at + 1, text.end, MOST_FRACTION, &fraction);
    *micros = (hour + within) * MICROS + fraction;
    return at;
}

uint8_t read_clf_time(span text, int64_t *micros) {
    gm_clock clock = {.valid = false};
    int64_t seconds, local;
    size_t length = length_of(text);
    if (length == CLF_LENGTH && read_clf_seconds(&clock, text.at, &seconds)) {
        *micros = seconds * MICROS;
        return KNOWN;
    }
    bool is_iso = length > DATE_LENGTH && text.at[4] == '-';
    const uint8_t *at = is_iso ? iso_end(text, &local) : clf_end(text, &local);
    return at ? with_zone(local, (span){at, text.end}, micros) : WRONG;
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
