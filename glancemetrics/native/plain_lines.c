/* Finds the plain lines of a chunk and hashes their texts; all others are left.

   Most requests are like `GET /path?query HTTP/1.1`, with a method of at most eight capital letters:
   these are split here as in requests.c, which splits all others. */

#include "plain_lines.h"

#include "combined_fields.h"
#include "hashing.h"
#include "requests.h"

typedef struct {
    int64_t lines;
    int64_t plain;
    int64_t left;
    int64_t oldest;
    int64_t newest;
    /* Seconds of the plain lines, before `gm_minutes`; meaningless without any. */
    int64_t longer;
} gm_plain_counts;

/* A text of a plain line that has to be shortened. */
typedef struct {
    uint32_t line;
    uint32_t text;
    uint32_t start;
    uint32_t end;
    /* In the chunk. */
} gm_longer;

GM_SIZE(gm_longer);
GM_SIZE(gm_plain_line);
GM_SIZE(gm_plain_counts);

static inline uint64_t key_of(span text) {
    uint64_t key = 0;
    memcpy(&key, text.at, length_of(text));
    return key;
}

static bool split_plainly(span request, gm_plain_line *line, span *path) {
    const uint8_t *at = request.at;
    while (at < request.end && *at >= 'A' && *at <= 'Z')
        at++;
    span method = {request.at, at};
    if (at == request.at || at - request.at > 8 || request.end - at < 2 || at[0] != ' ' ||
        at[1] != '/')
        return false;
    path->at = at + 1;
    const uint8_t *space = request.end;
    while (space[-1] != ' ')
        space--;
    span version = {space, request.end};
    if (space - 1 <= path->at || !is_protocol(version))
        return false;
    const uint8_t *mark = memchr(path->at, '?', (size_t)(space - 1 - path->at));
    path->end = mark ? mark : space - 1;
    line->method = key_of(method);
    line->protocol = key_of(version);
    return true;
}

/* Splits any other request; false if it has parts that are not counted here. */
static bool split_carefully(span request, gm_plain_line *line, span *path) {
    request_texts texts = {0};
    line->method = line->protocol = 0;
    *path = (span){NULL, NULL};
    if (is_nothing(request))
        return true;
    split_request(request, &texts);
    if (texts.parts[MALFORMED].at)
        return true;
    *path = texts.parts[PATH];
    /* A path of an absolute target may be none of its own. */
    if (texts.parts[VHOST].at || length_of(texts.parts[METHOD]) > 8 || is_nothing(*path) ||
        path->at < request.at || path->end > request.end)
        return false;
    line->method = key_of(texts.parts[METHOD]);
    line->protocol = key_of(texts.parts[PROTOCOL]);
    return true;
}

/* Where the plain lines of a chunk are written to. */
typedef struct {
    const uint8_t *chunk;
    gm_plain_line *lines;
    gm_longer *longer;
    gm_plain_counts *counts;
} gm_plain;

static void set_text(const gm_plain *plain, gm_plain_line *line, enum plain_text which, span text) {
    size_t length = length_of(text);
    line->length[which] = 0;
    line->hash[which] = 0;
    if (is_nothing(text))
        return;
    uint32_t start = (uint32_t)(text.at - plain->chunk);
    if (length > LONGEST_NAME) {
        plain->longer[plain->counts->longer++] = (gm_longer){
            (uint32_t)(line - plain->lines), which, start, start + (uint32_t)length};
        return;
    }
    line->at[which] = start;
    line->length[which] = (uint16_t)length;
    line->hash[which] = (uint32_t)table_hash(text);
}

static uint64_t client_hash(span host, span agent) {
    return joined_hash(is_nothing(host) ? NO_TEXT_HASH : visible_hash(host),
                       is_nothing(agent) ? NO_TEXT_HASH : visible_hash(agent));
}

