/* Hashes of strings: an unpredictable one for tables, and one for visitors that is the same in every
   run. */

#ifndef GM_HASHING_H
#define GM_HASHING_H

#include "native.h"

extern uint64_t gm_secrets[2];
/* Chosen at random at the start, so that lines of a log cannot be crafted to collide in a table. */

static inline uint64_t folded(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Sixteen bytes at a time through a folded product, like wyhash (Wang Yi,
   https://github.com/wangyi-fudan/wyhash); the last bytes are read twice instead of past the end. */
static inline uint64_t text_hash(span string, uint64_t first, uint64_t second) {
    size_t length = length_of(string);
    const uint8_t *text = string.at, *end = string.end;
    uint64_t hash = first ^ length;
    uint64_t low, high;
    if (length > 16) {
        for (; end - text > 16; text += 16)
            hash = folded(load64(text) ^ second, load64(text + 8) ^ hash);
        low = load64(end - 16);
        high = load64(end - 8);
    } else if (length >= 8) {
        low = load64(text);
        high = load64(end - 8);
    } else if (length >= 4) {
        low = load32(text);
        high = load32(end - 4);
    } else if (length) {
        low = text[0];
        high = (uint64_t)text[length / 2] << 8 | end[-1];
    } else {
        low = high = 0;
    }
    hash = folded(low ^ second, high ^ hash);
    return folded(hash ^ first, 0x9E3779B97F4A7C15u ^ length);
}

static inline uint64_t table_hash(span string) {
    return text_hash(string, gm_secrets[0], gm_secrets[1]);
}

/* The hash of a host or agent in reports: the same in every run. It is not stored anywhere. */
static inline uint64_t visible_hash(span string) {
    return text_hash(string, 0xA0761D6478BD642Fu, 0xE7037ED1A0B428DBu);
}

/* The finalizer of SplitMix64 (S. Vigna): every output bit depends on all input bits. */
static inline uint64_t mixed(uint64_t value) {
    value ^= value >> 30;
    value *= 0xBF58476D1CE4E5B9u;
    value ^= value >> 27;
    value *= 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

/* A hash that is stored, so it must never change. */
static inline uint64_t stored_hash(span string) {
    size_t left = length_of(string);
    const uint8_t *text = string.at;
    uint64_t hash = mixed(0x9E3779B97F4A7C15u + left);
    for (; left >= 8; left -= 8, text += 8)
        hash = mixed(hash ^ load64(text));
    if (left) {
        uint64_t word = 0;
        memcpy(&word, text, left);
        hash = mixed(hash ^ word);
    }
    return hash;
}

/* The hash of a visitor: from those of its host and agent, and on a local day. */
static inline uint64_t joined_hash(uint64_t host, uint64_t agent) {
    return host + agent * 0xC2B2AE3D27D4EB4Fu;
}

static inline uint64_t visitor_hash(uint64_t client, int64_t local_seconds) {
    int64_t day = local_seconds / 86400 - (local_seconds % 86400 < 0);
    return mixed(client + (uint64_t)day * 0xD6E8FEB86659FD93u);
}

/* Instead of the hash of a host or agent that is unknown. */
#define NO_TEXT_HASH 0x9E3779B97F4A7C15u

#endif
