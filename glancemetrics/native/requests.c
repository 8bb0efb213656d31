/* Grammar: RFC 9112 section 3 (request line and the four forms of its target), RFC 9110 section
   5.6.2 (a method is a token), RFC 1945 section 4.1 (HTTP/0.9's `GET path`, without a version).

   The method is upper-cased. A space inside the target is kept in the path, because clients send it
   and servers log it. The authority of an absolute target is the virtual host; `OPTIONS *` has the
   path `*`; the path of `CONNECT` is its authority. Anything else is malformed and kept as it is, also
   a line with the method `-`, which Varnish and AWS write for unreadable requests. */

#include "requests.h"

#include <stdlib.h>

static bool is_letter(uint8_t byte) { return (uint8_t)((byte | 0x20) - 'a') < 26; }

static bool is_token(span word) {
    for (const uint8_t *at = word.at; at < word.end; at++)
        if (!is_letter(*at) && !is_digit(*at) && (!*at || !strchr("!#$%&'*+-.^_`|~", *at)))
            return false;
    return word.at < word.end;
}

static const uint8_t *found(span text, uint8_t byte) {
    const uint8_t *at = text.at < text.end
                            ? memchr(text.at, byte, (size_t)(text.end - text.at)) : NULL;
    return at ? at : text.end;
}

static void split_target(request_texts *texts, span target) {
    const uint8_t *mark = found(target, '?');
    span path = {target.at, mark};
    if (mark < target.end)
        texts->parts[QUERY] = (span){mark + 1, target.end};
    if (path.at == path.end)
        path = (span){(const uint8_t *)"/", (const uint8_t *)"/" + 1};
    texts->parts[PATH] = path;
}

/* Returns the end of `http://`; null if the target is not absolute. */
static const uint8_t *after_scheme(span target) {
    const uint8_t *at = target.at;
    if (at == target.end || !is_letter(*at))
        return NULL;
    while (at < target.end && (is_letter(*at) || is_digit(*at) || *at == '+' || *at == '.' ||
                               *at == '-'))
        at++;
    return target.end - at >= 3 && !memcmp(at, "://", 3) ? at + 3 : NULL;
}

/* Splits the target; false if it has none of the four forms. */
static bool split_any_target(request_texts *texts, span target, bool connects) {
    bool whole = target.end - target.at == 1 && *target.at == '*';
    if (*target.at == '/') {
        split_target(texts, target);
        return true;
    }
    if (whole || connects) {
        texts->parts[PATH] = target;
        return true;
    }
    const uint8_t *authority = after_scheme(target);
    if (!authority)
        return false;
    const uint8_t *path = authority;
    while (path < target.end && *path != '/' && *path != '?' && *path != '#')
        path++;
    split_target(texts, (span){path, target.end});
    if (path > authority)
        texts->parts[VHOST] = (span){authority, path};
    return true;
}

/* Splits a request line; false if it is malformed. */
static bool split_formed(span line, request_texts *texts) {
    span method = {line.at, found(line, ' ')};
    size_t length = length_of(method);
    bool no_method = length == 1 && *method.at == '-';
    if (no_method || !is_token(method) || length > LONGEST_METHOD)
        return false;
    uint8_t *upper = texts->method;
    for (size_t i = 0; i < length; i++)
        upper[i] = is_letter(method.at[i]) ? method.at[i] & 0xDF : method.at[i];
    texts->parts[METHOD] = (span){upper, upper + length};

    span rest = {method.end < line.end ? method.end + 1 : line.end, line.end};
    const uint8_t *space = rest.end;
    while (space > rest.at && space[-1] != ' ')
        space--;
    /* `space` is now after the last space, or at the beginning. */
    span target = {rest.at, space > rest.at ? space - 1 : rest.at};
    span protocol = {space, rest.end};
    bool is_get = length == 3 && !memcmp(upper, "GET", 3);
    if (target.at == target.end && is_get && rest.at < rest.end && *rest.at == '/') {
        static const char version[] = "HTTP/0.9";
        target = rest;
        protocol = (span){(const uint8_t *)version, (const uint8_t *)version + 8};
    }
    texts->parts[PROTOCOL] = protocol;
    bool connects = length == 7 && !memcmp(upper, "CONNECT", 7);
    return is_protocol(protocol) && target.at < target.end &&
           split_any_target(texts, target, connects);
}

void split_request(span line, request_texts *texts) {
    memset(texts->parts, 0, sizeof texts->parts);
    if (!split_formed(line, texts)) {
        memset(texts->parts, 0, sizeof texts->parts);
        texts->parts[MALFORMED] = line;
    }
}

static bool enter_parts(gm_requests *requests, gm_request *request, span line) {
    request_texts texts;
    split_request(line, &texts);
    for (int part = 0; part < REQUEST_PARTS; part++) {
        request->parts[part] = -1;
        if (!texts.parts[part].at)
            continue;
        request->parts[part] = number_of(&requests->columns[part], texts.parts[part]);
        if (request->parts[part] < 0)
            return false;
    }
    return true;
}

const gm_request *request_of(gm_requests *requests, span line) {
    int64_t known = requests->lines.count;
    int32_t number = number_of(&requests->lines, line);
    if (number < known)
        return number < 0 ? NULL : &requests->requests[number];
    if (known == requests->room) {
        int64_t room = requests->room ? requests->room * 2 : 128;
        gm_request *grown = realloc(requests->requests, (size_t)room * sizeof *grown);
        if (!grown)
            return NULL;
        requests->requests = grown;
        requests->room = room;
    }
    gm_request *request = &requests->requests[number];
    return enter_parts(requests, request, line) ? request : NULL;
}

void requests_clear(gm_requests *requests) {
    strings_clear(&requests->lines);
    free(requests->requests);
    requests->requests = NULL;
    requests->room = 0;
    for (int part = 0; part < REQUEST_PARTS; part++)
        strings_clear(&requests->columns[part]);
}
