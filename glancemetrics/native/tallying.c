/* Counts plain lines into the tables of a report, a block at a time, so that what is fetched from
   memory for one line is on its way while others are counted. */

#include "hashing.h"
#include "plain_lines.h"
#include "strings.h"
#include "sums.h"
#include "visitors.h"

enum dimension {
    BY_HOST,
    BY_AGENT,
    BY_METHOD,
    BY_PROTOCOL,
    BY_STATUS,
    BY_PATH,
    BY_REFERRER,
    BY_USER,
    BY_MINUTE,
    BY_NOT_FOUND,
    BY_NOT_FOUND_FROM,
    BY_SERVER_ERROR,
    DIMENSIONS,
};

/* One dimension; there is room for one more name and pair per line. */
typedef struct {
    gm_strings *names;
    /* Null for minutes, which have their numbers. */
    int64_t *sums;
    int64_t width;
    uint64_t *pairs;
    /* Where the next pair of value and visitor is written; null if there are none. */
    int64_t bits;
    int64_t written;
    int64_t flag;
    /* The flag of value 0. */
    int64_t flags;
    /* How many there are; 0 for none. */
} gm_counted;

typedef struct {
    gm_counted by[DIMENSIONS];
    gm_visitors *visitors;
    const int64_t *minutes;
    /* The number of each minute of the chunk. */
    int64_t level;
    int64_t bytes;
    int64_t client_errors;
    int64_t server_errors;
} gm_tally;

GM_SIZE(gm_tally);

#define BLOCK AHEAD
#define RECENT 8

typedef struct {
    uint64_t keys[RECENT];
    int32_t numbers[RECENT];
    unsigned next;
} recent;

typedef struct {
    recent methods, protocols;
    int32_t statuses[1000];
} known;

/* Finds the number of a key, -1 for no key; false if out of memory. */
static bool find_key(gm_strings *names, recent *recent, uint64_t key, int32_t *number) {
    *number = -1;
    if (!key)
        return true;
    for (int i = 0; i < RECENT; i++)
        if (recent->keys[i] == key) {
            *number = recent->numbers[i];
            return true;
        }
    uint8_t text[8];
    memcpy(text, &key, 8);
    int length = 8;
    while (length && !text[length - 1])
        length--;
    *number = number_of(names, (span){text, text + length});
    recent->keys[recent->next % RECENT] = key;
    recent->numbers[recent->next++ % RECENT] = *number;
    return *number >= 0;
}

static int32_t number_of_status(gm_strings *names, int32_t *statuses, uint16_t status) {
    if (statuses[status] < 0) {
        uint8_t text[3] = {(uint8_t)('0' + status / 100), (uint8_t)('0' + status / 10 % 10),
                           (uint8_t)('0' + status % 10)};
        statuses[status] = number_of(names, (span){text, text + 3});
    }
    return statuses[status];
}

static inline int64_t *sums_of(const gm_counted *counted, int32_t number) {
    return counted->sums + number * counted->width;
}

/* The numbers of a text of each line of a block. */
typedef struct {
    gm_counted *counted;
    enum plain_text text;
    int32_t numbers[BLOCK];
} column;

/* Prefetches slots for a block; done while the block before it is counted. */
static void prefetch_slots(const gm_strings *names, enum plain_text text,
                           const gm_plain_line *lines, int64_t size) {
    for (int i = 0; i < size && i < BLOCK; i++)
        if (lines[i].length[text])
            prefetch_slot(names, lines[i].hash[text]);
}

static void prefetch_texts(column *column, const gm_plain_line *lines, int size) {
    const gm_strings *names = column->counted->names;
    for (int i = 0; i < size; i++)
        column->numbers[i] = lines[i].length[column->text]
                                 ? prefetch_offset(names, lines[i].hash[column->text])
                                 : -1;
    for (int i = 0; i < size; i++)
        prefetch_bytes(names, column->numbers[i]);
}

/* Looks up the texts of a column; false if out of memory. */
static bool look_up(column *column, const plain_texts *texts, const gm_plain_line *lines,
                    int size) {
    gm_counted *counted = column->counted;
    for (int i = 0; i < size; i++) {
        if (!lines[i].length[column->text])
            continue;
        int32_t number = number_of_hashed(counted->names, text_of(texts, &lines[i], column->text),
                                          lines[i].hash[column->text], column->numbers[i]);
        if (number < 0)
            return false;
        column->numbers[i] = number;
        __builtin_prefetch(sums_of(counted, number), 1);
    }
    return true;
}

static inline bool is_error(const gm_plain_line *line) {
    return line->status >= 400 && line->status < 600;
}

