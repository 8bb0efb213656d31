/* Decodes the common and combined log formats line by line into columns.

   Only unambiguous lines are read, exactly like the pattern in formats/combined.py; that pattern
   matches all other lines, and only it rejects lines:

       host identity user [17/May/2015:10:05:03 +0000] "request" 200 512 "referrer" "agent"

   The first quote of the line opens the request: there is no quote before it, so nothing could match
   earlier. */

#include <stdlib.h>

#include "requests.h"
#include "times.h"
#include "values.h"

enum column { HOST, IDENTITY, USER, REFERRER, AGENT, REQUEST, COLUMNS = REQUEST + REQUEST_PARTS };
/* From REQUEST on: the parts of the request, in the order of enum request_part. */

#define LONGEST_SIZE 18

typedef struct {
    gm_strings columns[REQUEST];
    gm_requests requests;
} gm_decoder;

/* Arrays with one item per line of the chunk. */
typedef struct {
    int32_t *line;
    int64_t *time;
    uint16_t *status;
    int64_t *bytes;
    uint8_t *no_bytes;
    int32_t *codes[COLUMNS];
    int32_t *left_line;
    int64_t *left_start;
    int64_t *left_end;
} gm_rows;

GM_SIZE(gm_rows);

typedef struct {
    int64_t lines;
    int64_t rows;
    int64_t left;
    int64_t combined;
} gm_counts;

GM_SIZE(gm_counts);

typedef struct {
    span texts[REQUEST];
    span request;
    int64_t seconds;
    int64_t bytes;
    bool has_bytes;
    bool combined;
    uint16_t status;
} fields;

/* Whether a text means no value. */
static bool is_nothing(span text) {
    return text.end - text.at <= 1 && (text.at == text.end || *text.at == '-');
}

static bool is_marked(const uint8_t *at, const uint8_t *end) {
    return end - at >= 3 && !memcmp(at, "\xEF\xBB\xBF", 3);
}

/* Whether text is UTF-8 (RFC 3629 section 4). */
static bool is_utf8(const uint8_t *at, const uint8_t *end) {
    while (at < end) {
        while (end - at >= 8 && !(load64(at) & 0x8080808080808080u))
            at += 8;
        if (at == end)
            break;
        uint8_t lead = *at++;
        if (lead < 0x80)
            continue;
        int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || end - at < more)
            return false;
        uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (*at < low || *at > high)
            return false;
        for (at++; --more; at++)
            if ((*at & 0xC0) != 0x80)
                return false;
    }
    return true;
}

/* Returns the closing quote after `at`; null if there is none. A quote after an odd number of
   backslashes is escaped. */
static const uint8_t *closing_quote(const uint8_t *at, const uint8_t *end) {
    const uint8_t *first = at;
    while (at < end) {
        const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
        if (!quote)
            return NULL;
        const uint8_t *before = quote;
        while (before > first && before[-1] == '\\')
            before--;
        if ((quote - before) % 2 == 0)
            return quote;
        at = quote + 1;
    }
    return NULL;
}

#define ONES 0x0101010101010101u

/* Returns a word with the highest bit set in each byte that equals `byte`, or is not ASCII. */
static inline uint64_t marks(uint64_t word, uint8_t byte) { return (word ^ (ONES * byte)) - ONES; }

/* Whether a host may be a list, have a port or brackets, or be `unknown`. At least 16 bytes can be
   read from its beginning, because the time follows. */
static inline bool may_be_odd(span host) {
    uint64_t first = load64(host.at), second = load64(host.at + 8);
    uint64_t found = marks(first, ',') | marks(first, ':') | marks(second, ',') | marks(second, ':');
    return found & (ONES * 0x80) || *host.at == '[' || *host.at == 'u' || length_of(host) > 16;
}

static bool read_head(const uint8_t *at, const uint8_t *end, fields *read) {
    const uint8_t *blank = memchr(at, ' ', (size_t)(end - at));
    if (!blank || blank == at)
        return false;
    span host = {at, blank};
    if (may_be_odd(host)) {
        if (memchr(at, ',', length_of(host)) || is_unknown(host))
            return false;
        host = without_port(host, MAYBE_PORT);
    }
    read->texts[HOST] = host;
    at = blank + 1;
    const uint8_t *space = memchr(at, ' ', (size_t)(end - at));
    if (!space || space == at)
        return false;
    read->texts[IDENTITY] = (span){at, space};
    at = space + 1;
    read->texts[USER] = (span){at, end};
    return at < end && *at != ' ' && end[-1] != ' ' && !(end - at > 1 && at[0] == '-' && at[1] == ' ');
}

/* Reads ` 200 512`; the rest begins at `*after`. */
static bool read_numbers(const uint8_t *at, const uint8_t *end, fields *read,
                         const uint8_t **after) {
    if (end - at < 6 || at[0] != ' ' || at[4] != ' ')
        return false;
    uint8_t digits[3] = {(uint8_t)(at[1] - '0'), (uint8_t)(at[2] - '0'), (uint8_t)(at[3] - '0')};
    if (digits[0] > 9 || digits[1] > 9 || digits[2] > 9)
        return false;
    read->status = (uint16_t)(digits[0] * 100 + digits[1] * 10 + digits[2]);
    at += 5;
    read->has_bytes = *at != '-';
    read->bytes = 0;
    if (!read->has_bytes) {
        *after = at + 1;
        return true;
    }
    const uint8_t *first = at;
    for (; at < end && (uint8_t)(*at - '0') <= 9; at++) {
        if (at - first == LONGEST_SIZE)
            return false;
        read->bytes = read->bytes * 10 + (*at - '0');
    }
    *after = at;
    return at > first && read->bytes <= (int64_t)MOST_BYTES;
}

