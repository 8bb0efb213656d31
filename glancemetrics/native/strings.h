/* Distinct strings, numbered from 0 in the order in which they were added. */

#ifndef GM_STRINGS_H
#define GM_STRINGS_H

#include "native.h"

typedef struct {
    uint64_t *slots;
    /* A hash table: the lower half of the hash in the high bits, the string's number + 1 below; 0
       for an empty slot. */
    uint64_t mask;
    int64_t placed;
    /* The number of strings in the hash table. */
    int64_t count;
    int64_t room;
    int32_t *offsets;
    /* As in an Arrow array: string i is `bytes` from offsets[i] to offsets[i + 1]. */
    uint8_t *bytes;
    int64_t bytes_room;
} gm_strings;

/* Returns the number of a string, adding it if it is new; -1 if out of memory. */
int32_t number_of(gm_strings *strings, span text);

#define TEXTS_AT_ONCE 16

/* Finds the numbers of up to TEXTS_AT_ONCE strings, prefetching their slots first; false if out of
   memory. */
bool numbers_of(gm_strings *strings, const span *texts, int count, int32_t *numbers);

/* The same for one string whose `table_hash` is known; there must be slots. */
int32_t number_of_hashed(gm_strings *strings, span text, uint32_t hash);

/* Makes the first slots, if there are none; false if out of memory. */
bool strings_ready(gm_strings *strings);

/* Three steps to take before `number_of_hashed`, each for several strings before the next step, so that
   none of them waits for memory. */
static inline void prefetch_slot(const gm_strings *strings, uint32_t hash) {
    __builtin_prefetch(&strings->slots[hash & strings->mask]);
}

static inline void prefetch_offset(const gm_strings *strings, uint32_t hash) {
    uint64_t slot = strings->slots[hash & strings->mask];
    if (slot >> 32 == hash)
        __builtin_prefetch(&strings->offsets[(uint32_t)slot - 1]);
}

static inline void prefetch_bytes(const gm_strings *strings, uint32_t hash) {
    uint64_t slot = strings->slots[hash & strings->mask];
    if (slot >> 32 == hash)
        __builtin_prefetch(&strings->bytes[strings->offsets[(uint32_t)slot - 1]]);
}

/* Adds a new string without making it findable; returns its number, -1 if out of memory. */
int32_t strings_append(gm_strings *strings, span text);

/* Reserves room in an empty table for `count` strings of `size` bytes; untouched memory costs nothing.
   False if out of memory. */
bool strings_reserve(gm_strings *strings, int64_t count, int64_t size);

/* Prepares a table for about `count` strings; false if out of memory. */
bool strings_expect(gm_strings *strings, int64_t count);

void strings_clear(gm_strings *strings);

static inline int64_t strings_size(const gm_strings *strings) {
    return strings->count ? strings->offsets[strings->count] : 0;
}

#endif
