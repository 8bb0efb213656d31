/* What the text of a field means: a number, a duration, a time; or it stays a text. */

#ifndef GM_VALUES_H
#define GM_VALUES_H

#include "strings.h"

/* As native/values.py names them. */
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

/* WITHOUT_ZONE and WITHOUT_UNIT are one: what is missing is told elsewhere. UNUSABLE is what the kind
   wants, but cannot be: it is not known. IN_NAMED_ZONE has a zone that several places call so. */
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

/* As records.py has them, with the reasons. */
#define MOST_BYTES ((uint64_t)1 << 46)
#define LARGEST_DECIMAL 1e18
#define EARLIEST (-30578688000)
#define LATEST 253370764800

typedef union {
    int64_t whole;
    double decimal;
} gm_number;

/* Whether texts are hosts, of which the port is taken off: what follows the only colon, or brackets; if
   it is always there, what follows the last colon. */
enum port { NO_PORT, MAYBE_PORT, A_PORT };

/* Which texts are none: bits of a column's `nothing`. */
enum nothing { DASH = 1, EMPTY = 2, QUOTES = 4 };

typedef struct {
    int64_t kind;
    int64_t nothing;
    int64_t port;
    /* Of texts. */
    gm_strings *texts;
    int32_t *codes;
    /* Of texts: those that there are, and the number of each row's; -1 for none. */
    gm_number *numbers;
    uint8_t *states;
    /* Of all other kinds. All are null for a column that is only looked at. */
} gm_column;

/* Read the number or the time of a row, as the column's kind has it; returns its state. */
uint8_t number_read(const gm_column *column, span text, int64_t row);

/* Enter texts of as many rows; those that are null or nothing become -1. False without memory. */
bool texts_entered(const gm_column *column, const span *texts, int count, int64_t row);

/* What a text may be asked to look like, as the expressions of formats/pattern.py and
   formats/fields.py say it. */
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

/* Whether a proxy says that it does not know whom it asks for. */
bool is_unknown(span host);

/* Read a number as JSON has it; false if it is not whole, or too large. */
bool whole_number(span text, int64_t *number);

bool has_form(int64_t form, span text);

#endif
