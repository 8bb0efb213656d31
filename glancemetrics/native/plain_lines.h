/* The plain lines of a chunk: common or combined, without anything that a report counts seldom. */

#ifndef GM_PLAIN_LINES_H
#define GM_PLAIN_LINES_H

#include "native.h"

#define LONGEST_NAME 512
/* Bytes; as NAME_LENGTH of records/names.py, which are characters. Longer names are shortened, which is
   not done here. */
#define LONGEST_SHORTENED (4 * LONGEST_NAME)
/* Bytes that a character can have. */

enum plain_text { PLAIN_HOST, PLAIN_PATH, PLAIN_REFERRER, PLAIN_AGENT, PLAIN_USER, PLAIN_TEXTS };

typedef struct {
    int64_t seconds;
    /* Since the epoch; local once `gm_minutes` is called. */
    int64_t bytes;
    uint64_t visitor;
    /* The hash of its visitor; without the day before `gm_minutes`. */
    uint64_t method;
    /* Its letters and zeros, like the protocol; 0 for none. */
    uint64_t protocol;
    uint32_t at[PLAIN_TEXTS];
    /* Where each text begins in the chunk; with `IS_SHORTENED`, in the shortened texts. */
    uint32_t hash[PLAIN_TEXTS];
    uint16_t length[PLAIN_TEXTS];
    /* 0 for none; of the path, if the request is malformed. */
    uint16_t status;
    uint32_t minute;
    /* The number of its minute in the chunk. */
} gm_plain_line;

#define MALFORMED_PATH "(malformed)"
/* As MALFORMED of records/dimensions.py. */

#define IS_SHORTENED (UINT32_C(1) << 31)

typedef struct {
    const uint8_t *chunk;
    const uint8_t *shortened;
} plain_texts;

static inline span text_of(const plain_texts *texts, const gm_plain_line *line,
                           enum plain_text text) {
    if (!line->length[text])
        return (span){NULL, NULL};
    uint32_t offset = line->at[text];
    const uint8_t *at = offset & IS_SHORTENED ? texts->shortened + (offset ^ IS_SHORTENED)
                                              : texts->chunk + offset;
    return (span){at, at + line->length[text]};
}

#endif