static inline void add_line(gm_counted *counted, int32_t number, const gm_plain_line *line) {
    if (number >= 0)
        sum_up(sums_of(counted, number), line->bytes, is_error(line));
}

static inline void add_visitor(gm_counted *counted, int32_t number, int64_t level) {
    if (number >= 0)
        add_new_visitor(sums_of(counted, number), level);
}

/* Adds the pair of a value and a visitor, if the visitor's hash ends in zeros where `left_out` has
   ones. */
static inline void add_pair(gm_counted *counted, int32_t number, uint64_t visitor,
                            uint64_t left_out) {
    if (number < 0 || !counted->pairs)
        return;
    uint64_t mask = (UINT64_C(1) << counted->bits) - 1;
    counted->pairs[counted->written] = (uint64_t)number << counted->bits | (visitor & mask);
    counted->written += !(visitor & left_out);
}

static inline void add_both(gm_counted *counted, int32_t number, const gm_plain_line *line,
                            uint64_t left_out) {
    add_line(counted, number, line);
    add_pair(counted, number, line->visitor, left_out);
}

static bool add_named(gm_counted *counted, span name, const gm_plain_line *line, uint64_t left_out) {
    int32_t number = number_of(counted->names, name);
    if (number >= 0)
        add_both(counted, number, line, left_out);
    return number >= 0;
}

static inline bool has_flag(const gm_counted *counted, int32_t number) {
    return !counted->flags || number < counted->flags;
}

static inline uint64_t flag_of(const gm_counted *counted, int32_t number) {
    return counted->flags && number >= 0 ? UINT64_C(1) << (counted->flag + number) : 0;
}

static span path_of(const plain_texts *texts, const gm_plain_line *line) {
    static const uint8_t malformed[] = MALFORMED_PATH;
    return line->length[PLAIN_PATH] ? text_of(texts, line, PLAIN_PATH)
                                    : (span){malformed, malformed + sizeof malformed - 1};
}

/* Counts a failed request by its path, and one that was not found also by path and referrer. */
static bool add_failure(gm_tally *tally, const plain_texts *texts, const gm_plain_line *line,
                        uint64_t left_out) {
    span path = path_of(texts, line), referrer = text_of(texts, line, PLAIN_REFERRER);
    if (line->status >= 500)
        return add_named(&tally->by[BY_SERVER_ERROR], path, line, left_out);
    if (!add_named(&tally->by[BY_NOT_FOUND], path, line, left_out))
        return false;
    if (!referrer.at)
        return true;
    uint8_t text[2 * LONGEST_SHORTENED + 1];
    size_t length = length_of(path);
    memcpy(text, path.at, length);
    text[length++] = '\n';
    memcpy(text + length, referrer.at, length_of(referrer));
    length += length_of(referrer);
    return add_named(&tally->by[BY_NOT_FOUND_FROM], (span){text, text + length}, line, left_out);
}

/* Returns how many of the block's lines were counted; -1 if out of memory. */
static int count_visitors(gm_tally *tally, const plain_texts *texts, const gm_plain_line *lines,
                          int size, known *known) {
    gm_counted *by = tally->by;
    gm_counted *methods = &by[BY_METHOD], *protocols = &by[BY_PROTOCOL], *statuses = &by[BY_STATUS];
    uint64_t left_out = (UINT64_C(1) << tally->level) - 1;
    column hosts = {.counted = &by[BY_HOST], .text = PLAIN_HOST};
    column agents = {.counted = &by[BY_AGENT], .text = PLAIN_AGENT};
    int32_t others[3][BLOCK];
    uint64_t places[BLOCK];

    for (int i = 0; i < size; i++) {
        others[2][i] = number_of_status(statuses->names, known->statuses, lines[i].status);
        if (!find_key(methods->names, &known->methods, lines[i].method, &others[0][i]) ||
            !find_key(protocols->names, &known->protocols, lines[i].protocol, &others[1][i]) ||
            others[2][i] < 0)
            return -1;
        if (!has_flag(methods, others[0][i]) || !has_flag(protocols, others[1][i]) ||
            !has_flag(statuses, others[2][i]))
            size = i;
    }
    prefetch_texts(&hosts, lines, size);
    prefetch_texts(&agents, lines, size);
    for (int i = 0; i < size; i++) {
        places[i] = place_of(lines[i].visitor);
        prefetch_visitor_row(tally->visitors, places[i]);
    }
    if (!look_up(&hosts, texts, lines, size) || !look_up(&agents, texts, lines, size))
        return -1;
    for (int i = 0; i < size; i++) {
        const gm_plain_line *line = &lines[i];
        add_line(hosts.counted, hosts.numbers[i], line);
        add_line(agents.counted, agents.numbers[i], line);
        add_both(methods, others[0][i], line, left_out);
        add_both(protocols, others[1][i], line, left_out);
        add_both(statuses, others[2][i], line, left_out);
        if (line->visitor & left_out)
            continue;
        int64_t known_visitors = tally->visitors->count;
        gm_visitor *visitor = visitor_of(tally->visitors, line->visitor, places[i]);
        if (!visitor)
            return -1;
        visitor->flags |= flag_of(methods, others[0][i]) | flag_of(protocols, others[1][i]) |
                          flag_of(statuses, others[2][i]);
        if (tally->visitors->count > known_visitors) {
            add_visitor(hosts.counted, hosts.numbers[i], tally->level);
            add_visitor(agents.counted, agents.numbers[i], tally->level);
        }
    }
    return size;
}

