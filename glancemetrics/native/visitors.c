/* Visitors, each once: a table of columns. */

#include <stdlib.h>

#include "hashing.h"

#define FIRST_SLOTS 256
#define LARGEST_COUNT (INT32_MAX - 1)
#define AHEAD 16
/* Visitors whose places are fetched into the cache before any is looked at. */

typedef struct {
    uint32_t *slots;
    /* A visitor's number + 1; 0 for none. */
    uint64_t mask;
    int64_t count;
    int64_t room;
    uint64_t *hashes;
    int32_t *hosts;
    int32_t *agents;
    /* The number of the visitor's host and agent; -1 where it is not known (any more). */
    uint64_t *flags;
} gm_visitors;

/* Visitors of which half was left out have hashes that end alike, and who writes a log could choose
   hashes that do: neither must share a place. */
static inline uint64_t place_of(uint64_t hash) {
    return folded(hash ^ gm_secrets[0], gm_secrets[1]);
}

static void place_all(gm_visitors *visitors) {
    for (int64_t i = 0; i < visitors->count; i++) {
        uint64_t at = place_of(visitors->hashes[i]) & visitors->mask;
        while (visitors->slots[at])
            at = (at + 1) & visitors->mask;
        visitors->slots[at] = (uint32_t)(i + 1);
    }
}

static bool set_slots(gm_visitors *visitors, uint64_t size) {
    uint32_t *slots = calloc(size, sizeof *slots);
    if (!slots)
        return false;
    free(visitors->slots);
    visitors->slots = slots;
    visitors->mask = size - 1;
    place_all(visitors);
    return true;
}

static bool grown(void *column, int64_t room, size_t item) {
    void **at = column;
    void *moved = realloc(*at, (size_t)room * item);
    if (moved)
        *at = moved;
    return moved != NULL;
}

static bool set_room(gm_visitors *visitors, int64_t room) {
    visitors->room = room;
    return grown(&visitors->hashes, room, sizeof *visitors->hashes) &&
           grown(&visitors->hosts, room, sizeof *visitors->hosts) &&
           grown(&visitors->agents, room, sizeof *visitors->agents) &&
           grown(&visitors->flags, room, sizeof *visitors->flags);
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
    free(visitors->hashes);
    free(visitors->hosts);
    free(visitors->agents);
    free(visitors->flags);
    free(visitors);
}

GM_API int64_t gm_visitors_count(const gm_visitors *visitors) { return visitors->count; }

GM_API int64_t gm_visitors_memory(const gm_visitors *visitors) {
    return (int64_t)(visitors->mask + 1) * 4 + visitors->room * 24;
}

/* Where the columns begin; true until visitors are entered or left out. */
GM_API uint64_t *gm_visitors_hashes(gm_visitors *visitors) { return visitors->hashes; }
GM_API int32_t *gm_visitors_hosts(gm_visitors *visitors) { return visitors->hosts; }
GM_API int32_t *gm_visitors_agents(gm_visitors *visitors) { return visitors->agents; }
GM_API uint64_t *gm_visitors_flags(gm_visitors *visitors) { return visitors->flags; }

static inline int64_t find(gm_visitors *visitors, uint64_t hash, uint64_t place) {
    for (uint64_t at = place & visitors->mask;; at = (at + 1) & visitors->mask) {
        uint32_t entry = visitors->slots[at];
        if (entry && visitors->hashes[entry - 1] != hash)
            continue;
        if (entry)
            return entry - 1;
        int64_t number = visitors->count;
        if (number >= LARGEST_COUNT ||
            (number == visitors->room && !set_room(visitors, number + number / 4 + 128)))
            return -1;
        visitors->slots[at] = (uint32_t)(number + 1);
        visitors->hashes[number] = hash;
        visitors->hosts[number] = visitors->agents[number] = -1;
        visitors->flags[number] = 0;
        visitors->count++;
        if ((uint64_t)visitors->count * 4 >= (visitors->mask + 1) * 3 &&
            !set_slots(visitors, (visitors->mask + 1) * 2))
            return -1;
        return number;
    }
}

/* Enter the visitor of each row: its hash, host, agent, and flags, which are added to those that it
   has. Hosts and agents are codes, -1 for none, whose numbers stand in an array. With a level only
   visitors whose hash ends in so many zeros. -1 without memory, else 0. */
