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

/* Whether a line is UTF-8 without a byte order mark. */
bool is_plain_text(const uint8_t *at, const uint8_t *end);

/* Reads a line without its end; false if it is ambiguous. The texts point into the line. */
bool read_line(gm_clock *clock, const uint8_t *at, const uint8_t *end, fields *read);

#endif
