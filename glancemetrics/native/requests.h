/* Splits request lines (`GET /a?b HTTP/1.1`) into the columns of a record. */

#ifndef GM_REQUESTS_H
#define GM_REQUESTS_H

#include "strings.h"

enum request_part { METHOD, PATH, QUERY, PROTOCOL, VHOST, MALFORMED, REQUEST_PARTS };

#define LONGEST_METHOD 64

typedef struct {
    span parts[REQUEST_PARTS];
    /* Parts of the line, or other texts that last as long as this; null for none. */
    uint8_t method[LONGEST_METHOD];
} request_texts;

/* Splits a request line. */
void split_request(span line, request_texts *texts);

typedef struct {
    int32_t parts[REQUEST_PARTS];
    /* The number of each part in its column; -1 for none. */
} gm_request;

typedef struct {
    gm_strings lines;
    gm_request *requests;
    /* Indexed by the number of the line. */
    int64_t room;
    gm_strings columns[REQUEST_PARTS];
} gm_requests;

/* `HTTP/1.1` or `HTTP/2` */
static inline bool is_protocol(span word) {
    size_t length = length_of(word);
    if ((length != 6 && length != 8) || memcmp(word.at, "HTTP/", 5) || !is_digit(word.at[5]))
        return false;
    return length == 6 || (word.at[6] == '.' && is_digit(word.at[7]));
}

/* Returns the parts of a request line; null if out of memory. Valid until the next call. */
const gm_request *request_of(gm_requests *requests, span line);

void requests_clear(gm_requests *requests);

#endif