static bool read_line(gm_clock *clock, const uint8_t *at, const uint8_t *end, fields *read) {
    const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
    /* `h - - [17/May/2015:10:05:03 +0000] "` */
    if (!quote || quote - at < CLF_LENGTH + 9 || quote[-1] != ' ')
        return false;
    const uint8_t *time = quote - 2 - CLF_LENGTH;
    if (time[-2] != ' ' || time[-1] != '[' || quote[-2] != ']' ||
        !read_clf_seconds(clock, time, &read->seconds) || !read_head(at, time - 2, read))
        return false;
    const uint8_t *closing = closing_quote(quote + 1, end);
    if (!closing)
        return false;
    read->request = (span){quote + 1, closing};
    if (!read_numbers(closing + 1, end, read, &at))
        return false;
    read->combined = end - at > 1 && at[0] == ' ' && at[1] == '"';
    if (read->combined) {
        closing = closing_quote(at + 2, end);
        if (!closing || end - closing < 3 || closing[1] != ' ' || closing[2] != '"')
            return false;
        read->texts[REFERRER] = (span){at + 2, closing};
        const uint8_t *last = closing_quote(closing + 3, end);
        if (!last)
            return false;
        read->texts[AGENT] = (span){closing + 3, last};
        at = last + 1;
    }
    while (at < end && *at == ' ')
        at++;
    return at == end;
}

static bool write_row(gm_decoder *decoder, const fields *read, const gm_rows *rows, int64_t row) {
    rows->time[row] = read->seconds * 1000000;
    rows->status[row] = read->status;
    rows->bytes[row] = read->bytes;
    rows->no_bytes[row] = !read->has_bytes;
    for (int column = 0; column < REQUEST; column++) {
        int32_t code = -1;
        span text = read->texts[column];
        if ((read->combined || column < REFERRER) && !is_nothing(text)) {
            code = number_of(&decoder->columns[column], text);
            if (code < 0)
                return false;
        }
        rows->codes[column][row] = code;
    }
    static const gm_request none = {{-1, -1, -1, -1, -1, -1}};
    const gm_request *request = &none;
    if (!is_nothing(read->request))
        request = request_of(&decoder->requests, read->request);
    if (!request)
        return false;
    for (int part = 0; part < REQUEST_PARTS; part++)
        rows->codes[REQUEST + part][row] = request->parts[part];
    return true;
}

GM_API void gm_decoder_free(gm_decoder *decoder) {
    if (!decoder)
        return;
    for (int column = 0; column < REQUEST; column++)
        strings_clear(&decoder->columns[column]);
    requests_clear(&decoder->requests);
    free(decoder);
}

/* Makes a decoder for about `lines` lines. */
GM_API gm_decoder *gm_decoder_new(int64_t lines) {
    gm_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder && strings_expect(&decoder->columns[HOST], lines / 2) &&
        strings_expect(&decoder->requests.lines, lines / 2) &&
        strings_expect(&decoder->requests.columns[PATH], lines / 2))
        return decoder;
    gm_decoder_free(decoder);
    return NULL;
}

/* Returns the strings of a column; the decoder owns them. */
GM_API gm_strings *gm_decoder_column(gm_decoder *decoder, int32_t column) {
    return column < REQUEST ? &decoder->columns[column]
                            : &decoder->requests.columns[column - REQUEST];
}

/* Decodes a chunk of whole lines, each ended by a newline; -1 if out of memory, else 0. */
GM_API int64_t gm_decode(gm_decoder *decoder, const uint8_t *chunk, int64_t size, int64_t ascii,
                         const gm_rows *rows, gm_counts *counts) {
    gm_clock clock = {.valid = false};
    fields read = {0};
    *counts = (gm_counts){0};
    const uint8_t *chunk_end = chunk + size;
    for (const uint8_t *at = chunk; at < chunk_end; counts->lines++) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(chunk_end - at));
        if (!newline)
            break;
        const uint8_t *end = newline > at && newline[-1] == '\r' ? newline - 1 : newline;
        if ((ascii || (!is_marked(at, end) && is_utf8(at, end))) &&
            read_line(&clock, at, end, &read)) {
            if (!write_row(decoder, &read, rows, counts->rows))
                return -1;
            rows->line[counts->rows++] = (int32_t)counts->lines;
            counts->combined += read.combined;
        } else {
            rows->left_line[counts->left] = (int32_t)counts->lines;
            rows->left_start[counts->left] = at - chunk;
            rows->left_end[counts->left++] = end - chunk;
        }
        at = newline + 1;
    }
    return 0;
}

/* Splits the request lines of an Arrow array; -1 if out of memory, else 0. */
GM_API int64_t gm_split_requests(gm_decoder *decoder, const int32_t *offsets, const uint8_t *data,
                                 int64_t count, int32_t *const *codes) {
    for (int64_t i = 0; i < count; i++) {
        span line = {data + offsets[i], data + offsets[i + 1]};
        const gm_request *request = request_of(&decoder->requests, line);
        if (!request)
            return -1;
        for (int part = 0; part < REQUEST_PARTS; part++)
            codes[part][i] = request->parts[part];
    }
    return 0;
}