GM_API int64_t gm_visitors_enter(gm_visitors *visitors, const uint64_t *hashes, int64_t count,
                                 const int32_t *hosts, const int64_t *host_numbers,
                                 const int32_t *agents, const int64_t *agent_numbers,
                                 const uint64_t *flags, int64_t level) {
    uint64_t left_out = (UINT64_C(1) << level) - 1;
    uint64_t places[AHEAD];
    for (int64_t first = 0; first < count; first += AHEAD) {
        int64_t size = count - first < AHEAD ? count - first : AHEAD;
        for (int64_t i = 0; i < size; i++) {
            places[i] = place_of(hashes[first + i]);
            __builtin_prefetch(&visitors->slots[places[i] & visitors->mask]);
        }
        for (int64_t i = 0; i < size; i++) {
            uint32_t entry = visitors->slots[places[i] & visitors->mask];
            if (entry) {
                __builtin_prefetch(&visitors->hashes[entry - 1]);
                __builtin_prefetch(&visitors->flags[entry - 1], 1);
            }
        }
        for (int64_t i = 0; i < size; i++) {
            int64_t row = first + i;
            if (hashes[row] & left_out)
                continue;
            int64_t number = find(visitors, hashes[row], places[i]);
            if (number < 0)
                return -1;
            if (hosts[row] >= 0)
                visitors->hosts[number] = (int32_t)host_numbers[hosts[row]];
            if (agents[row] >= 0)
                visitors->agents[number] = (int32_t)agent_numbers[agents[row]];
            visitors->flags[number] |= flags[row];
        }
    }
    return 0;
}

/* Leave out visitors whose hash does not end in so many zeros; -1 without memory, else 0. */
GM_API int64_t gm_visitors_sample(gm_visitors *visitors, int64_t level) {
    uint64_t left_out = (UINT64_C(1) << level) - 1;
    int64_t kept = 0;
    for (int64_t i = 0; i < visitors->count; i++) {
        if (visitors->hashes[i] & left_out)
            continue;
        visitors->hashes[kept] = visitors->hashes[i];
        visitors->hosts[kept] = visitors->hosts[i];
        visitors->agents[kept] = visitors->agents[i];
        visitors->flags[kept] = visitors->flags[i];
        kept++;
    }
    visitors->count = kept;
    uint64_t slots = FIRST_SLOTS;
    while ((uint64_t)kept * 4 >= slots * 3)
        slots *= 2;
    return set_room(visitors, kept + 128) && set_slots(visitors, slots) ? 0 : -1;
}

/* Count the visitors of each group of flags: `groups[i]` is the group of bit `shift + i`, -1 for
   none; there are at most 64 groups. A visitor counts once for each. */
GM_API void gm_count_flags(const uint64_t *flags, int64_t count, int64_t shift, int64_t width,
                           const int64_t *groups, int64_t *counts) {
    uint64_t mask = width == 64 ? ~UINT64_C(0) : (UINT64_C(1) << width) - 1;
    for (int64_t i = 0; i < count; i++) {
        uint64_t seen = 0;
        for (uint64_t left = flags[i] >> shift & mask; left; left &= left - 1) {
            int64_t group = groups[__builtin_ctzll(left)];
            if (group >= 0 && !(seen >> group & 1)) {
                seen |= UINT64_C(1) << group;
                counts[group]++;
            }
        }
    }
}

/* Set the flag of each row's value: `values[codes[i]]`, none for code -1. */
GM_API void gm_set_flags(const int32_t *codes, int64_t count, const uint64_t *values,
                         uint64_t *flags) {
    for (int64_t i = 0; i < count; i++)
        if (codes[i] >= 0)
            flags[i] |= values[codes[i]];
}

/* A number for each row that stands for its host, agent and day: `seconds` are local, codes of -1
   mean that there is none. */
GM_API void gm_visitor_hashes(const int64_t *seconds, int64_t count, const int32_t *hosts,
                              const uint64_t *host_hashes, const int32_t *agents,
                              const uint64_t *agent_hashes, uint64_t *hashes) {
    for (int64_t i = 0; i < count; i++) {
        uint64_t host = hosts[i] < 0 ? 0x9E3779B97F4A7C15u : host_hashes[hosts[i]];
        uint64_t agent = agents[i] < 0 ? 0x9E3779B97F4A7C15u : agent_hashes[agents[i]];
        int64_t day = seconds[i] / 86400 - (seconds[i] % 86400 < 0);
        hashes[i] = mixed(host + agent * 0xC2B2AE3D27D4EB4Fu + (uint64_t)day * 0xD6E8FEB86659FD93u);
    }
}
