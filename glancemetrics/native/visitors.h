/* A table of distinct visitors. */

#ifndef GM_VISITORS_H
#define GM_VISITORS_H

#include "hashing.h"

#define AHEAD 16
/* Visitors whose slots are prefetched together. */

typedef struct {
    uint64_t hash;
    uint64_t flags;
} gm_visitor;

typedef struct {
    uint32_t *slots;
    /* The visitor's number + 1 in the lower `number_bits`, and above them as much of its place as fits,
       so that the row of another visitor is hardly ever read; 0 for an empty slot. */
    uint64_t mask;
    int number_bits;
    int64_t count;
    int64_t room;
    gm_visitor *rows;
} gm_visitors;

/* Hashes of sampled visitors end in the same bits, and lines of a log could be crafted to have such
   hashes: neither may collide. */
static inline uint64_t place_of(uint64_t hash) {
    return folded(hash ^ gm_secrets[0], gm_secrets[1]);
}

/* Whether a slot that is not empty may be the one of a visitor with this place. */
static inline bool may_be(const gm_visitors *visitors, uint32_t slot, uint64_t place) {
    return slot >> visitors->number_bits == place >> (32 + visitors->number_bits);
}

static inline gm_visitor *visitor_in(const gm_visitors *visitors, uint32_t slot) {
    return &visitors->rows[(slot & ((UINT32_C(1) << visitors->number_bits) - 1)) - 1];
}

/* Makes slots, if there are none; false if out of memory. The functions below need them. */
bool visitors_ready(gm_visitors *visitors);

/* Returns the row of a visitor, adding it if it is new; null if out of memory. Valid until the next
   call. `place` is that of its hash. */
gm_visitor *visitor_of(gm_visitors *visitors, uint64_t hash, uint64_t place);

/* Two steps to take before `visitor_of`, each for several visitors before the next step. */
static inline void prefetch_visitor_slot(const gm_visitors *visitors, uint64_t place) {
    __builtin_prefetch(&visitors->slots[place & visitors->mask], 1);
}

static inline void prefetch_visitor_row(const gm_visitors *visitors, uint64_t place) {
    uint32_t slot;
    for (uint64_t at = place & visitors->mask; (slot = visitors->slots[at]);
         at = (at + 1) & visitors->mask)
        if (may_be(visitors, slot, place)) {
            __builtin_prefetch(visitor_in(visitors, slot), 1);
            return;
        }
}

#endif
