/* Distinct strings, numbered from 0 in the order in which they came. */

#ifndef GM_STRINGS_H
#define GM_STRINGS_H

#include "native.h"

typedef struct {
    uint64_t *slots;
    /* Where a string's hash leads to: the lower half of the hash above the string's number + 1;
       0 where there is none. */
    uint64_t mask;
    int64_t placed;
    /* How many can be found so. */
    int64_t count;
    int64_t room;
    int32_t *offsets;
    /* As in an Arrow array: string i is `bytes` from offsets[i] up to offsets[i + 1]. */
    uint8_t *bytes;
    int64_t bytes_room;
} gm_strings;

/* The number of a string, which is entered if it is new; -1 without memory. */
int32_t number_of(gm_strings *strings, span text);

#define TEXTS_AT_ONCE 16

/* The numbers of up to so many strings, whose places are fetched into the cache before any is looked
   at; false without memory. */
bool numbers_of(gm_strings *strings, const span *texts, int count, int32_t *numbers);

/* Enter a string that is not there and will not be looked for; returns its number, -1 without
   memory. */
int32_t strings_append(gm_strings *strings, span text);

/* Make room in an empty table for so many strings, and so many bytes of them; it costs nothing until
   it is used. False without memory. */
bool strings_reserve(gm_strings *strings, int64_t count, int64_t size);

/* Make a table for about so many strings; false without memory. */
bool strings_expect(gm_strings *strings, int64_t count);

void strings_clear(gm_strings *strings);

static inline int64_t strings_size(const gm_strings *strings) {
    return strings->count ? strings->offsets[strings->count] : 0;
}

#endif
