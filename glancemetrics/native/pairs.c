/* Pairs of a value and a visitor: 64-bit numbers, the value's number above `bits` bits of the
   visitor's hash. */

#include "native.h"

/* Let each number of a sorted array stand once; returns how many are left. */
GM_API int64_t gm_distinct(uint64_t *sorted, int64_t count) {
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        uint64_t pair = sorted[i];
        bool fresh = !kept || pair != sorted[kept - 1];
        sorted[kept] = pair;
        kept += fresh;
    }
    return kept;
}

/* Count the pairs of each value. */
GM_API void gm_count_pairs(const uint64_t *pairs, int64_t count, int64_t bits, int64_t *counts) {
    for (int64_t i = 0; i < count; i++)
        counts[pairs[i] >> bits]++;
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

/* Write a pair for each row: `numbers[codes[i]]` and its visitor. */
GM_API void gm_pair(const int32_t *codes, const uint64_t *visitors, int64_t count,
                    const int64_t *numbers, int64_t bits, uint64_t *written) {
    uint64_t mask = (UINT64_C(1) << bits) - 1;
    for (int64_t i = 0; i < count; i++)
        written[i] = (uint64_t)numbers[codes[i]] << bits | (visitors[i] & mask);
}
