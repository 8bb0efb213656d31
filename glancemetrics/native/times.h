/* Times as logs write them, read to microseconds since the epoch. */

#ifndef GM_TIMES_H
#define GM_TIMES_H

#include "native.h"

/* Each of these returns an `enum state` of values.h: KNOWN; WITHOUT_ZONE for a time that names no
   zone, which is read as if it were UTC, and IN_NAMED_ZONE for one whose zone several places call so;
   or WRONG, also for a moment before the year 1001 or after 9998 in UTC. A leap second (`:60`) is the first second of the
   next minute, as POSIX time has it. What is finer than a microsecond is cut off. */

/* `2015-05-17T10:05:03.25+02:00`, as RFC 3339 section 5.6 and ISO 8601 have it; also with a space for
   the `T`, a comma before the fraction, an offset without its colon or without minutes, and without
   any. */
uint8_t read_iso_time(span text, int64_t *micros);

/* `17/May/2015:10:05:03 +0000`.
   Source: Apache's `%t` (https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats) and
   nginx's `$time_local`, which write the same characters. As others write it in its place: with a
   fraction, a space for the colon, another notation of the zone, its name or none; and ISO 8601. */
uint8_t read_clf_time(span text, int64_t *micros);

/* `17/May/2015:10:05:03.123`, as HAProxy writes it; with up to six digits or none. */
uint8_t read_clf_local_time(span text, int64_t *micros);

/* `2015-05-17`, which is its beginning. */
uint8_t read_date(span text, int64_t *micros);

/* `10:05:03.25`: microseconds since midnight. */
uint8_t read_time_of_day(span text, int64_t *micros);

#define CLF_LENGTH 26

typedef struct {
    uint8_t known[21];
    /* Day, hour and zone of the last time that was read: most lines share them with the one
       before. */
    bool valid;
    int64_t seconds;
    /* Since the epoch, of the beginning of that hour. */
} gm_clock;

/* Read the CLF time that stands at `text`, of CLF_LENGTH; false if there is none. */
bool read_clf_seconds(gm_clock *clock, const uint8_t *text, int64_t *seconds);

#endif
