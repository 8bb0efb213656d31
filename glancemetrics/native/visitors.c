/* A table of distinct visitors. */

#include <stdlib.h>

#include "slots.h"
#include "sums.h"
#include "visitors.h"

#define FIRST_SLOTS 256
#define LARGEST_SLOTS (UINT64_C(1) << 31)
/* Visitors are fewer, so their numbers fit into 31 bits. */

static uint32_t slot_of(const gm_visitors *visitors, int64_t number, uint64_t place) {
    return (uint32_t)(place >> (32 + visitors->number_bits) << visitors->number_bits) |
           (uint32_t)(number + 1);
}

static void place_all(gm_visitors *visitors) {
    uint64_t places[AHEAD];
    for (int64_t first = 0; first < visitors->count; first += AHEAD) {
        int64_t size = visitors->count - first < AHEAD ? visitors->count - first : AHEAD;
        for (int64_t i = 0; i < size; i++) {
            places[i] = place_of(visitors->rows[first + i].hash);
            __builtin_prefetch(&visitors->slots[places[i] & visitors->mask], 1);
        }
        for (int64_t i = 0; i < size; i++) {
            uint64_t at = places[i] & visitors->mask;
            while (visitors->slots[at])
                at = (at + 1) & visitors->mask;
            visitors->slots[at] = slot_of(visitors, first + i, places[i]);
        }
    }
}

static bool set_slots(gm_visitors *visitors, uint64_t size) {
    if (size > LARGEST_SLOTS)
        return false;
    uint32_t *slots = empty_slots(size, sizeof *slots);
    if (!slots)
        return false;
    free(visitors->slots);
    visitors->slots = slots;
    visitors->mask = size - 1;
    visitors->number_bits = __builtin_ctzll(size);
    place_all(visitors);
    return true;
}

static uint64_t slots_for(int64_t count) {
    uint64_t slots = FIRST_SLOTS;
    while ((uint64_t)count * 4 >= slots * 3)
        slots *= 2;
    return slots;
}

bool visitors_ready(gm_visitors *visitors) {
    return visitors->slots || set_slots(visitors, slots_for(visitors->count));
}

static bool set_room(gm_visitors *visitors, int64_t room) {
    gm_visitor *rows = realloc(visitors->rows, (size_t)room * sizeof *rows);
    if (!rows)
        return false;
    visitors->rows = rows;
    visitors->room = room;
    return true;
}

GM_API gm_visitors *gm_visitors_new(void) {
    gm_visitors *visitors = calloc(1, sizeof *visitors);
    if (visitors && !set_slots(visitors, FIRST_SLOTS)) {
        free(visitors);
        return NULL;
    }
    return visitors;
}

GM_API void gm_visitors_free(gm_visitors *visitors) {
    if (!visitors)
        return;
    free(visitors->slots);
    free(visitors->rows);
    free(visitors);
}

GM_API int64_t gm_visitors_count(const gm_visitors *visitors) { return visitors->count; }

GM_API int64_t gm_visitors_memory(const gm_visitors *visitors) {
    int64_t slots = visitors->slots ? (int64_t)(visitors->mask + 1) * 4 : 0;
    return slots + visitors->room * (int64_t)sizeof(gm_visitor);
}

/* Returns the rows; valid until visitors are added or removed. */
GM_API gm_visitor *gm_visitors_rows(gm_visitors *visitors) { return visitors->rows; }

gm_visitor *visitor_of(gm_visitors *visitors, uint64_t hash, uint64_t place) {
    for (uint64_t at = place & visitors->mask;; at = (at + 1) & visitors->mask) {
        uint32_t slot = visitors->slots[at];
        if (slot) {
            if (!may_be(visitors, slot, place))
                continue;
            gm_visitor *visitor = visitor_in(visitors, slot);
            if (visitor->hash != hash)
                continue;
            return visitor;
        }
        int64_t number = visitors->count;
        if (number == visitors->room && !set_room(visitors, number + number / 8 + 128))
            return NULL;
        visitors->slots[at] = slot_of(visitors, number, place);
        visitors->rows[number] = (gm_visitor){hash, 0};
        visitors->count++;
        if ((uint64_t)visitors->count * 4 >= (visitors->mask + 1) * 3 &&
            !set_slots(visitors, (visitors->mask + 1) * 2))
            return NULL;
        return &visitors->rows[number];
    }
}

/* Hosts or agents of rows: codes (-1 for none) into the numbers of sums. */
typedef struct {
    const int32_t *codes;
    const int64_t *numbers;
    int64_t *sums;
    int64_t width;
} gm_only;

