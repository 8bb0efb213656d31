/* Parses the text of a field as a number, a duration or a time, or keeps it as a text. */

#ifndef GM_VALUES_H
#define GM_VALUES_H

#include "strings.h"

/* Same as in native/values.py. */
enum kind {
    TEXT,
    STATUS,
    STATUS_WORDS,
    SIZE,
    DECIMAL,
    DURATION,
    DURATION_IN_SECONDS,
    DECIMALS,
    CLF_TIME,
    CLF_LOCAL_TIME,
    ISO_TIME,
    ANY_TIME,
    EPOCH_SECONDS,
    EPOCH_MILLISECONDS,
    EPOCH_MICROSECONDS,
    DATE,
    TIME_OF_DAY,
};

/* WITHOUT_ZONE and WITHOUT_UNIT are the same value: zone or unit come from the settings. UNUSABLE is a
   valid but impossible value. IN_NAMED_ZONE has an ambiguous zone name. */
enum state {
    ABSENT,
    NOTHING,
    KNOWN,
    WITHOUT_ZONE,
    WITHOUT_UNIT = WITHOUT_ZONE,
    WRONG,
    UNUSABLE,
    IN_NAMED_ZONE,
};

/* Same as in records/schema.py and formats/times.py, with the reasons. */
#define MOST_BYTES ((uint64_t)1 << 46)
#define LARGEST_DECIMAL 1e18
#define EARLIEST (-30578688000)
#define LATEST 253370764800

typedef union {
    int64_t whole;
    double decimal;
} gm_number;

/* Whether texts are hosts whose port is removed: the text after the only colon, or after brackets; if
   there is always a port, the text after the last colon. */
enum port { NO_PORT, MAYBE_PORT, A_PORT };

/* Which texts mean no value: bits of a column's `nothing`. */
enum nothing { DASH = 1, EMPTY = 2, QUOTES = 4 };

typedef struct {
    int64_t kind;
    int64_t nothing;
    int64_t port;
    /* For texts only. */
    gm_strings *texts;
    int32_t *codes;
    /* For texts: the distinct texts, and the number of each row's text; -1 for none. */
    gm_number *numbers;
    uint8_t *states;
    /* For all other kinds. All pointers are null for a column that is only checked. */
} gm_column;

/* Reads the number or time of a row, according to the column's kind; returns its state. */
uint8_t number_read(const gm_column *column, span text, int64_t row);

/* Adds the texts of `count` rows; null texts and texts that mean no value become -1. False if out of
   memory. */
bool texts_entered(const gm_column *column, const span *texts, int count, int64_t row);

/* Forms that a text can be checked for; equal to the patterns of formats/pattern.py and
   formats/fields.py. */
enum form {
    ANYTHING,
    WORD,
    MAYBE_WORD,
    QUOTED,
    VALUE,
    CELL,
    HOST_AND_PORT,
    MARKED,
    INTEGER,
    BRACES,
    TAIL,
    WORD_AND_TAIL,
    SINGLE_HOST,
    MAYBE_HOST,
};

/* A host without its port, and without the brackets of an IPv6 address. */
span without_port(span host, int64_t port);

/* Whether a host is `unknown`: the proxy does not know its client. */
bool is_unknown(span host);

/* Reads a JSON number; false if it is not whole, or too large. */
bool whole_number(span text, int64_t *number);

bool has_form(int64_t form, span text);

#endif
