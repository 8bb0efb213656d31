/* Splits lines at literal texts that are the same in each line.

   A field ends at the first occurrence of the text after it. formats/pattern.py uses this only for
   formats for which that is unambiguous. */

#include "values.h"

typedef struct {
    gm_column column;
    const uint8_t *after;
    int64_t after_length;
    /* The text after the field; empty at the end of the line. */
    int64_t is_list;
    /* Whether it may have several items, separated by `, ` or ` : `. */
    int64_t is_padded;
    /* Whether spaces may precede it. */
    int64_t may_be_quoted;
    /* Whether quotes around its text are ignored; the text then has no quotes inside. */
    int64_t form;
    /* The form of its text, of `enum form`. */
    gm_column kept;
    /* Its kept text, if it is a --keep field. */
} gm_field;

GM_SIZE(gm_field);

#define MOST_FIELDS 64

static const uint8_t *found(const uint8_t *at, const uint8_t *end, const uint8_t *text,
                            int64_t length) {
    while (end - at >= length) {
        at = memchr(at, text[0], (size_t)(end - at - length + 1));
        if (!at || length == 1 || !memcmp(at, text, (size_t)length))
            return at;
        at++;
    }
    return NULL;
}

/* Whether a list continues after a space. */
static bool goes_on(const uint8_t *first, const uint8_t *space, const uint8_t *end) {
    return (space > first && space[-1] == ',') ||
           (space - first > 1 && space[-1] == ':' && space[-2] == ' ') ||
           (end - space > 2 && space[1] == ':' && space[2] == ' ');
}

static span without_quotes(span text) {
    bool quoted = length_of(text) > 1 && *text.at == '"' && text.end[-1] == '"';
    return quoted ? (span){text.at + 1, text.end - 1} : text;
}

/* Splits a line into a row; numbers are read at once, texts are returned in `texts`. */
static bool split(const uint8_t *at, const uint8_t *end, const gm_field *fields, int64_t count,
                  span *texts, int64_t row) {
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *stop = end;
        while (fields[i].is_padded && at < end && *at == ' ')
            at++;
        if (fields[i].after_length) {
            stop = found(at, end, fields[i].after, fields[i].after_length);
            while (stop && fields[i].is_list && *stop == ' ' && goes_on(at, stop, end))
                stop = found(stop + 1, end, fields[i].after, fields[i].after_length);
            if (!stop)
                return false;
        }
        const gm_column *column = &fields[i].column;
        texts[i] = (span){at, stop};
        if (fields[i].form != ANYTHING && !has_form(fields[i].form, texts[i]))
            return false;
        if (fields[i].may_be_quoted)
            texts[i] = without_quotes(texts[i]);
        if (column->kind != TEXT && number_read(column, texts[i], row) == WRONG)
            return false;
        at = stop + fields[i].after_length;
    }
    return at == end;
}

typedef struct {
    span texts[TEXTS_AT_ONCE][MOST_FIELDS];
    int count;
} gm_lines;

/* Adds the texts of some lines, field by field; false if out of memory. */
static bool entered(const gm_lines *lines, const gm_field *fields, int64_t count, int64_t row) {
    span texts[TEXTS_AT_ONCE];
    for (int64_t field = 0; field < count; field++) {
        const gm_column *column = &fields[field].column, *kept = &fields[field].kept;
        if (!column->texts && !kept->texts)
            continue;
        for (int i = 0; i < lines->count; i++)
            texts[i] = lines->texts[i][field];
        if ((column->texts && !texts_entered(column, texts, lines->count, row)) ||
            (kept->texts && !texts_entered(kept, texts, lines->count, row)))
            return false;
    }
    return true;
}

/* Splits lines given as an Arrow array, each with its newline. Writes which lines could be split, and
   the columns of the fields; returns the number of rows, -1 if out of memory. */
GM_API int64_t gm_split_lines(const uint8_t *chunk, const int32_t *offsets, int64_t lines,
                              const uint8_t *before, int64_t before_length, const gm_field *fields,
                              int64_t count, int32_t *line) {
    gm_lines held = {.count = 0};
    int64_t rows = 0;
    for (int64_t i = 0; i < lines; i++) {
        const uint8_t *at = chunk + offsets[i], *end = chunk + offsets[i + 1] - 1;
        while (end > at && (end[-1] == ' ' || end[-1] == '\r'))
            end--;
        if (end - at < before_length || memcmp(at, before, (size_t)before_length) ||
            !split(at + before_length, end, fields, count, held.texts[held.count],
                   rows + held.count))
            continue;
        line[rows + held.count++] = (int32_t)i;
        if (held.count == TEXTS_AT_ONCE) {
            if (!entered(&held, fields, count, rows))
                return -1;
            rows += held.count;
            held.count = 0;
        }
    }
    if (!entered(&held, fields, count, rows))
        return -1;
    return rows + held.count;
}
