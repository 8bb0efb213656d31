/* Shared by the compiled sources. Functions marked GM_API are called from Python.

   They know nothing of Python: they take arrays, and return -1 if out of memory. So the interpreter
   can run other threads meanwhile, and one build works with all Python versions. */

#ifndef GM_NATIVE_H
#define GM_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GM_API __attribute__((visibility("default")))

/* Incremented when the arguments or results of any function change; same number in library.py. */
#define GM_ABI 2

/* Exports the size of a struct that Python fills or reads. */
#define GM_SIZE(type) GM_API const int64_t type##_size = sizeof(type)

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} span;

static inline size_t length_of(span text) { return (size_t)(text.end - text.at); }

static inline bool is_digit(uint8_t byte) { return (uint8_t)(byte - '0') < 10; }

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
