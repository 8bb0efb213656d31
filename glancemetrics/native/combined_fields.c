/* Reads the fields of lines in the common and combined log formats.

   Only unambiguous lines are read, exactly like the pattern in formats/combined.py; that pattern
   matches all other lines, and only it rejects lines:

       host identity user [17/May/2015:10:05:03 +0000] "request" 200 512 "referrer" "agent"

   The first quote of the line opens the request: there is no quote before it, so nothing could match
   earlier. */

#include "combined_fields.h"

#define LONGEST_SIZE 18

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

bool read_line(gm_clock *clock, span line, bool ascii, fields *read) {
    const uint8_t *at = line.at, *end = line.end;
    if (!ascii && (is_marked(at, end) || !is_utf8(at, end)))
        return false;
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
