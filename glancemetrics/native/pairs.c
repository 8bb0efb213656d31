/* Pairs of a value and a visitor: 64-bit numbers with the value's number in the high bits and `bits`
   bits of the visitor's hash below. */

#include <stdlib.h>

#include "native.h"

/* Makes room for `count` pairs; null if out of memory. */
GM_API uint64_t *gm_pairs_room(uint64_t *pairs, int64_t count) {
    return realloc(pairs, (size_t)(count ? count : 1) * sizeof *pairs);
}

GM_API void gm_pairs_free(uint64_t *pairs) { free(pairs); }

/* Removes duplicates from a sorted array; returns the number left. */
GM_API int64_t gm_distinct(uint64_t *sorted, int64_t count) {
    int64_t kept = count > 0;
    for (int64_t i = 1; i < count; i++) {
        bool fresh = sorted[i] != sorted[i - 1];
        sorted[kept] = sorted[i];
        kept += fresh;
    }
    return kept;
}

/* Counts the pairs of each value. */
GM_API void gm_count_pairs(const uint64_t *pairs, int64_t count, int64_t bits, int64_t *counts) {
    for (int64_t i = 0; i < count; i++)
        counts[pairs[i] >> bits]++;
}

/* Turns pairs around: the hash in the high bits, the value's number (`64 - bits` bits) below. The same
   with `64 - bits` turns them back. */
GM_API void gm_turn(uint64_t *pairs, int64_t count, int64_t bits) {
    for (int64_t i = 0; i < count; i++)
        pairs[i] = pairs[i] << (64 - bits) | pairs[i] >> bits;
}

/* Counts the visitors of each group of values, from sorted turned pairs: `numbers[i]` is the group of
   value i, -1 for none. `last` must be 0 for each group. */
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

/* Writes pairs with `numbers[i]` instead of value i, or skips them if that is negative. `new_bits` bits
   of the hashes are kept. Returns the number of pairs written. */
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

/* Writes a pair for each row with a value: `numbers[codes[i]]` and its visitor, if the visitor's hash
   ends in `level` zeros. Returns the number of pairs written. */
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