GM_SIZE(gm_only);

static void add_visitor(const gm_only *only, int64_t row, int64_t level) {
    if (only && only->codes[row] >= 0)
        add_new_visitor(only->sums + only->numbers[only->codes[row]] * only->width, level);
}

/* Adds the visitor of each row, and its flags to its existing ones. A new one is counted for its host
   and its agent, if these are not null. With a level, only visitors whose hash ends in that many zeros are added. Returns -1 if out
   of memory, else 0. */
GM_API int64_t gm_visitors_enter(gm_visitors *visitors, const uint64_t *hashes, int64_t count,
                                 const gm_only *hosts, const gm_only *agents,
                                 const uint64_t *flags, int64_t level) {
    uint64_t left_out = (UINT64_C(1) << level) - 1;
    uint64_t places[AHEAD];
    if (!visitors_ready(visitors))
        return -1;
    for (int64_t first = 0; first < count; first += AHEAD) {
        int64_t size = count - first < AHEAD ? count - first : AHEAD;
        for (int64_t i = 0; i < size; i++) {
            places[i] = place_of(hashes[first + i]);
            prefetch_visitor_slot(visitors, places[i]);
        }
        for (int64_t i = 0; i < size; i++)
            prefetch_visitor_row(visitors, places[i]);
        for (int64_t i = 0; i < size; i++) {
            int64_t row = first + i;
            if (hashes[row] & left_out)
                continue;
            int64_t known = visitors->count;
            gm_visitor *visitor = visitor_of(visitors, hashes[row], places[i]);
            if (!visitor)
                return -1;
            visitor->flags |= flags[row];
            if (visitors->count > known) {
                add_visitor(hosts, row, level);
                add_visitor(agents, row, level);
            }
        }
    }
    return 0;
}

/* Removes visitors whose hash does not end in `level` zeros; -1 if out of memory, else 0. */
GM_API int64_t gm_visitors_sample(gm_visitors *visitors, int64_t level) {
    uint64_t left_out = (UINT64_C(1) << level) - 1;
    int64_t kept = 0;
    for (int64_t i = 0; i < visitors->count; i++)
        if (!(visitors->rows[i].hash & left_out))
            visitors->rows[kept++] = visitors->rows[i];
    visitors->count = kept;
    return set_room(visitors, kept + 128) && set_slots(visitors, slots_for(kept)) ? 0 : -1;
}

/* Frees memory that is only needed for adding visitors, until some are added. */
GM_API void gm_visitors_settle(gm_visitors *visitors) {
    free(visitors->slots);
    visitors->slots = NULL;
}

/* Counts the visitors of each group of flags: `groups[i]` is the group of bit `shift + i`, -1 for
   none; there are at most 64 groups. A visitor counts once per group. */
GM_API void gm_count_flags(const gm_visitors *visitors, int64_t shift, int64_t width,
                           const int64_t *groups, int64_t *counts) {
    uint64_t mask = width == 64 ? ~UINT64_C(0) : (UINT64_C(1) << width) - 1;
    for (int64_t i = 0; i < visitors->count; i++) {
        uint64_t seen = 0;
        for (uint64_t left = visitors->rows[i].flags >> shift & mask; left; left &= left - 1) {
            int64_t group = groups[__builtin_ctzll(left)];
            if (group >= 0 && !(seen >> group & 1)) {
                seen |= UINT64_C(1) << group;
                counts[group]++;
            }
        }
    }
}

/* Sets the flags of each row's value: `values[codes[i]]`; nothing for code -1. */
GM_API void gm_set_flags(const int32_t *codes, int64_t count, const uint64_t *values,
                         uint64_t *flags) {
    for (int64_t i = 0; i < count; i++)
        if (codes[i] >= 0)
            flags[i] |= values[codes[i]];
}

/* Hashes the host, agent and day of each row: `seconds` are local time, a code of -1 means none. */
GM_API void gm_visitor_hashes(const int64_t *seconds, int64_t count, const int32_t *hosts,
                              const uint64_t *host_hashes, const int32_t *agents,
                              const uint64_t *agent_hashes, uint64_t *hashes) {
    for (int64_t i = 0; i < count; i++) {
        uint64_t host = hosts[i] < 0 ? NO_TEXT_HASH : host_hashes[hosts[i]];
        uint64_t agent = agents[i] < 0 ? NO_TEXT_HASH : agent_hashes[agents[i]];
        hashes[i] = visitor_hash(joined_hash(host, agent), seconds[i]);
    }
}
