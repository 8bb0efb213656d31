/* Pairs of a value and a visitor: 64-bit numbers, the value's number above `bits` bits of the
   visitor's hash. */

#include <stdlib.h>

#include "native.h"

/* Make room for so many pairs; null without memory. */
GM_API uint64_t *gm_pairs_room(uint64_t *pairs, int64_t count) {
    return realloc(pairs, (size_t)(count ? count : 1) * sizeof *pairs);
}

GM_API void gm_pairs_free(uint64_t *pairs) { free(pairs); }

/* Let each number of a sorted array stand once; returns how many are left. */
GM_API int64_t gm_distinct(uint64_t *sorted, int64_t count) {
    int64_t kept = count > 0;
    for (int64_t i = 1; i < count; i++) {
        bool fresh = sorted[i] != sorted[i - 1];
        sorted[kept] = sorted[i];
        kept += fresh;
    }
    return kept;
}

/* Count the pairs of each value. */
GM_API void gm_count_pairs(const uint64_t *pairs, int64_t count, int64_t bits, int64_t *counts) {
    for (int64_t i = 0; i < count; i++)
        counts[pairs[i] >> bits]++;
}

/* Turn pairs around: the hash stands above the value's number, which has `64 - bits` bits. */
GM_API void gm_turn(const uint64_t *pairs, int64_t count, int64_t bits, uint64_t *turned) {
    for (int64_t i = 0; i < count; i++)
        turned[i] = pairs[i] << (64 - bits) | pairs[i] >> bits;
}

/* Count the visitors of each group of values, from pairs that were turned around and sorted:
   `numbers[i]` is the group of value i, -1 for none. `last` has a 0 for each group. */
GM_API void gm_count_turned(const uint64_t *turned, int64_t count, int64_t bits,
                            const int64_t *numbers, int64_t *last, int64_t *counts) {
    uint64_t values = (UINT64_C(1) << (64 - bits)) - 1;
    int64_t visitor = 1;
    for (int64_t i = 0; i < count; i++) {
        visitor += i && (turned[i] ^ turned[i - 1]) > values;
        int64_t number = numbers[turned[i] & values];
        if (number >= 0 && last[number] != visitor) {
            last[number] = visitor;
            counts[number]++;
        }
    }
}

/* Write pairs of other values: `numbers[i]` instead of i, or left out where that is below 0. Of the
   hashes `new_bits` are kept. Returns how many were written. */
GM_API int64_t gm_renumber(const uint64_t *pairs, int64_t count, int64_t bits,
                           const int64_t *numbers, int64_t new_bits, uint64_t *written) {
    uint64_t mask = (UINT64_C(1) << (bits < new_bits ? bits : new_bits)) - 1;
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t number = numbers[pairs[i] >> bits];
        written[kept] = (uint64_t)number << new_bits | (pairs[i] & mask);
        kept += number >= 0;
    }
    return kept;
}

/* Write a pair for each row that has a value: `numbers[codes[i]]`, and its visitor, if the visitor's
   hash ends in `level` zeros. Returns how many were written. */
GM_API int64_t gm_pair(const int32_t *codes, const uint64_t *visitors, int64_t count,
                       const int64_t *numbers, int64_t bits, int64_t level, uint64_t *written) {
    uint64_t mask = (UINT64_C(1) << bits) - 1;
    uint64_t left_out = (UINT64_C(1) << level) - 1;
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t number = codes[i] < 0 ? -1 : numbers[codes[i]];
        written[kept] = (uint64_t)number << bits | (visitors[i] & mask);
        kept += number >= 0 && !(visitors[i] & left_out);
    }
    return kept;
}
