#include "values.h"

#include <math.h>

#include "calendar.h"
#include "times.h"

GM_SIZE(gm_column);

#define MICROS 1000000
#define MOST_DIGITS 17
#define MOST_FRACTION 9
#define MOST_EXPONENT 9999

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Whether a text means no value: `-`, or `-1` for some servers. */
static bool is_dash(span text) {
    size_t length = length_of(text);
    return length && *text.at == '-' && (length == 1 || (length == 2 && text.at[1] == '1'));
}

static uint8_t read_status(span text, bool with_words, int64_t *status) {
    size_t length = length_of(text);
    if (is_dash(text))
        return NOTHING;
    const uint8_t *at = text.at;
    if (!with_words && length == 1 && *at == '0') {
        *status = 0;
        return KNOWN;
    }
    if (length < 3 || (length > 3 && !with_words) || !read_digits(at, 3, status))
        return WRONG;
    if (length == 3)
        return KNOWN;
    if (at[3] != ' ')
        return WRONG;
    for (at += 4; at < text.end; at++)
        if ((uint8_t)((*at | 0x20) - 'a') >= 26 && *at != '\'' && *at != ' ' && *at != '-')
            return WRONG;
    return KNOWN;
}

/* A JSON number (RFC 8259 section 6) without sign, with any leading zeros. */
typedef struct {
    uint64_t digits;
    /* The significant digits; further ones are below the precision of a double. */
    int exponent;
    /* The power of ten to multiply them with. */
    bool whole;
    /* Whether there are only zeros after the point. */
} gm_decimal;

/* Returns the end of a number; null if there is none. */
static const uint8_t *number_end(const uint8_t *at, const uint8_t *end, gm_decimal *number) {
    const uint8_t *first = at;
    const uint64_t room = UINT64_C(1000000000000000000);
    *number = (gm_decimal){0, 0, true};
    for (; at < end && is_digit(*at); at++) {
        if (number->digits < room)
            number->digits = number->digits * 10 + (*at - '0');
        else
            number->exponent += number->exponent < MOST_EXPONENT;
    }
    if (at == first)
        return NULL;
    if (end - at > 1 && *at == '.' && is_digit(at[1]))
        for (at++; at < end && is_digit(*at); at++) {
            number->whole = number->whole && *at == '0';
            if (number->digits < room) {
                number->digits = number->digits * 10 + (*at - '0');
                number->exponent -= number->exponent > -MOST_EXPONENT;
            }
        }
    return at;
}

/* Applies the exponent of a number and returns its end; `at` if there is none. */
static const uint8_t *exponent_end(const uint8_t *at, const uint8_t *end, gm_decimal *number) {
    const uint8_t *digit = at + 1;
    if (at == end || (*at | 0x20) != 'e')
        return at;
    bool negative = digit < end && *digit == '-';
    digit += digit < end && (*digit == '-' || *digit == '+');
    if (digit == end || !is_digit(*digit))
        return at;
    int exponent = 0;
    for (; digit < end && is_digit(*digit); digit++)
        if (exponent < MOST_EXPONENT)
            exponent = exponent * 10 + (*digit - '0');
    number->exponent += negative ? -exponent : exponent;
    return digit;
}

/* Correctly rounded for digits up to 2^53 and exponents up to 22; otherwise accurate except for the
   last bit. */
static double scaled(const gm_decimal *number) {
    int exponent = number->exponent;
    if (!number->digits || exponent < -400)
        return 0;
    if (exponent > 400)
        return HUGE_VAL;
    if (number->digits <= (uint64_t)1 << 53 && exponent >= -22 && exponent <= 22)
        return exponent < 0 ? (double)number->digits / powers[-exponent]
                            : (double)number->digits * powers[exponent];
    long double value = (long double)number->digits;
    for (; exponent >= 22; exponent -= 22)
        value *= 1e22L;
    for (; exponent <= -22; exponent += 22)
        value /= 1e22L;
    return (double)(exponent < 0 ? value / (long double)powers[-exponent]
                                 : value * (long double)powers[exponent]);
}

