#include "sums.h"

/* Sums rows by code; rows with code -1 are skipped. */
GM_API void gm_sum(const int32_t *codes, int64_t count, const int64_t *sizes,
                   const uint8_t *errors, int64_t (*sums)[FIELDS]) {
    for (int64_t i = 0; i < count; i++) {
        if (codes[i] < 0)
            continue;
        sum_up(sums[codes[i]], sizes[i], errors[i]);
    }
}

/* Adds `added[i]` to `sums[numbers[i]]`; skipped if negative. */
GM_API void gm_add(const int64_t *added, int64_t count, const int64_t *numbers, int64_t *sums) {
    for (int64_t i = 0; i < count; i++)
        if (numbers[i] >= 0)
            sums[numbers[i]] = sum_of(sums[numbers[i]], added[i]);
}

/* Adds sums of values that have other numbers in `sums`; -1 is skipped. Fields that only one of the two
   has stay as they are. */
GM_API void gm_add_sums(const int64_t *added, int64_t added_width, int64_t count,
                        const int64_t *numbers, int64_t *sums, int64_t width) {
    int64_t fields = width < added_width ? width : added_width;
    for (int64_t i = 0; i < count; i++) {
        if (i + 8 < count && numbers[i + 8] >= 0)
            __builtin_prefetch(sums + numbers[i + 8] * width, 1);
        if (numbers[i] < 0)
            continue;
        int64_t *to = sums + numbers[i] * width;
        for (int64_t field = 0; field < fields; field++)
            to[field] = sum_of(to[field], added[i * added_width + field]);
    }
}
