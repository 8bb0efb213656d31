/* Sums by value: hits, bytes and errors, side by side, so that a value is fetched from memory once. */

#include "native.h"

/* Added numbers are never negative; a sum that overflows stays at the maximum. */
static inline int64_t sum_of(int64_t sum, int64_t added) {
    return __builtin_add_overflow(sum, added, &sum) ? INT64_MAX : sum;
}

enum field { HITS, BYTES, ERRORS, FIELDS };

/* Sums rows by code; rows with code -1 are skipped. */
GM_API void gm_sum(const int32_t *codes, int64_t count, const int64_t *sizes,
                   const uint8_t *errors, int64_t (*sums)[FIELDS]) {
    for (int64_t i = 0; i < count; i++) {
        if (codes[i] < 0)
            continue;
        int64_t *value = sums[codes[i]];
        value[HITS]++;
        value[BYTES] = sum_of(value[BYTES], sizes[i]);
        value[ERRORS] += errors[i];
    }
}

/* Adds `added[i]` to `sums[numbers[i]]`; skipped if negative. */
GM_API void gm_add(const int64_t *added, int64_t count, const int64_t *numbers, int64_t *sums) {
    for (int64_t i = 0; i < count; i++)
        if (numbers[i] >= 0)
            sums[numbers[i]] = sum_of(sums[numbers[i]], added[i]);
}

/* Adds sums of values that have other numbers in `sums`; -1 is skipped. */
GM_API void gm_add_sums(const int64_t (*added)[FIELDS], int64_t count, const int64_t *numbers,
                        int64_t (*sums)[FIELDS]) {
    for (int64_t i = 0; i < count; i++) {
        if (i + 8 < count && numbers[i + 8] >= 0)
            __builtin_prefetch(sums[numbers[i + 8]], 1);
        if (numbers[i] < 0)
            continue;
        for (int field = 0; field < FIELDS; field++)
            sums[numbers[i]][field] = sum_of(sums[numbers[i]][field], added[i][field]);
    }
}