/* Reads `512`, `+512`, `512.0`, `5E2`; an impossible size is UNUSABLE. */
static uint8_t read_size(span text, int64_t *size) {
    gm_decimal number;
    if (is_dash(text))
        return NOTHING;
    bool negative = *text.at == '-';
    const uint8_t *at = number_end(text.at + (negative || *text.at == '+'), text.end, &number);
    if (!at || !number.whole)
        return WRONG;
    if (at < text.end) {
        if (text.end - at > 1 && at[1] == '-')
            return WRONG;
        at = exponent_end(at, text.end, &number);
    }
    if (at != text.end)
        return WRONG;
    *size = 0;
    if (!number.digits)
        return KNOWN;
    for (; number.exponent < 0; number.exponent++)
        number.digits /= 10;
    for (; number.exponent > 0 && number.digits <= MOST_BYTES; number.exponent--)
        number.digits *= 10;
    if (negative || number.digits > MOST_BYTES)
        return UNUSABLE;
    *size = (int64_t)number.digits;
    return KNOWN;
}

/* Reads `12`, `0.25`, `8.5e-05` and returns its end; null if there is no number. */
static const uint8_t *decimal_end(const uint8_t *at, const uint8_t *end, double *decimal) {
    gm_decimal number;
    at = number_end(at, end, &number);
    if (!at)
        return NULL;
    if (at < end && (*at | 0x20) == 'e')
        at = exponent_end(at, end, &number);
    *decimal = scaled(&number);
    return at;
}

/* Returns the state of a signed decimal: `-1` means no value (some servers write it), and other
   negative numbers are UNUSABLE. */
static uint8_t signed_state(bool negative, double decimal) {
    if (!negative || decimal == 0)
        return decimal <= LARGEST_DECIMAL ? KNOWN : UNUSABLE;
    return decimal == 1 ? NOTHING : UNUSABLE;
}

static uint8_t read_decimal(span text, double *decimal) {
    if (length_of(text) == 1 && *text.at == '-')
        return NOTHING;
    bool negative = *text.at == '-';
    if (decimal_end(text.at + (negative || *text.at == '+'), text.end, decimal) != text.end)
        return WRONG;
    return signed_state(negative, *decimal);
}

bool whole_number(span text, int64_t *number) {
    gm_decimal decimal;
    bool negative = text.at < text.end && *text.at == '-';
    const uint8_t *at = number_end(text.at + negative, text.end, &decimal);
    if (!at || exponent_end(at, text.end, &decimal) != text.end)
        return false;
    double value = scaled(&decimal);
    if (value >= (double)((int64_t)1 << 53) || value != (double)(int64_t)value)
        return false;
    *number = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* Returns the end of a unit: a to z and both micro signs, not beginning with e (an exponent). */
static const uint8_t *letters_end(const uint8_t *at, const uint8_t *end) {
    if (at < end && *at == 'e')
        return at;
    for (;;) {
        if (at < end && (uint8_t)(*at - 'a') < 26)
            at++;
        else if (end - at > 1 && ((at[0] == 0xC2 && at[1] == 0xB5) || (at[0] == 0xCE && at[1] == 0xBC)))
            at += 2;
        else
            return at;
    }
}

/* Returns the seconds in a unit; 0 if unknown. */
static double seconds_in(span unit) {
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"s", 1},           {"m", 60},   {"h", 3600},     {"ms", 1e-3},
                 {"us", 1e-6},       {"ns", 1e-9}, {"\xC2\xB5s", 1e-6}, {"\xCE\xBCs", 1e-6}};
    size_t length = length_of(unit);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].name) == length && !memcmp(units[i].name, unit.at, length))
            return units[i].seconds;
    return 0;
}

/* Reads `12.5ms`, `1m2s` as seconds. Returns WITHOUT_UNIT without a unit, NOTHING for an unknown
   unit. */
static uint8_t read_duration(span text, double *seconds) {
    const uint8_t *at = text.at;
    bool known = true;
    if (length_of(text) == 1 && *at == '-')
        return NOTHING;
    bool negative = *at == '-';
    at += negative || *at == '+';
    *seconds = 0;
    for (bool first = true; first || at < text.end; first = false) {
        double number;
        at = decimal_end(at, text.end, &number);
        if (!at)
            return WRONG;
        const uint8_t *unit_end = letters_end(at, text.end);
        if (unit_end == at) {
            if (!first || at < text.end)
                return WRONG;
            *seconds = number;
            uint8_t state = signed_state(negative, number);
            return state == KNOWN ? WITHOUT_UNIT : state;
        }
        double unit = seconds_in((span){at, unit_end});
        known = known && unit > 0;
        *seconds += number * unit;
        at = unit_end;
    }
    return known ? signed_state(negative, *seconds) : NOTHING;
}

