/* Lines of which fields stand between texts that are the same in each line.

   A field ends where the text after it stands first. Whether that is what the format means is for
   formats/pattern.py to say: it uses this only where no other reading could be meant. */

#include "values.h"

typedef struct {
    gm_column column;
    const uint8_t *after;
    int64_t after_length;
    /* The text after the field; nothing after one that ends the line. */
    int64_t is_list;
    /* Whether it holds several items, between which stands `, ` or ` : `. */
    int64_t is_padded;
    /* Whether spaces may stand before it. */
    int64_t may_be_quoted;
    /* Whether its text is the same with quotes around it, which may have none inside. */
    int64_t form;
    /* What its text must look like, of `enum form`. */
    gm_column kept;
    /* Its text as it was written, where a person asked to keep that. */
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

/* Whether a list goes on behind a space. */
static bool goes_on(const uint8_t *first, const uint8_t *space, const uint8_t *end) {
    return (space > first && space[-1] == ',') ||
           (space - first > 1 && space[-1] == ':' && space[-2] == ' ') ||
           (end - space > 2 && space[1] == ':' && space[2] == ' ');
}

static span without_quotes(span text) {
    bool quoted = length_of(text) > 1 && *text.at == '"' && text.end[-1] == '"';
    return quoted ? (span){text.at + 1, text.end - 1} : text;
}

/* Split a line that becomes a row; numbers are read at once, texts are left in `texts`. */
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

/* Enter the texts of some lines, field by field; false without memory. */
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

/* Split lines, the ends of which are in `offsets` as those of an Arrow array: each has its newline.
   Writes which lines could be split, and the columns of the fields; returns how many there are, -1
   without memory. */
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
