/* Reads some values from lines that are JSON objects.

   Grammar: RFC 8259, with extensions that servers need: a backslash before any other character is
   kept (nginx writes `\x22` without `escape=json`), and so is a surrogate without its other half;
   control characters are allowed in strings. */

#include "values.h"

#include <stdio.h>
#include <stdlib.h>

#define BY_LENGTH 32
#define DEEPEST 64
/* Maximum depth of objects and arrays that are read recursively; no wanted path is deeper. */

typedef struct {
    const uint8_t *key;
    int64_t key_length;
    int64_t value;
    /* The number of the value at this path; -1 for none. */
    int64_t kept;
    /* The number of the kept value (the text as it is, objects and arrays too); -1 for none. */
    int32_t first[BY_LENGTH];
    /* The first child by length of its key (modulo BY_LENGTH); 0 for none. */
    int64_t next;
    /* The next sibling in the same list; 0 for none. */
} gm_json_node;

GM_SIZE(gm_json_node);

/* The beginning of an object's member in the previous line: its key and the text up to the value.
   Lines of one server mostly have the same keys in the same order. */
typedef struct {
    const uint8_t *text;
    size_t length;
    const gm_json_node *parent, *node;
} gm_member;

#define MEMBERS 64
#define UNSEEN -1

typedef struct {
    const gm_json_node *nodes;
    const gm_column *columns;
    int64_t count;
    /* The number of wanted values. */
    int32_t *slots;
    /* The slot of each value in `texts`; only values that occur in a line have one. */
    int32_t used;
    span (*texts)[TEXTS_AT_ONCE];
    /* Texts by slot and line; null for none. */
    int64_t row;
    /* The current line. */
    int line;
    /* The current line within the batch. */
    uint8_t *plain;
    /* A buffer for unescaped strings; what is left is as long as the remaining lines. */
    uint8_t *open;
    /* A buffer with a bit for each object or array that a line could open. */
    gm_member members[MEMBERS];
    int member;
    /* The number of members read in this line. */
} gm_json;

