/* Lines of which fields stand between texts that are the same in each line.

   A field ends where the text after it stands first. Whether that is what the format means is for
   formats/pattern.py to say: it uses this only where no other reading could be meant. */

#include "strings.h"

typedef struct {
    gm_strings *values;
    /* Where the field's text goes; null for a field that no column has. */
    int32_t *codes;
    /* As many items as there are lines. */
    const uint8_t *after;
    int64_t after_length;
    /* The text after the field; nothing after one that ends the line. */
    int64_t is_list;
    /* Whether it holds several items, between which stands `, ` or ` : `. */
    int64_t is_padded;
    /* Whether spaces may stand before it. */
    int64_t check;
    /* What its text must look like, of `enum check`. */
} gm_field;

#define MOST_FIELDS 64
#define LONGEST_NUMBER 18

/* As the expressions of formats/pattern.py and formats/fields.py say it. */
enum check { ANYTHING, WORD, MAYBE_WORD, QUOTED, NUMBER, VALUE, CELL };

static bool has_blank(span text) {
    for (const uint8_t *at = text.at; at < text.end; at++)
        if (*at == ' ' || *at == '\t')
            return true;
    return false;
}

/* Whether each quote has a backslash before it that is not itself behind one, and none ends it. */
static bool is_quoted(span text) {
    size_t length = length_of(text);
    if (!length || (!memchr(text.at, '"', length) && !memchr(text.at, '\\', length)))
        return true;
    for (const uint8_t *at = text.at; at < text.end; at++) {
        if (*at == '"')
            return false;
        if (*at == '\\' && ++at == text.end)
            return false;
    }
    return true;
}

/* A whole number, or `-` or `-1` for none. */
static bool is_number(span text) {
    const uint8_t *at = text.at;
    if (at < text.end && *at == '-')
        return text.end - at == 1 || (text.end - at == 2 && at[1] == '1');
    if (at < text.end && *at == '+')
        at++;
    if (at == text.end || text.end - at > LONGEST_NUMBER)
        return false;
    for (; at < text.end; at++)
        if ((uint8_t)(*at - '0') > 9)
            return false;
    return true;
}

/* A word that begins with no quote; or anything between quotes, with quotes inside doubled. */
static bool is_value(span text) {
    if (text.at == text.end || *text.at != '"')
        return text.at < text.end && !has_blank(text);
    const uint8_t *at = text.at + 1;
    while (at < text.end && (*at != '"' || (text.end - at > 1 && at[1] == '"')))
        at += *at == '"' ? 2 : 1;
    return text.end - at == 1;
}

static bool fits(span text, int64_t check) {
    switch (check) {
    case WORD:
        return text.at < text.end && !has_blank(text);
    case MAYBE_WORD:
        return !has_blank(text);
    case QUOTED:
        return is_quoted(text);
    case NUMBER:
        return is_number(text);
    case VALUE:
        return is_value(text);
    case CELL:
        return text.at == text.end || !memchr(text.at, '\t', length_of(text));
    default:
        return true;
    }
}

static const uint8_t *found(const uint8_t *at, const uint8_t *end, const uint8_t *text,
                            int64_t length) {
    while (end - at >= length) {
        at = memchr(at, text[0], (size_t)(end - at - length + 1));
        if (!at || !memcmp(at, text, (size_t)length))
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

static bool split(const uint8_t *at, const uint8_t *end, const gm_field *fields, int64_t count,
                  span *texts) {
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
        texts[i] = (span){at, stop};
        if (!fits(texts[i], fields[i].check))
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
        if (!fields[field].values)
            continue;
        for (int i = 0; i < lines->count; i++)
            texts[i] = lines->texts[i][field];
        if (!numbers_of(fields[field].values, texts, lines->count, fields[field].codes + row))
            return false;
    }
    return true;
}

/* Split lines, the ends of which are in `offsets` as those of an Arrow array: each has its newline.
   Writes which lines could be split, and the codes of their texts; returns how many there are, -1
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
            !split(at + before_length, end, fields, count, held.texts[held.count]))
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