static uint8_t read_duration_in_seconds(span text, double *seconds) {
    uint8_t state = read_duration(text, seconds);
    return state == WITHOUT_UNIT ? KNOWN : state;
}

/* Sums the times of several upstreams: `0.010, 0.002 : -`, with commas between servers and colons
   between groups of servers.
   Source: https://nginx.org/en/docs/http/ngx_http_upstream_module.html
   (`$upstream_response_time`). */
static uint8_t read_decimals(span text, double *sum) {
    const uint8_t *at = text.at;
    bool known = false;
    *sum = 0;
    while (at < text.end) {
        double number;
        if (*at == '-') {
            at += at + 1 < text.end && at[1] == '1' ? 2 : 1;
        } else {
            at = decimal_end(at, text.end, &number);
            if (!at)
                return WRONG;
            *sum += number;
            known = true;
        }
        if (at == text.end)
            break;
        if (text.end - at > 2 && at[0] == ',' && at[1] == ' ')
            at += 2;
        else if (text.end - at > 3 && at[0] == ' ' && at[1] == ':' && at[2] == ' ')
            at += 3;
        else
            return WRONG;
    }
    return known ? signed_state(false, *sum) : NOTHING;
}

/* Multiplies digits by a power of ten to rounded microseconds. */
static uint8_t micros_of(uint64_t digits, int exponent, int64_t *micros) {
    for (; exponent > 0; exponent--)
        if (__builtin_mul_overflow(digits, 10, &digits))
            return WRONG;
    if (exponent < -19) {
        digits = 0;
        exponent = 0;
    }
    if (exponent < 0) {
        uint64_t one = 1;
        for (; exponent < 0; exponent++)
            one *= 10;
        uint64_t whole = digits / one;
        digits = whole + (digits - whole * one >= one - one / 2);
    }
    if (digits >= (uint64_t)LATEST * MICROS)
        return WRONG;
    *micros = (int64_t)digits;
    return KNOWN;
}

/* Reads a number since the epoch in units of ten to the power of `unit` microseconds. */
static uint8_t read_epoch(span text, int unit, int64_t *micros) {
    const uint8_t *at = text.at, *first = at;
    uint64_t digits = 0;
    int dropped = 0;
    for (; at < text.end && is_digit(*at); at++)
        digits = digits * 10 + (*at - '0');
    if (at == first || at - first > MOST_DIGITS)
        return WRONG;
    if (at < text.end) {
        if (*at++ != '.' || at == text.end || text.end - at > MOST_FRACTION)
            return WRONG;
        for (first = at; at < text.end; at++) {
            if (!is_digit(*at))
                return WRONG;
            /* Further digits are far below a microsecond. */
            if (digits < UINT64_MAX / 10 - 1)
                digits = digits * 10 + (*at - '0');
            else
                dropped++;
        }
        unit -= (int)(at - first) - dropped;
    }
    return micros_of(digits, unit, micros);
}

/* Reads a JSON number since the epoch, whose size shows its unit; also `1.7e9`. */
static uint8_t read_any_epoch(span text, int64_t *micros) {
    const uint8_t *at = text.at, *first = at;
    uint64_t digits = 0;
    int exponent = 0;
    for (; at < text.end && is_digit(*at); at++)
        digits = digits * 10 + (*at - '0');
    if (at == first || at - first > 19)
        return WRONG;
    if (at < text.end && *at == '.')
        for (at++; at < text.end && is_digit(*at); at++)
            if (digits < UINT64_MAX / 10 - 1) {
                digits = digits * 10 + (*at - '0');
                exponent--;
            }
    if (at < text.end) {
        if ((*at++ | 0x20) != 'e')
            return WRONG;
        bool negative = at < text.end && *at == '-';
        at += at < text.end && (*at == '+' || *at == '-');
        int64_t more;
        if (at == text.end || text.end - at > 2 || !read_digits(at, (int)(text.end - at), &more))
            return WRONG;
        exponent += negative ? -(int)more : (int)more;
    }
    /* Seconds up to the year 5138, milliseconds from 1973 on, and so on. */
    double size = (double)digits;
    for (int i = exponent; i > 0; i--)
        size *= 10;
    for (int i = exponent; i < 0; i++)
        size /= 10;
    int unit = size < 1e11 ? 6 : size < 1e14 ? 3 : size < 1e17 ? 0 : -3;
    return micros_of(digits, exponent + unit, micros);
}

