/* Grammar: RFC 9112 section 3 (request line and the four forms of its target), RFC 9110 section
   5.6.2 (a method is a token), RFC 1945 section 4.1 (HTTP/0.9's `GET path`, without a version).

   The method is upper-cased. A space inside the target is kept in the path, because clients send it
   and servers log it. The authority of an absolute target is the virtual host; `OPTIONS *` has the
   path `*`; the path of `CONNECT` is its authority. Anything else is malformed and kept as it is, also
   a line with the method `-`, which Varnish and AWS write for unreadable requests. */

#include "requests.h"

#include <stdlib.h>

#define LONGEST_METHOD 64

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

static bool entered(gm_requests *requests, gm_request *request, enum request_part part, span text) {
    request->parts[part] =
        number_of(&requests->columns[part], text);
    return request->parts[part] >= 0;
}

static bool split_target(gm_requests *requests, gm_request *request, span target) {
    const uint8_t *mark = found(target, '?');
    span path = {target.at, mark};
    if (mark < target.end && !entered(requests, request, QUERY, (span){mark + 1, target.end}))
        return false;
    if (path.at == path.end)
        path = (span){(const uint8_t *)"/", (const uint8_t *)"/" + 1};
    return entered(requests, request, PATH, path);
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

static bool split(gm_requests *requests, gm_request *request, span line) {
    for (int part = 0; part < REQUEST_PARTS; part++)
        request->parts[part] = -1;
    uint8_t upper[LONGEST_METHOD];
    span method = {line.at, found(line, ' ')};
    bool no_method = length_of(method) == 1 && *method.at == '-';
    if (no_method || !is_token(method) || method.end - method.at > LONGEST_METHOD)
        return entered(requests, request, MALFORMED, line);
    size_t length = length_of(method);
    for (size_t i = 0; i < length; i++)
        upper[i] = is_letter(method.at[i]) ? method.at[i] & 0xDF : method.at[i];

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
    if (!is_protocol(protocol) || target.at == target.end)
        return entered(requests, request, MALFORMED, line);

    bool connects = length == 7 && !memcmp(upper, "CONNECT", 7);
    bool whole = target.end - target.at == 1 && *target.at == '*';
    bool good;
    if (*target.at == '/') {
        good = split_target(requests, request, target);
    } else if (whole || connects) {
        good = entered(requests, request, PATH, target);
    } else {
        const uint8_t *authority = after_scheme(target);
        if (!authority)
            return entered(requests, request, MALFORMED, line);
        const uint8_t *path = authority;
        while (path < target.end && *path != '/' && *path != '?' && *path != '#')
            path++;
        good = split_target(requests, request, (span){path, target.end}) &&
               (path == authority ||
                entered(requests, request, VHOST, (span){authority, path}));
    }
    return good && entered(requests, request, METHOD, (span){upper, upper + length}) &&
           entered(requests, request, PROTOCOL, protocol);
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
    return split(requests, request, line) ? request : NULL;
}

void requests_clear(gm_requests *requests) {
    strings_clear(&requests->lines);
    free(requests->requests);
    requests->requests = NULL;
    requests->room = 0;
    for (int part = 0; part < REQUEST_PARTS; part++)
        strings_clear(&requests->columns[part]);
}
