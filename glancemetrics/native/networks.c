/* The network that an address is in: the /24 of IPv4, the /48 of IPv6 (RFC 4291 section 2.2 for how
   addresses are written, RFC 5952 for how one is written here). */

#include "strings.h"

#define GROUPS 8
#define LONGEST_NETWORK 64

/* `192.0.2.77`: octets as digits that are no more than 255 and do not begin with a needless 0. */
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

static size_t network_of(span host, const char *suffix_v4, const char *suffix_v6,
                         char network[LONGEST_NETWORK]) {
    uint8_t octets[4];
    uint16_t groups[GROUPS];
    if (read_v4(host, octets)) {
        size_t length = length_of(host), suffix_length = strlen(suffix_v4);
        memcpy(network, host.at, length);
        while (network[length - 1] != '.')
            length--;
        network[length++] = '0';
        memcpy(network + length, suffix_v4, suffix_length);
        return length + suffix_length;
    }
    if (host.at < host.end && memchr(host.at, ':', (size_t)(host.end - host.at)) &&
        read_v6(host, groups))
        return write_v6(groups, suffix_v4, suffix_v6, network);
    return 0;
}

/* Write for each host of an Arrow array the number of its network, which is entered with a suffix
   behind it; for what is no address -1, or its own number if names are kept. -1 without memory,
   else 0. */
GM_API int64_t gm_networks(gm_strings *networks, const int32_t *offsets, const uint8_t *data,
                           int64_t count, const char *suffix_v4, const char *suffix_v6,
                           int64_t keeps_names, int32_t *numbers) {
    char written[TEXTS_AT_ONCE][LONGEST_NETWORK];
    span texts[TEXTS_AT_ONCE];
    int64_t rows[TEXTS_AT_ONCE];
    int32_t entered[TEXTS_AT_ONCE];
    int waiting = 0;
    for (int64_t i = 0; i < count; i++) {
        span host = {data + offsets[i], data + offsets[i + 1]};
        size_t length = network_of(host, suffix_v4, suffix_v6, written[waiting]);
        numbers[i] = -1;
        if (length)
            texts[waiting] = (span){(const uint8_t *)written[waiting],
                                    (const uint8_t *)written[waiting] + length};
        else if (keeps_names)
            texts[waiting] = host;
        if (length || keeps_names)
            rows[waiting++] = i;
        if (waiting == TEXTS_AT_ONCE || i == count - 1) {
            if (!numbers_of(networks, texts, waiting, entered))
                return -1;
            while (waiting--)
                numbers[rows[waiting]] = entered[waiting];
            waiting = 0;
        }
    }
    return 0;
}
