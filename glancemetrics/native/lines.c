#include "native.h"

#define COUNTED_BLOCK 224

/* Counts newlines in blocks small enough for a one-byte counter, which compilers can vectorise. Also
   reports whether all bytes are ASCII. */
GM_API int64_t gm_count_lines(const uint8_t *chunk, int64_t size, int64_t *ascii) {
    int64_t lines = 0;
    uint8_t all = 0;
    for (int64_t first = 0; first < size; first += COUNTED_BLOCK) {
        int64_t end = size - first < COUNTED_BLOCK ? size : first + COUNTED_BLOCK;
        uint8_t found = 0;
        for (int64_t i = first; i < end; i++) {
            found = (uint8_t)(found + (chunk[i] == '\n'));
            all |= chunk[i];
        }
        lines += found;
    }
    *ascii = all < 0x80;
    return lines;
}

/* Writes the beginnings of all lines of a chunk and the end of the last one: one item more than
   lines. */
GM_API void gm_line_offsets(const uint8_t *chunk, int64_t size, int32_t *offsets) {
    const uint8_t *at = chunk, *end = chunk + size;
    *offsets++ = 0;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))))
        *offsets++ = (int32_t)(++at - chunk);
}

/* Copies the rests of an Arrow array's strings after `lengths` bytes to `rests`, which must have room
   for all strings. Returns the number of bytes copied. */
GM_API int64_t gm_rests(const int32_t *offsets, const uint8_t *data, int64_t count,
                        const int32_t *lengths, int32_t *rest_offsets, uint8_t *rests) {
    int32_t written = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t begin = offsets[i] + lengths[i], length = offsets[i + 1] - begin;
        rest_offsets[i] = written;
        if (length)
            memcpy(rests + written, data + begin, (size_t)length);
        written += length;
    }
    rest_offsets[count] = written;
    return written;
}
