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

/* Makes the first slots, if there are none; false if out of memory. */
bool strings_ready(gm_strings *strings);

/* Looking up one string whose `table_hash` is known, in four steps. Each is to be taken for several
   strings before the next one, so that none of them waits for memory. There must be slots. */
static inline void prefetch_slot(const gm_strings *strings, uint32_t hash) {
    __builtin_prefetch(&strings->slots[hash & strings->mask]);
}

/* Returns the number of the first string with the same hash; -1 if there is none. */
static inline int32_t prefetch_offset(const gm_strings *strings, uint32_t hash) {
    uint64_t slot;
    for (uint64_t at = hash & strings->mask; (slot = strings->slots[at]);
         at = (at + 1) & strings->mask)
        if (slot >> 32 == hash) {
            int32_t number = (int32_t)(uint32_t)slot - 1;
            __builtin_prefetch(&strings->offsets[number]);
            return number;
        }
    return -1;
}

static inline void prefetch_bytes(const gm_strings *strings, int32_t candidate) {
    if (candidate >= 0)
        __builtin_prefetch(&strings->bytes[strings->offsets[candidate]]);
}

/* Compares texts of the same length; most are short, so a call of `memcmp` would take longer. */
static inline bool is_same(const uint8_t *one, const uint8_t *other, size_t length) {
    if (length < 8) {
        for (size_t i = 0; i < length; i++)
            if (one[i] != other[i])
                return false;
        return true;
    }
    size_t last = length - 8;
    for (size_t i = 0; i < last; i += 8)
        if (load64(one + i) != load64(other + i))
            return false;
    return load64(one + last) == load64(other + last);
}

static inline bool is_string(const gm_strings *strings, int32_t number, span text) {
    int32_t start = strings->offsets[number];
    size_t length = length_of(text);
    return strings->offsets[number + 1] - start == (int64_t)length &&
           is_same(strings->bytes + start, text.at, length);
}

/* Finds or adds a string; -1 if out of memory. */
int32_t enter_hashed(gm_strings *strings, span text, uint32_t hash);

static inline int32_t number_of_hashed(gm_strings *strings, span text, uint32_t hash,
                                       int32_t candidate) {
    return candidate >= 0 && is_string(strings, candidate, text) ? candidate
                                                                 : enter_hashed(strings, text, hash);
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