/* Counts lines by host, agent, method, protocol and status, and their visitors. Returns how many lines,
   fewer if a dimension has no flag for its next value; -1 if out of memory. */
GM_API int64_t gm_tally_visitors(gm_tally *tally, const uint8_t *chunk, const uint8_t *shortened,
                                 const gm_plain_line *lines, int64_t count) {
    const plain_texts texts = {chunk, shortened};
    known known = {0};
    memset(known.statuses, 0xFF, sizeof known.statuses);
    if (!strings_ready(tally->by[BY_HOST].names) || !strings_ready(tally->by[BY_AGENT].names) ||
        !visitors_ready(tally->visitors))
        return -1;
    for (int64_t first = 0; first < count;) {
        int size = count - first < BLOCK ? (int)(count - first) : BLOCK;
        const gm_plain_line *next = lines + first + size;
        prefetch_slots(tally->by[BY_HOST].names, PLAIN_HOST, next, count - first - size);
        for (int i = 0; i < BLOCK && i < count - first - size; i++)
            prefetch_visitor_slot(tally->visitors, place_of(next[i].visitor));
        int counted = count_visitors(tally, &texts, lines + first, size, &known);
        if (counted < 0)
            return -1;
        first += counted;
        if (counted < size)
            return first;
    }
    return count;
}

static bool count_requests(gm_tally *tally, const plain_texts *texts, const gm_plain_line *lines,
                           int size) {
    gm_counted *by = tally->by;
    uint64_t left_out = (UINT64_C(1) << tally->level) - 1;
    column columns[] = {{.counted = &by[BY_PATH], .text = PLAIN_PATH},
                        {.counted = &by[BY_REFERRER], .text = PLAIN_REFERRER},
                        {.counted = &by[BY_USER], .text = PLAIN_USER}};
    const int width = sizeof columns / sizeof *columns;

    for (int i = 0; i < width; i++)
        prefetch_texts(&columns[i], lines, size);
    for (int i = 0; i < width; i++)
        if (!look_up(&columns[i], texts, lines, size))
            return false;
    for (int i = 0; i < size; i++) {
        const gm_plain_line *line = &lines[i];
        bool server = line->status >= 500 && line->status < 600;
        tally->bytes += line->bytes;
        tally->client_errors += is_error(line) && !server;
        tally->server_errors += server;
        for (int c = 0; c < width; c++)
            add_both(columns[c].counted, columns[c].numbers[i], line, left_out);
        if (!line->length[PLAIN_PATH] &&
            !add_named(&by[BY_PATH], path_of(texts, line), line, left_out))
            return false;
        add_both(&by[BY_MINUTE], (int32_t)tally->minutes[line->minute], line, left_out);
        if ((line->status == 404 || server) && !add_failure(tally, texts, line, left_out))
            return false;
    }
    return true;
}

/* Counts lines by path, referrer, user and minute, those that failed once more, and in all; -1 if out of
   memory, else 0. May run while another thread is in `gm_tally_visitors`. */
GM_API int64_t gm_tally_requests(gm_tally *tally, const uint8_t *chunk, const uint8_t *shortened,
                                 const gm_plain_line *lines, int64_t count) {
    const plain_texts texts = {chunk, shortened};
    for (int i = BY_PATH; i <= BY_USER; i++)
        if (!strings_ready(tally->by[i].names))
            return -1;
    for (int64_t first = 0; first < count; first += BLOCK) {
        int size = count - first < BLOCK ? (int)(count - first) : BLOCK;
        prefetch_slots(tally->by[BY_PATH].names, PLAIN_PATH, lines + first + size,
                       count - first - size);
        if (!count_requests(tally, &texts, lines + first, size))
            return -1;
    }
    return 0;
}
