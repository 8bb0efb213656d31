/* What the compiled sources share. Functions marked GM_API are called from Python.

   They know nothing of Python: they get arrays from it, and return -1 where memory is short. So
   the interpreter is free for other threads while they run, and one build serves all versions. */

#ifndef GM_NATIVE_H
#define GM_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GM_API __attribute__((visibility("default")))

/* Counted up whenever what a function takes or returns changes; library.py has the same. */
#define GM_ABI 1

/* Tells Python how large a struct is that it fills or reads. */
#define GM_SIZE(type) GM_API const int64_t type##_size = sizeof(type)

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} span;

static inline size_t length_of(span text) { return (size_t)(text.end - text.at); }

static inline uint64_t load64(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

static inline uint32_t load32(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, 4);
    return word;
}

#endif
