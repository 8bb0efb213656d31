/* Networks of addresses: /24 for IPv4, /48 for IPv6 (RFC 4291 section 2.2 for reading addresses, RFC
   5952 for writing them). */

#include <stdlib.h>

#include "hashing.h"
#include "slots.h"
#include "strings.h"
#include "values.h"

#define GROUPS 8
#define LONGEST_NETWORK 64
#define LARGEST_V4 (1 << 24)

typedef struct {
    uint64_t *slots;
    /* The first three octets of a /24 in the high bits, the number of its name + 1 below; 0 for an
       empty slot. */
    uint64_t mask;
} v4_networks;

static bool expect_v4(v4_networks *table, int64_t count) {
    uint64_t size = 256;
    while (size * 3 < (uint64_t)(count < LARGEST_V4 ? count : LARGEST_V4) * 4)
        size *= 2;
    table->slots = empty_slots(size, sizeof *table->slots);
    table->mask = size - 1;
    return table->slots != NULL;
}

static inline uint64_t place_of(const v4_networks *table, uint32_t prefix) {
    return folded(prefix ^ gm_secrets[0], gm_secrets[1]) & table->mask;
}

/* Reads `192.0.2.77`: octets up to 255 without leading zeros. */
static bool read_v4(span text, uint8_t octets[4]) {
    for (int i = 0; i < 4; i++) {
        if (i && (text.at == text.end || *text.at++ != '.'))
            return false;
        const uint8_t *first = text.at;
        unsigned value = 0;
        while (text.at < text.end && text.at - first < 3 && (uint8_t)(*text.at - '0') <= 9)
            value = value * 10 + (unsigned)(*text.at++ - '0');
        if (text.at == first || value > 255 || (*first == '0' && text.at - first > 1))
            return false;
        octets[i] = (uint8_t)value;
    }
    return text.at == text.end;
}

static int hex_digit(uint8_t byte) {
    if ((uint8_t)(byte - '0') <= 9)
        return byte - '0';
    uint8_t letter = (uint8_t)((byte | 0x20) - 'a');
    return letter < 6 ? letter + 10 : -1;
}

/* `2001:db8::1`, `::ffff:192.0.2.77`, `fe80::1%eth0` */
static bool read_v6(span text, uint16_t groups[GROUPS]) {
    const uint8_t *zone = memchr(text.at, '%', (size_t)(text.end - text.at));
    if (zone) {
        if (zone + 1 == text.end || memchr(zone + 1, '%', (size_t)(text.end - zone - 1)))
            return false;
        text.end = zone;
    }
    int count = 0, gap = -1;
    for (const uint8_t *at = text.at;;) {
        if (text.end - at > 1 && at[0] == ':' && at[1] == ':') {
            if (gap >= 0)
                return false;
            gap = count;
            at += 2;
            if (at == text.end)
                break;
        } else if (count && *at++ != ':') {
            return false;
        }
        const uint8_t *first = at;
        unsigned value = 0;
        for (int digit; at < text.end && at - first < 4 && (digit = hex_digit(*at)) >= 0; at++)
            value = value << 4 | (unsigned)digit;
        if (at == first || count == GROUPS)
            return false;
        if (at < text.end && *at == '.') {
            uint8_t octets[4];
            if (count > GROUPS - 2 || !read_v4((span){first, text.end}, octets))
                return false;
            groups[count++] = (uint16_t)(octets[0] << 8 | octets[1]);
            groups[count++] = (uint16_t)(octets[2] << 8 | octets[3]);
            break;
        }
        groups[count++] = (uint16_t)value;
        if (at == text.end)
            break;
    }
    if (gap < 0)
        return count == GROUPS;
    if (count == GROUPS)
        return false;
    int after = count - gap;
    memmove(groups + GROUPS - after, groups + gap, (size_t)after * sizeof *groups);
    memset(groups + gap, 0, (size_t)(GROUPS - count) * sizeof *groups);
    return true;
}

