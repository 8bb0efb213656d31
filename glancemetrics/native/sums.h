/* Sums by value: hits, bytes, errors and maybe visitors, side by side, so that a value is fetched from
   memory once. Each has `width` numbers. */

#ifndef GM_SUMS_H
#define GM_SUMS_H

#include "native.h"

/* Added numbers are never negative; a sum that overflows stays at the maximum. */
static inline int64_t sum_of(int64_t sum, int64_t added) {
    return __builtin_add_overflow(sum, added, &sum) ? INT64_MAX : sum;
}

enum field { HITS, BYTES, ERRORS, FIELDS, VISITORS = FIELDS };
/* Visitors are only there for values of which each visitor has one, like its host. */

/* Adds one request to the sums of a value. */
static inline void sum_up(int64_t *sums, int64_t size, bool is_error) {
    sums[HITS]++;
    sums[BYTES] = sum_of(sums[BYTES], size);
    sums[ERRORS] += is_error;
}

/* Counts a visitor that stands for as many as are left out at a level. */
static inline void add_new_visitor(int64_t *sums, int64_t level) {
    sums[VISITORS] += INT64_C(1) << level;
}

#endif