static const uint8_t *space_after(const uint8_t *at, const uint8_t *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

/* Returns the end of a string that begins after its quote; null if it is not closed. */
static const uint8_t *string_end(const uint8_t *at, const uint8_t *end, bool *escaped) {
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    *escaped = false;
    for (;;) {
        while (end - at >= 8) {
            uint64_t word = load64(at);
            uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
            if (((quote - ones) & ~quote & high) | ((slash - ones) & ~slash & high))
                break;
            at += 8;
        }
        while (at < end && *at != '"' && *at != '\\')
            at++;
        if (at >= end)
            return NULL;
        if (*at == '"')
            return at;
        *escaped = true;
        at += 2;
        if (at > end)
            return NULL;
    }
}

static int hex_digit(uint8_t byte) {
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Returns the number after `\u`; -1 if there is none. */
static int32_t unit_at(const uint8_t *at, const uint8_t *end) {
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    int32_t unit = 0;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static uint8_t *utf8(uint8_t *to, int32_t point) {
    if (point < 0x80) {
        *to++ = (uint8_t)point;
    } else if (point < 0x800) {
        *to++ = (uint8_t)(0xC0 | point >> 6);
        *to++ = (uint8_t)(0x80 | (point & 63));
    } else if (point < 0x10000) {
        *to++ = (uint8_t)(0xE0 | point >> 12);
        *to++ = (uint8_t)(0x80 | (point >> 6 & 63));
        *to++ = (uint8_t)(0x80 | (point & 63));
    } else {
        *to++ = (uint8_t)(0xF0 | point >> 18);
        *to++ = (uint8_t)(0x80 | (point >> 12 & 63));
        *to++ = (uint8_t)(0x80 | (point >> 6 & 63));
        *to++ = (uint8_t)(0x80 | (point & 63));
    }
    return to;
}

/* Decodes the escapes of a string; the result is never longer. */
static span unescaped(span text, uint8_t *room) {
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    uint8_t *to = room;
    const uint8_t *at = text.at;
    while (at < text.end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        const char *known = at[1] ? strchr(from, at[1]) : NULL;
        if (known) {
            *to++ = (uint8_t)into[known - from];
            at += 2;
            continue;
        }
        int32_t unit = unit_at(at, text.end), second;
        if (unit >= 0xD800 && unit < 0xDC00 && (second = unit_at(at + 6, text.end)) >= 0xDC00 &&
            second < 0xE000) {
            to = utf8(to, 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00));
            at += 12;
        } else if (unit >= 0 && (unit < 0xD800 || unit >= 0xE000)) {
            to = utf8(to, unit);
            at += 6;
        } else {
            *to++ = *at++;
            *to++ = *at++;
        }
    }
    return (span){room, to};
}

/* Statuses and sizes may be any whole number: `200.0`, `1E3`, `-0`. */
static void read_number(const gm_column *column, span text, int64_t row) {
    int64_t number;
    char written[24];
    bool is_whole = column->kind == STATUS || column->kind == SIZE;
    if (is_whole && number_read(column, text, row) == WRONG && whole_number(text, &number)) {
        int length = snprintf(written, sizeof written, "%lld", (long long)number);
        text = (span){(uint8_t *)written, (uint8_t *)written + length};
    } else if (is_whole) {
        return;
    }
    number_read(column, text, row);
}

static void keep(gm_json *json, int64_t value, span text) {
    const gm_column *column = &json->columns[value];
    int32_t *slot = &json->slots[value];
    if (*slot == UNSEEN) {
        *slot = json->used++;
        memset(json->texts[*slot], 0, sizeof json->texts[*slot]);
        for (int64_t row = 0; column->kind == TEXT && row < json->row - json->line; row++)
            column->codes[row] = -1;
    }
    if (column->kind == TEXT)
        json->texts[*slot][json->line] = text;
    else
        read_number(column, text, json->row);
}

static bool is_wanted(const gm_json_node *node) {
    return node && (node->value >= 0 || node->kept >= 0);
}

static void keep_plain(gm_json *json, const gm_json_node *node, span text) {
    if (node->value >= 0)
        keep(json, node->value, text);
    if (node->kept >= 0)
        keep(json, node->kept, text);
}

/* A status that is null, an object or an array means no value, but is not absent: an unanswered request
   has the key, other objects do not. */
static void keep_no_status(gm_json *json, const gm_json_node *node, const uint8_t *at) {
    if (node && node->value >= 0 && json->columns[node->value].kind == STATUS)
        keep(json, node->value, (span){at, at});
}

static const gm_json_node *inside(const gm_json *json, const gm_json_node *node, span key) {
    if (!node)
        return NULL;
    size_t length = length_of(key);
    int64_t number = node->first[length % BY_LENGTH];
    while (number) {
        const gm_json_node *child = &json->nodes[number];
        if ((size_t)child->key_length == length && !memcmp(child->key, key.at, length))
            return child;
        number = child->next;
    }
    return NULL;
}

static bool same(const uint8_t *one, const uint8_t *other, size_t length) {
    if (length < 8)
        return !memcmp(one, other, length);
    for (size_t at = 0; at + 8 < length; at += 8)
        if (load64(one + at) != load64(other + at))
            return false;
    return load64(one + length - 8) == load64(other + length - 8);
}

/* Returns where the value of a member begins; null if there is no member here. */
static const uint8_t *member_begun(gm_json *json, const gm_json_node *parent, const uint8_t *at,
                                   const uint8_t *end, const gm_json_node **node) {
    gm_member *before = json->member < MEMBERS ? &json->members[json->member++] : NULL;
    if (before && before->text && before->parent == parent &&
        (size_t)(end - at) > before->length && same(at, before->text, before->length)) {
        *node = before->node;
        return space_after(at + before->length, end);
    }
    bool escaped;
    const uint8_t *first = at;
    if (at >= end || *at != '"')
        return NULL;
    span key = {at + 1, string_end(at + 1, end, &escaped)};
    if (!key.end)
        return NULL;
    at = space_after(key.end + 1, end);
    if (at >= end || *at != ':')
        return NULL;
    at = space_after(at + 1, end);
    /* The buffer is only borrowed: the next string may overwrite the key. */
    *node = inside(json, parent, parent && escaped ? unescaped(key, json->plain) : key);
    if (before)
        *before = (gm_member){first, (size_t)(at - first), parent, *node};
    return at;
}

static const uint8_t *read_value(gm_json *json, const gm_json_node *node, const uint8_t *at,
                                 const uint8_t *end, int depth);

static const uint8_t *read_object(gm_json *json, const gm_json_node *node, const uint8_t *at,
                                  const uint8_t *end, int depth) {
    at = space_after(at + 1, end);
    if (at < end && *at == '}')
        return at + 1;
    for (;;) {
        const gm_json_node *member;
        at = member_begun(json, node, at, end, &member);
        if (!at)
            return NULL;
        at = read_value(json, member, at, end, depth);
        if (!at)
            return NULL;
        at = space_after(at, end);
        if (at >= end)
            return NULL;
        if (*at == '}')
            return at + 1;
        if (*at != ',')
            return NULL;
        at = space_after(at + 1, end);
    }
}

/* Only the first item of an array can be wanted: its key is `0`. */
static const uint8_t *read_array(gm_json *json, const gm_json_node *node, const uint8_t *at,
                                 const uint8_t *end, int depth) {
    static const uint8_t zero = '0';
    const gm_json_node *item = inside(json, node, (span){&zero, &zero + 1});
    at = space_after(at + 1, end);
    if (at < end && *at == ']')
        return at + 1;
    for (;;) {
        at = read_value(json, item, at, end, depth);
        item = NULL;
        if (!at)
            return NULL;
        at = space_after(at, end);
        if (at >= end)
            return NULL;
        if (*at == ']')
            return at + 1;
        if (*at != ',')
            return NULL;
        at = space_after(at + 1, end);
    }
}

static bool is_bare(uint8_t byte) {
    return (uint8_t)((byte | 0x20) - 'a') < 26 || (uint8_t)(byte - '0') < 10 || byte == '-' ||
           byte == '+' || byte == '.';
}

/* Returns where a number or a word ends; null if it is neither. */
static const uint8_t *bare_end(const uint8_t *at, const uint8_t *end, bool *null) {
    const uint8_t *begin = at;
    while (at < end && is_bare(*at))
        at++;
    size_t length = (size_t)(at - begin);
    *null = length == 4 && !memcmp(begin, "null", 4);
    bool word = *null || (length == 4 && !memcmp(begin, "true", 4)) ||
                (length == 5 && !memcmp(begin, "false", 5));
    bool number = length && (*begin == '-' || (uint8_t)(*begin - '0') < 10);
    return word || number ? at : NULL;
}

/* Returns the end of an object or array that is too deep for recursion; nothing in it is wanted.
   `open` has a bit for each open one, set for objects. */
static const uint8_t *deep_end(uint8_t *open, const uint8_t *at, const uint8_t *end) {
    int64_t depth = 0;
    bool escaped, null;
    for (bool is_value = true;;) {
        at = space_after(at, end);
        if (at >= end)
            return NULL;
        bool is_object = depth && open[depth >> 3] >> (depth & 7) & 1;
        if (is_value && (*at == '{' || *at == '[')) {
            depth++;
            is_object = *at++ == '{';
            open[depth >> 3] = (uint8_t)((open[depth >> 3] & ~(1 << (depth & 7))) |
                                         is_object << (depth & 7));
            at = space_after(at, end);
            is_value = at >= end || *at != (is_object ? '}' : ']');
        } else if (is_value && *at == '"') {
            at = string_end(at + 1, end, &escaped);
            if (!at++)
                return NULL;
            is_value = false;
        } else if (is_value) {
            at = bare_end(at, end, &null);
            if (!at)
                return NULL;
            is_value = false;
        } else if (*at == (is_object ? '}' : ']')) {
            at++;
            if (!--depth)
                return at;
            continue;
        } else if (*at == ',') {
            at = space_after(at + 1, end);
            is_value = true;
        } else {
            return NULL;
        }
        if (is_value && is_object) {
            /* The key of a member comes before its value. */
            if (at >= end || *at != '"' || !(at = string_end(at + 1, end, &escaped)))
                return NULL;
            at = space_after(at + 1, end);
            if (at >= end || *at++ != ':')
                return NULL;
        }
    }
}

static const uint8_t *read_value(gm_json *json, const gm_json_node *node, const uint8_t *at,
                                 const uint8_t *end, int depth) {
    if (at >= end)
        return NULL;
    if (depth > DEEPEST && (*at == '{' || *at == '['))
        return deep_end(json->open, at, end);
    if (*at == '"') {
        bool escaped;
        span text = {at + 1, string_end(at + 1, end, &escaped)};
        if (!text.end)
            return NULL;
        if (is_wanted(node) && escaped) {
            span plain = unescaped(text, json->plain);
            json->plain += length_of(plain);
            keep_plain(json, node, plain);
        } else if (is_wanted(node)) {
            keep_plain(json, node, text);
        }
        return text.end + 1;
    }
    const uint8_t *begin = at;
    if (*at == '{' || *at == '[') {
        keep_no_status(json, node, at);
        at = *at == '{' ? read_object(json, node, at, end, depth + 1)
                        : read_array(json, node, at, end, depth + 1);
        if (at && node && node->kept >= 0)
            keep(json, node->kept, (span){begin, at});
        return at;
    }
    bool null;
    at = bare_end(at, end, &null);
    if (!at)
        return NULL;
    if (null)
        keep_no_status(json, node, begin);
    else if (is_wanted(node))
        keep_plain(json, node, (span){begin, at});
    return at;
}

/* Adds the texts of some lines, beginning at `row`; false if out of memory. */
static bool entered(const gm_json *json, int lines, int64_t row) {
    for (int64_t value = 0; value < json->count; value++) {
        const gm_column *column = &json->columns[value];
        if (json->slots[value] != UNSEEN && column->kind == TEXT &&
            !texts_entered(column, json->texts[json->slots[value]], lines, row))
            return false;
    }
    return true;
}

enum { NO_OBJECT, OBJECT, BROKEN };

static uint8_t read_line(gm_json *json, const uint8_t *at, const uint8_t *end) {
    at = space_after(at, end);
    if (at == end || *at != '{')
        return NO_OBJECT;
    json->member = 0;
    at = read_object(json, json->nodes, at, end, 1);
    return at && space_after(at, end) == end ? OBJECT : BROKEN;
}

/* Reads lines given as an Arrow array, each with its newline. `nodes` is a tree of the keys that lead
   to wanted values, root first. Writes the columns of values that occur in any line, and which these
   are; their states must be ABSENT before. Writes the kind of each line. Returns -1 if out of
   memory. */
GM_API int64_t gm_read_json(const uint8_t *chunk, const int32_t *offsets, int64_t lines,
                            const gm_json_node *nodes, const gm_column *columns, int64_t count,
                            uint8_t *kinds, bool *seen) {
    gm_json json = {.nodes = nodes, .columns = columns, .count = count};
    int64_t longest = 0;
    for (int64_t i = 0; i < lines; i++)
        if (offsets[i + 1] - offsets[i] > longest)
            longest = offsets[i + 1] - offsets[i];
    size_t width = (size_t)(count ? count : 1);
    uint8_t *plain = malloc((size_t)longest * TEXTS_AT_ONCE + 1);
    json.texts = malloc(width * sizeof *json.texts);
    json.slots = malloc(width * sizeof *json.slots);
    json.open = malloc((size_t)longest / 8 + 1);
    bool good = plain && json.texts && json.slots && json.open;
    for (int64_t value = 0; good && value < count; value++)
        json.slots[value] = UNSEEN;
    while (good && json.row < lines) {
        int64_t first = json.row;
        memset(json.texts, 0, (size_t)json.used * sizeof *json.texts);
        json.plain = plain;
        for (json.line = 0; json.line < TEXTS_AT_ONCE && json.row < lines; json.line++, json.row++)
            kinds[json.row] = read_line(&json, chunk + offsets[json.row],
                                        chunk + offsets[json.row + 1] - 1);
        good = entered(&json, json.line, first);
    }
    for (int64_t value = 0; good && value < count; value++)
        seen[value] = json.slots[value] != UNSEEN;
    free(plain);
    free(json.texts);
    free(json.slots);
    free(json.open);
    return good ? lines : -1;
}