static char *write_text(char *at, const char *text) {
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

static char *write_number(char *at, unsigned number, unsigned base) {
    unsigned first = 1;
    while (number / first >= base)
        first *= base;
    for (; first; first /= base)
        *at++ = "0123456789abcdef"[number / first % base];
    return at;
}

static size_t write_v6(const uint16_t groups[GROUPS], const char *suffix_v4, const char *suffix_v6,
                       char *network) {
    char *at = network;
    bool mapped = groups[5] == 0xFFFF;
    for (int i = 0; i < 5; i++)
        mapped = mapped && !groups[i];
    if (mapped) {
        const unsigned octets[] = {groups[6] >> 8, groups[6] & 0xFF, groups[7] >> 8};
        at = write_text(at, "::ffff:");
        for (int i = 0; i < 3; i++) {
            at = write_number(at, octets[i], 10);
            *at++ = '.';
        }
        *at++ = '0';
        return (size_t)(write_text(at, suffix_v4) - network);
    }
    int last = 3;
    while (last && !groups[last - 1])
        last--;
    for (int i = 0; i < last; i++) {
        if (i)
            *at++ = ':';
        at = write_number(at, groups[i], 16);
    }
    return (size_t)(write_text(write_text(at, "::"), suffix_v6) - network);
}

/* Returns the number of the /24 of a host with this prefix; -1 if out of memory. */
static int32_t number_of_v4(gm_strings *networks, v4_networks *table, span host, uint32_t prefix,
                            const char *suffix) {
    uint64_t at = place_of(table, prefix);
    for (uint64_t entry; (entry = table->slots[at]); at = (at + 1) & table->mask)
        if (entry >> 32 == prefix)
            return (int32_t)(uint32_t)entry - 1;
    char written[LONGEST_NETWORK];
    size_t length = length_of(host);
    memcpy(written, host.at, length);
    while (written[length - 1] != '.')
        length--;
    written[length++] = '0';
    const char *end = write_text(written + length, suffix);
    /* No other name has the form of a /24, so it need not be findable by its text. */
    int32_t number =
        strings_append(networks, (span){(const uint8_t *)written, (const uint8_t *)end});
    if (number >= 0)
        table->slots[at] = (uint64_t)prefix << 32 | (uint32_t)(number + 1);
    return number;
}

/* Returns the number of a host that is not an IPv4 address: -1 for none, -2 if out of memory. */
static int32_t number_of_other(gm_strings *networks, span host, const char *suffix_v4,
                               const char *suffix_v6, bool keeps_names) {
    char written[LONGEST_NETWORK];
    uint16_t groups[GROUPS];
    if (host.at < host.end && memchr(host.at, ':', (size_t)(host.end - host.at)) &&
        read_v6(host, groups)) {
        size_t length = write_v6(groups, suffix_v4, suffix_v6, written);
        host = (span){(const uint8_t *)written, (const uint8_t *)written + length};
    } else if (!keeps_names) {
        return -1;
    }
    int32_t number = number_of(networks, host);
    return number < 0 ? -2 : number;
}

/* Writes the number of the network of each host of an Arrow array. Networks are added with a suffix to
   the table, which must be empty. Host names get -1, or their own number if names are kept. Returns -1
   if out of memory, else 0. */
GM_API int64_t gm_networks(gm_strings *networks, const int32_t *offsets, const uint8_t *data,
                           int64_t count, const char *suffix_v4, const char *suffix_v6,
                           int64_t keeps_names, int32_t *numbers) {
    v4_networks table;
    if (!expect_v4(&table, count))
        return -1;
    /* Reserved at once: moving a growing buffer would touch all its pages again. */
    bool enough = strings_reserve(networks, count + 1,
                                  count ? offsets[count] - offsets[0] + 4 * count : 1);
    for (int64_t first = 0; first < count && enough; first += TEXTS_AT_ONCE) {
        int size = count - first < TEXTS_AT_ONCE ? (int)(count - first) : TEXTS_AT_ONCE;
        bool is_v4[TEXTS_AT_ONCE];
        uint32_t prefixes[TEXTS_AT_ONCE];
        for (int i = 0; i < size; i++) {
            const int32_t *ends = offsets + first + i;
            uint8_t octets[4];
            is_v4[i] = read_v4((span){data + ends[0], data + ends[1]}, octets);
            if (!is_v4[i])
                continue;
            prefixes[i] = (uint32_t)octets[0] << 16 | (uint32_t)octets[1] << 8 | octets[2];
            __builtin_prefetch(&table.slots[place_of(&table, prefixes[i])]);
        }
        for (int i = 0; i < size && enough; i++) {
            const int32_t *ends = offsets + first + i;
            span host = {data + ends[0], data + ends[1]};
            int32_t number =
                is_v4[i] ? number_of_v4(networks, &table, host, prefixes[i], suffix_v4)
                         : number_of_other(networks, host, suffix_v4, suffix_v6, keeps_names);
            enough = number >= (is_v4[i] ? 0 : -1);
            numbers[first + i] = number;
        }
    }
    free(table.slots);
    return enough ? 0 : -1;
}

/* RFC 1918, 6598, 3927 and 1122. */
static bool is_private_v4(const uint8_t octets[4]) {
    switch (octets[0]) {
    case 10:
    case 127:
        return true;
    case 100:
        return octets[1] >> 6 == 1;
    case 169:
        return octets[1] == 254;
    case 172:
        return octets[1] >> 4 == 1;
    case 192:
        return octets[1] == 168;
    default:
        return false;
    }
}

/* RFC 4193 and 4291: unique local, link-local and loopback addresses. */
static bool is_private_v6(const uint16_t groups[GROUPS]) {
    bool is_loopback = groups[GROUPS - 1] == 1;
    for (int i = 0; i < GROUPS - 1; i++)
        is_loopback = is_loopback && !groups[i];
    return is_loopback || (groups[0] & 0xFE00) == 0xFC00 || (groups[0] & 0xFFC0) == 0xFE80;
}

static span trimmed(span text) {
    while (text.at < text.end && *text.at == ' ')
        text.at++;
    while (text.at < text.end && text.end[-1] == ' ')
        text.end--;
    return text;
}

/* Finds the client in a list of addresses, like formats/clients.py without trusted proxies: null for
   none. False if the list has other texts than addresses, which need a closer look. */
static bool client_of(span list, span *client) {
    *client = (span){NULL, NULL};
    if (length_of(list) && (*list.at <= ' ' || *list.at > '~'))
        return false; /* perhaps nothing but white space, of which Unicode has several kinds */
    if (!length_of(list) || !memchr(list.at, ',', length_of(list))) {
        span host = without_port(list, MAYBE_PORT);
        bool is_nothing = length_of(host) == 0 || (length_of(host) == 1 && *host.at == '-');
        if (!is_nothing && !is_unknown(host))
            *client = host;
        return true;
    }
    for (bool more = true; more;) {
        const uint8_t *comma = list.end;
        while (comma > list.at && comma[-1] != ',')
            comma--;
        span hop = trimmed((span){comma, list.end});
        more = comma > list.at;
        list.end = more ? comma - 1 : comma;
        if (hop.at == hop.end || (length_of(hop) == 1 && *hop.at == '-') || is_unknown(hop))
            continue;
        span host = without_port(hop, MAYBE_PORT);
        uint8_t octets[4];
        uint16_t groups[GROUPS];
        bool is_private;
        if (read_v4(host, octets))
            is_private = is_private_v4(octets);
        else if (host.at < host.end && read_v6(host, groups))
            is_private = is_private_v6(groups);
        else
            return false;
        *client = host;
        if (!is_private)
            return true;
    }
    return true;
}

/* Adds the clients of an Arrow array's lists of addresses: writes the number of each, -1 for none, -2
   for lists with other texts than addresses. Returns -1 if out of memory, else 0. */
GM_API int64_t gm_clients(gm_strings *clients, const int32_t *offsets, const uint8_t *data,
                          int64_t count, int32_t *numbers) {
    for (int64_t i = 0; i < count; i++) {
        span client;
        bool is_clear = client_of((span){data + offsets[i], data + offsets[i + 1]}, &client);
        numbers[i] = is_clear ? -1 : -2;
        if (is_clear && client.at) {
            numbers[i] = number_of(clients, client);
            if (numbers[i] < 0)
                return -1;
        }
    }
    return 0;
}
