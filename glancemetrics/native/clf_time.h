/* Times of the common log format, `[17/May/2015:10:05:03 +0000]`. */

#ifndef GM_CLF_TIME_H
#define GM_CLF_TIME_H

#include "native.h"

#define BRACKETED_LENGTH 28

typedef struct {
    uint8_t known[21];
    /* Day, hour and zone of the last time that was read: most lines share them with the one
       before. */
    bool valid;
    int64_t seconds;
    /* Since the epoch, of the beginning of that hour. */
} gm_clock;

/* Read 28 bytes; false if they are no such time. A leap second (`:60`) is the first second of the
   next minute, as POSIX time has it. */
bool read_clf_time(gm_clock *clock, const uint8_t *text, int64_t *seconds);

#endif