static uint8_t read_any_time(span text, int64_t *micros) {
    size_t length = length_of(text);
    if (length > 2 && *text.at == '[' && text.end[-1] == ']') {
        text = (span){text.at + 1, text.end - 1};
        length -= 2;
    }
    if (length > 10 && (text.at[4] == '-' || text.at[2] == '/'))
        return read_clf_time(text, micros);
    return read_any_epoch(text, micros);
}

static uint8_t value_of(int64_t kind, span text, gm_number *number) {
    if (text.at == text.end)
        return kind == DECIMALS ? NOTHING : WRONG;
    switch (kind) {
    case STATUS:
        return read_status(text, false, &number->whole);
    case STATUS_WORDS:
        return read_status(text, true, &number->whole);
    case SIZE:
        return read_size(text, &number->whole);
    case DECIMAL:
        return read_decimal(text, &number->decimal);
    case DURATION:
        return read_duration(text, &number->decimal);
    case DURATION_IN_SECONDS:
        return read_duration_in_seconds(text, &number->decimal);
    case DECIMALS:
        return read_decimals(text, &number->decimal);
    case CLF_TIME:
        return read_clf_time(text, &number->whole);
    case CLF_LOCAL_TIME:
        return read_clf_local_time(text, &number->whole);
    case ISO_TIME:
        return read_iso_time(text, &number->whole);
    case ANY_TIME:
        return read_any_time(text, &number->whole);
    case EPOCH_SECONDS:
        return read_epoch(text, 6, &number->whole);
    case EPOCH_MILLISECONDS:
        return read_epoch(text, 3, &number->whole);
    case EPOCH_MICROSECONDS:
        return read_epoch(text, 0, &number->whole);
    case DATE:
        return read_date(text, &number->whole);
    case TIME_OF_DAY:
        return read_time_of_day(text, &number->whole);
    default:
        return WRONG;
    }
}

uint8_t number_read(const gm_column *column, span text, int64_t row) {
    gm_number number;
    number.whole = 0;
    bool is_nothing = text.at == text.end && column->nothing & EMPTY;
    uint8_t state = is_nothing ? NOTHING : value_of(column->kind, text, &number);
    if (column->states) {
        column->numbers[row] = number;
        column->states[row] = state;
    }
    return state;
}

span without_port(span host, int64_t port) {
    if (host.at == host.end)
        return host;
    const uint8_t *end = host.end;
    while (end > host.at && is_digit(end[-1]))
        end--;
    bool has_port = end < host.end && end > host.at && end[-1] == ':';
    size_t length = length_of(host);
    if (*host.at == '[') {
        const uint8_t *closing = memchr(host.at, ']', length);
        if (closing && (closing + 1 == host.end || (has_port && closing + 2 == end)))
            return (span){host.at + 1, closing};
        return host;
    }
    if (!has_port || memchr(host.at, '[', length) ||
        (port != A_PORT && memchr(host.at, ':', length) != end - 1))
        return host;
    return (span){host.at, end - 1};
}

bool is_unknown(span host) {
    return length_of(host) == 7 && !memcmp(host.at, "unknown", 7);
}

bool texts_entered(const gm_column *column, const span *texts, int count, int64_t row) {
    span some[TEXTS_AT_ONCE] = {{NULL, NULL}};
    int which[TEXTS_AT_ONCE];
    int32_t numbers[TEXTS_AT_ONCE];
    int kept = 0;
    for (int i = 0; i < count; i++) {
        column->codes[row + i] = -1;
        if (!texts[i].at)
            continue;
        span text = column->port ? without_port(texts[i], column->port) : texts[i];
        size_t length = length_of(text);
        if ((column->port && is_unknown(text)) || (!length && column->nothing & EMPTY) ||
            (length == 1 && *text.at == '-' && column->nothing & DASH) ||
            (length == 2 && !memcmp(text.at, "\"\"", 2) && column->nothing & QUOTES))
            continue;
        which[kept] = i;
        some[kept++] = text;
    }
    if (!numbers_of(column->texts, some, kept, numbers))
        return false;
    for (int i = 0; i < kept; i++)
        column->codes[row + which[i]] = numbers[i];
    return true;
}

