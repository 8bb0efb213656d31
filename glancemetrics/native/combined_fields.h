/* Reads the fields of one line of the common and combined log formats; see combined_fields.c. */

#ifndef GM_COMBINED_FIELDS_H
#define GM_COMBINED_FIELDS_H

#include "times.h"
#include "values.h"

enum field_text { HOST, IDENTITY, USER, REFERRER, AGENT, FIELD_TEXTS };

typedef struct {
    span texts[FIELD_TEXTS];
    /* REFERRER and AGENT only if the line is combined. */
    span request;
    int64_t seconds;
    int64_t bytes;
    bool has_bytes;
    bool combined;
    uint16_t status;
} fields;

/* Whether a text means no value. */
static inline bool is_nothing(span text) {
    return text.end - text.at <= 1 && (text.at == text.end || *text.at == '-');
}

/* Cuts the next line, without its end, off a chunk; returns its newline, null if there is none. */
static inline const uint8_t *cut_line(const uint8_t *at, const uint8_t *chunk_end, span *line) {
    const uint8_t *newline = at < chunk_end ? memchr(at, '\n', (size_t)(chunk_end - at)) : NULL;
    if (newline)
        *line = (span){at, newline > at && newline[-1] == '\r' ? newline - 1 : newline};
    return newline;
}

/* Reads a line without its end; false if it is ambiguous, or not UTF-8, or begins with a byte order
   mark. `ascii` says that it is ASCII. The texts point into the line. */
bool read_line(gm_clock *clock, span line, bool ascii, fields *read);

#endif