static bool make_plain(const fields *read, const gm_plain *plain, gm_plain_line *line) {
    static const span none = {NULL, NULL};
    span path;
    if (!split_plainly(read->request, line, &path) && !split_carefully(read->request, line, &path))
        return false;
    span referrer = read->combined ? read->texts[REFERRER] : none;
    span agent = read->combined ? read->texts[AGENT] : none;
    line->seconds = read->seconds;
    line->bytes = read->has_bytes ? read->bytes : 0;
    line->status = read->status;
    line->visitor = client_hash(read->texts[HOST], agent);
    set_text(plain, line, PLAIN_HOST, read->texts[HOST]);
    set_text(plain, line, PLAIN_PATH, path);
    set_text(plain, line, PLAIN_USER, read->texts[USER]);
    set_text(plain, line, PLAIN_REFERRER, referrer);
    set_text(plain, line, PLAIN_AGENT, agent);
    return true;
}

/* Parses a chunk of whole lines, each ended by a newline. The beginnings and ends of lines that are
   left are written to `left`, two numbers each, the end after the newline. Of texts that are to be
   shortened, `longer` tells where they are; until `gm_set_shortened`, the lines do not have them. */
GM_API void gm_plain_lines(const uint8_t *chunk, int64_t size, int64_t ascii, gm_plain_line *lines,
                           uint32_t (*left)[2], gm_longer *longer, gm_plain_counts *counts) {
    gm_clock clock = {.valid = false};
    fields read = {0};
    gm_plain plain = {chunk, lines, longer, counts};
    *counts = (gm_plain_counts){.oldest = INT64_MAX, .newest = INT64_MIN};
    const uint8_t *at = chunk, *chunk_end = chunk + size, *newline;
    for (span text; (newline = cut_line(at, chunk_end, &text)); at = newline + 1) {
        gm_plain_line *line = &lines[counts->plain];
        if (read_line(&clock, text, ascii, &read) && make_plain(&read, &plain, line)) {
            counts->plain++;
            counts->oldest = line->seconds < counts->oldest ? line->seconds : counts->oldest;
            counts->newest = line->seconds > counts->newest ? line->seconds : counts->newest;
        } else {
            left[counts->left][0] = (uint32_t)(at - chunk);
            left[counts->left++][1] = (uint32_t)(newline + 1 - chunk);
        }
        counts->lines++;
    }
}

/* Gives lines the texts that were shortened: `ends[i]` is the end of that for `longer[i]`, and each
   begins at the end of the one before it. */
GM_API void gm_set_shortened(gm_plain_line *lines, const gm_longer *longer, int64_t count,
                             const uint8_t *shortened, const uint32_t *ends) {
    for (int64_t i = 0; i < count; i++) {
        gm_plain_line *line = &lines[longer[i].line];
        uint32_t start = i ? ends[i - 1] : 0, which = longer[i].text;
        line->at[which] = start | IS_SHORTENED;
        line->length[which] = (uint16_t)(ends[i] - start);
        line->hash[which] = (uint32_t)table_hash((span){shortened + start, shortened + ends[i]});
    }
}

#define MINUTE_BITS 13
#define MINUTE_SLOTS (1 << MINUTE_BITS)
/* At least twice as many as there may be minutes. */

/* Numbers the minutes of lines, with `offsets[i]` added to the seconds of line i unless it is null;
   writes the beginning of each. Returns how many there are; -1 if there are more than `most`. */
GM_API int64_t gm_minutes(gm_plain_line *lines, int64_t count, const int64_t *offsets,
                          int64_t *minutes, int64_t most) {
    /* Lines may be in any order. A slot has the number of a minute + 1; 0 if it is empty. */
    uint16_t slots[MINUTE_SLOTS] = {0};
    int64_t known = 0, number = 0;
    if (most > MINUTE_SLOTS / 2)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        lines[i].seconds += offsets ? offsets[i] : 0;
        int64_t second = lines[i].seconds, within = second % 60;
        int64_t minute = second - within - (within < 0 ? 60 : 0);
        if (!known || minutes[number] != minute) {
            uint64_t at = (uint64_t)minute * gm_secrets[1] >> (64 - MINUTE_BITS);
            while (slots[at] && minutes[slots[at] - 1] != minute)
                at = (at + 1) % MINUTE_SLOTS;
            if (!slots[at]) {
                if (known == most)
                    return -1;
                minutes[known] = minute;
                slots[at] = (uint16_t)++known;
            }
            number = slots[at] - 1;
        }
        lines[i].minute = (uint32_t)number;
        lines[i].visitor = visitor_hash(lines[i].visitor, second);
    }
    return known;
}
