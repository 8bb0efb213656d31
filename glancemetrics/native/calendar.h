/* Numbers and dates in text. */

#ifndef GM_CALENDAR_H
#define GM_CALENDAR_H

#include "native.h"

static inline bool read_digits(const uint8_t *text, int count, int64_t *value) {
    *value = 0;
    for (int i = 0; i < count; i++) {
        uint8_t digit = (uint8_t)(text[i] - '0');
        if (digit > 9)
            return false;
        *value = *value * 10 + digit;
    }
    return true;
}

static inline bool is_date(int64_t year, int64_t month, int64_t day) {
    static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= lengths[month - 1] + (leap && month == 2);
}

/* Days since 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static inline int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = year / 400; /* years are not negative here */
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

#endif
