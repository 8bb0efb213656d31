/* Parses the times of logs to microseconds since the epoch. */

#ifndef GM_TIMES_H
#define GM_TIMES_H

#include "native.h"

/* Each of these returns an `enum state` of values.h: KNOWN; WITHOUT_ZONE for a time without a zone,
   parsed as if it were UTC; IN_NAMED_ZONE for an ambiguous zone name; or WRONG, also before the year
   1001 and after 9998 in UTC. A leap second (`:60`) is the first second of the next minute, as in
   POSIX time. Digits below a microsecond are cut off. */

/* `2015-05-17T10:05:03.25+02:00` (RFC 3339 section 5.6, ISO 8601); also with a space instead of `T`, a
   comma before the fraction, and an offset without colon, without minutes, or none. */
uint8_t read_iso_time(span text, int64_t *micros);

/* `17/May/2015:10:05:03 +0000`.
   Source: Apache's `%t` (https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats) and
   nginx's `$time_local`, which write the same. Also the variants of other servers: with a fraction, a
   space instead of the colon, another notation of the zone, a zone name or none; and ISO 8601. */
uint8_t read_clf_time(span text, int64_t *micros);

/* `17/May/2015:10:05:03.123` (HAProxy); with up to six digits or none. */
uint8_t read_clf_local_time(span text, int64_t *micros);

/* `2015-05-17`: the beginning of that day. */
uint8_t read_date(span text, int64_t *micros);

/* `10:05:03.25`: microseconds since midnight. */
uint8_t read_time_of_day(span text, int64_t *micros);

#define CLF_LENGTH 26

typedef struct {
    uint8_t known[21];
    /* Day, hour and zone of the previous time: most lines have the same as the line before. */
    bool valid;
    int64_t seconds;
    /* The beginning of that hour, since the epoch. */
} gm_clock;

/* Reads a CLF time of CLF_LENGTH at `text`; false if there is none. */
bool read_clf_seconds(gm_clock *clock, const uint8_t *text, int64_t *seconds);

#endif