/* Reads each string of an Arrow array into a column; -1 if out of memory, else 0. */
GM_API int64_t gm_read_values(const gm_column *column, const int32_t *offsets, const uint8_t *data,
                              int64_t count) {
    span texts[TEXTS_AT_ONCE];
    for (int64_t first = 0; first < count; first += TEXTS_AT_ONCE) {
        int size = count - first < TEXTS_AT_ONCE ? (int)(count - first) : TEXTS_AT_ONCE;
        for (int i = 0; i < size; i++) {
            texts[i] = (span){data + offsets[first + i], data + offsets[first + i + 1]};
            if (column->kind != TEXT)
                number_read(column, texts[i], first + i);
        }
        if (column->kind == TEXT && !texts_entered(column, texts, size, first))
            return -1;
    }
    return 0;
}

static bool is_blank(uint8_t byte) { return byte == ' ' || byte == '\t'; }

static bool has_blank(span text) {
    for (const uint8_t *at = text.at; at < text.end; at++)
        if (is_blank(*at))
            return true;
    return false;
}

/* Whether all quotes are escaped, and the text does not end in an open escape. */
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

/* A word not beginning with a quote; or any text in quotes, with quotes inside doubled. */
static bool is_value(span text) {
    if (text.at == text.end || *text.at != '"')
        return text.at < text.end && !has_blank(text);
    const uint8_t *at = text.at + 1;
    while (at < text.end && (*at != '"' || (text.end - at > 1 && at[1] == '"')))
        at += *at == '"' ? 2 : 1;
    return text.end - at == 1;
}

static bool is_host_and_port(span text) {
    const uint8_t *at = text.end;
    if (length_of(text) == 1 && *text.at == '-')
        return true;
    while (at > text.at && is_digit(at[-1]))
        at--;
    return at < text.end && at - text.at > 1 && at[-1] == ':' && !has_blank(text);
}

/* A word without a comma, so not a list of addresses. */
static bool is_host(span text) {
    return text.at < text.end && !has_blank(text) && !memchr(text.at, ',', length_of(text));
}

static bool is_integer(span text) {
    const uint8_t *at = text.at;
    at += at < text.end && (*at == '-' || *at == '+');
    if (at == text.end)
        return false;
    while (at < text.end && is_digit(*at))
        at++;
    return at == text.end;
}

/* Up to two texts in braces, each with a space after it. */
static bool is_braces(span text) {
    for (int i = 0; i < 2 && text.at < text.end; i++) {
        const uint8_t *at = text.at + 1;
        if (*text.at != '{')
            return false;
        while (at < text.end && *at != '{' && *at != '}')
            at++;
        if (text.end - at < 2 || at[0] != '}' || at[1] != ' ')
            return false;
        text.at = at + 2;
    }
    return text.at == text.end;
}

bool has_form(int64_t form, span text) {
    switch (form) {
    case WORD:
        return text.at < text.end && !has_blank(text);
    case MAYBE_WORD:
        return !has_blank(text);
    case QUOTED:
        return is_quoted(text);
    case VALUE:
        return is_value(text);
    case CELL:
        return text.at == text.end || !memchr(text.at, '\t', length_of(text));
    case HOST_AND_PORT:
        return is_host_and_port(text);
    case SINGLE_HOST:
        return is_host(text);
    case MAYBE_HOST:
        return text.at == text.end || is_host(text);
    case MARKED:
        return text.at == text.end || *text.at == '?';
    case INTEGER:
        return is_integer(text);
    case BRACES:
        return is_braces(text);
    case TAIL:
        return text.at == text.end || *text.at == ' ';
    case WORD_AND_TAIL:
        while (text.at < text.end && !is_blank(*text.at))
            text.at++;
        return text.at == text.end || *text.at == ' ';
    default:
        return true;
    }
}

/* Writes whether each string of an Arrow array has a form. */
GM_API void gm_have_form(int64_t form, const int32_t *offsets, const uint8_t *data, int64_t count,
                         bool *have) {
    for (int64_t i = 0; i < count; i++)
        have[i] = has_form(form, (span){data + offsets[i], data + offsets[i + 1]});
}
