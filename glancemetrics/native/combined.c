/* Decodes lines of the common and combined log formats into columns. */

#include <stdlib.h>

#include "combined_fields.h"
#include "requests.h"

#define COLUMNS (FIELD_TEXTS + REQUEST_PARTS)
/* From FIELD_TEXTS on: the parts of the request, in the order of enum request_part. */

typedef struct {
    gm_strings columns[FIELD_TEXTS];
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

static bool write_row(gm_decoder *decoder, const fields *read, const gm_rows *rows, int64_t row) {
    rows->time[row] = read->seconds * 1000000;
    rows->status[row] = read->status;
    rows->bytes[row] = read->bytes;
    rows->no_bytes[row] = !read->has_bytes;
    for (int column = 0; column < FIELD_TEXTS; column++) {
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
        rows->codes[FIELD_TEXTS + part][row] = request->parts[part];
    return true;
}

GM_API void gm_decoder_free(gm_decoder *decoder) {
    if (!decoder)
        return;
    for (int column = 0; column < FIELD_TEXTS; column++)
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
    return column < FIELD_TEXTS ? &decoder->columns[column]
                            : &decoder->requests.columns[column - FIELD_TEXTS];
}

/* Decodes a chunk of whole lines, each ended by a newline; -1 if out of memory, else 0. */
GM_API int64_t gm_decode(gm_decoder *decoder, const uint8_t *chunk, int64_t size, int64_t ascii,
                         const gm_rows *rows, gm_counts *counts) {
    gm_clock clock = {.valid = false};
    fields read = {0};
    *counts = (gm_counts){0};
    const uint8_t *at = chunk, *chunk_end = chunk + size, *newline;
    for (span line; (newline = cut_line(at, chunk_end, &line)); at = newline + 1) {
        if (read_line(&clock, line, ascii, &read)) {
            if (!write_row(decoder, &read, rows, counts->rows))
                return -1;
            rows->line[counts->rows++] = (int32_t)counts->lines;
            counts->combined += read.combined;
        } else {
            rows->left_line[counts->left] = (int32_t)counts->lines;
            rows->left_start[counts->left] = line.at - chunk;
            rows->left_end[counts->left++] = line.end - chunk;
        }
        counts->lines++;
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
