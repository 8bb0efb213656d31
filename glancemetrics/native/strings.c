#include "strings.h"

#include <stdlib.h>

#include "hashing.h"
#include "slots.h"

#define FIRST_SLOTS 256
#define LARGEST_COUNT (INT32_MAX - 1)

uint64_t gm_secrets[2] = {0x2D358DCCAA6C78A5u, 0x8BB84B93962EACC9u};

GM_API void gm_set_secrets(uint64_t first, uint64_t second) {
    gm_secrets[0] = first;
    gm_secrets[1] = second | 1;
}

static void place(uint64_t *slots, uint64_t mask, uint64_t entry) {
    uint64_t at = (entry >> 32) & mask;
    while (slots[at])
        at = (at + 1) & mask;
    slots[at] = entry;
}

static bool grow_slots(gm_strings *strings) {
    uint64_t size = strings->slots ? (strings->mask + 1) * 2 : FIRST_SLOTS;
    uint64_t *slots = empty_slots(size, sizeof *slots);
    if (!slots)
        return false;
    if (strings->slots) {
        /* Slots that are next to each other are distant in the larger table. */
        uint64_t ahead[TEXTS_AT_ONCE];
        int waiting = 0;
        for (uint64_t at = 0; at <= strings->mask; at++) {
            if (!strings->slots[at])
                continue;
            ahead[waiting++] = strings->slots[at];
            __builtin_prefetch(&slots[(strings->slots[at] >> 32) & (size - 1)], 1);
            if (waiting == TEXTS_AT_ONCE)
                for (; waiting; waiting--)
                    place(slots, size - 1, ahead[waiting - 1]);
        }
        for (; waiting; waiting--)
            place(slots, size - 1, ahead[waiting - 1]);
    }
    free(strings->slots);
    strings->slots = slots;
    strings->mask = size - 1;
    return true;
}

bool strings_reserve(gm_strings *strings, int64_t count, int64_t size) {
    int32_t *offsets = realloc(strings->offsets, (size_t)(count + 1) * sizeof *offsets);
    if (!offsets)
        return false;
    offsets[0] = 0;
    strings->offsets = offsets;
    strings->room = count;
    uint8_t *bytes = realloc(strings->bytes, (size_t)size);
    if (!bytes)
        return false;
    strings->bytes = bytes;
    strings->bytes_room = size;
    return true;
}

bool strings_expect(gm_strings *strings, int64_t count) {
    uint64_t size = FIRST_SLOTS;
    while (size * 3 < (uint64_t)count * 4)
        size *= 2;
    strings->slots = empty_slots(size, sizeof *strings->slots);
    strings->mask = size - 1;
    return strings->slots != NULL;
}

static bool make_room(gm_strings *strings, size_t length) {
    if (strings->count >= LARGEST_COUNT)
        return false;
    if (strings->count == strings->room) {
        int64_t room = strings->room ? strings->room + strings->room / 4 : 128;
        int32_t *offsets = realloc(strings->offsets, (size_t)(room + 1) * sizeof *offsets);
        if (!offsets)
            return false;
        offsets[0] = 0;
        strings->offsets = offsets;
        strings->room = room;
    }
    int64_t needed = strings_size(strings) + (int64_t)length;
    if (needed > INT32_MAX)
        return false;
    if (needed > strings->bytes_room) {
        int64_t room = needed + needed / 4 + 4096;
        uint8_t *bytes = realloc(strings->bytes, (size_t)room);
        if (!bytes)
            return false;
        strings->bytes = bytes;
        strings->bytes_room = room;
    }
    return true;
}

static inline int32_t append(gm_strings *strings, span text) {
    size_t length = length_of(text);
    int32_t size = (int32_t)strings_size(strings);
    int32_t number = (int32_t)strings->count++;
    if (length)
        memcpy(strings->bytes + size, text.at, length);
    strings->offsets[number + 1] = size + (int32_t)length;
    return number;
}

int32_t enter_hashed(gm_strings *strings, span text, uint32_t hash) {
    size_t length = length_of(text);
    uint64_t at = hash & strings->mask;
    for (uint64_t entry; (entry = strings->slots[at]); at = (at + 1) & strings->mask) {
        int32_t number = (int32_t)(uint32_t)entry - 1;
        if ((uint32_t)(entry >> 32) == hash && is_string(strings, number, text))
            return number;
    }
    uint64_t slots = strings->mask;
    if ((uint64_t)strings->placed * 4 >= (slots + 1) * 3 && !grow_slots(strings))
        return -1;
    if (!make_room(strings, length))
        return -1;
    int32_t number = append(strings, text);
    strings->placed++;
    uint64_t entry = (uint64_t)hash << 32 | (uint32_t)(number + 1);
    if (slots == strings->mask)
        strings->slots[at] = entry;
    else
        place(strings->slots, strings->mask, entry);
    return number;
}

bool strings_ready(gm_strings *strings) { return strings->slots || grow_slots(strings); }

int32_t number_of(gm_strings *strings, span text) {
    if (!strings_ready(strings))
        return -1;
    return enter_hashed(strings, text, (uint32_t)table_hash(text));
}

int32_t strings_append(gm_strings *strings, span text) {
    return make_room(strings, length_of(text)) ? append(strings, text) : -1;
}

void strings_clear(gm_strings *strings) {
    free(strings->slots);
    free(strings->offsets);
    free(strings->bytes);
    memset(strings, 0, sizeof *strings);
}

/* Makes a table for about `count` strings. */
GM_API gm_strings *gm_strings_new(int64_t count) {
    gm_strings *strings = calloc(1, sizeof *strings);
    if (strings && strings_expect(strings, count))
        return strings;
    free(strings);
    return NULL;
}

GM_API void gm_strings_free(gm_strings *strings) {
    if (strings) {
        strings_clear(strings);
        free(strings);
    }
}

GM_API int64_t gm_strings_count(const gm_strings *strings) { return strings->count; }

GM_API int64_t gm_strings_size(const gm_strings *strings) { return strings_size(strings); }

/* Returns the memory use of a table in bytes. */
GM_API int64_t gm_strings_memory(const gm_strings *strings) {
    int64_t slots = strings->slots ? (int64_t)(strings->mask + 1) * 8 : 0;
    return slots + strings->room * 4 + strings->bytes_room;
}

bool numbers_of(gm_strings *strings, const span *texts, int count, int32_t *numbers) {
    uint32_t hashes[TEXTS_AT_ONCE];
    if (!strings_ready(strings))
        return false;
    for (int i = 0; i < count; i++) {
        hashes[i] = (uint32_t)table_hash(texts[i]);
        prefetch_slot(strings, hashes[i]);
    }
    for (int i = 0; i < count; i++)
        numbers[i] = prefetch_offset(strings, hashes[i]);
    for (int i = 0; i < count; i++)
        prefetch_bytes(strings, numbers[i]);
    for (int i = 0; i < count; i++) {
        numbers[i] = number_of_hashed(strings, texts[i], hashes[i], numbers[i]);
        if (numbers[i] < 0)
            return false;
    }
    return true;
}

/* Writes the number of each string of an Arrow array; -1 if out of memory, else 0. */
GM_API int64_t gm_strings_enter(gm_strings *strings, const int32_t *offsets, const uint8_t *data,
                                int64_t count, int32_t *numbers) {
    span texts[TEXTS_AT_ONCE];
    for (int64_t first = 0; first < count; first += TEXTS_AT_ONCE) {
        int size = count - first < TEXTS_AT_ONCE ? (int)(count - first) : TEXTS_AT_ONCE;
        for (int i = 0; i < size; i++)
            texts[i] = (span){data + offsets[first + i], data + offsets[first + i + 1]};
        if (!numbers_of(strings, texts, size, numbers + first))
            return -1;
    }
    return 0;
}

/* Writes the indices of an Arrow array; -1 for nulls (bit `first + i` of `valid` is not set). */
GM_API void gm_codes(const int32_t *indices, const uint8_t *valid, int64_t first, int64_t count,
                     int32_t *codes) {
    for (int64_t i = 0; i < count; i++)
        codes[i] = valid[(first + i) / 8] >> (first + i) % 8 & 1 ? indices[i] : -1;
}

/* Returns the length of the longest string of an Arrow array in bytes. */
GM_API int64_t gm_longest(const int32_t *offsets, int64_t count) {
    int32_t longest = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t length = offsets[i + 1] - offsets[i];
        longest = length > longest ? length : longest;
    }
    return longest;
}

/* Renumbers the codes of an array in order of occurrence: `numbers` has room for all `size` codes, and
   `which` receives the code of each number. Returns the number of distinct codes. */
GM_API int64_t gm_compact(const int32_t *codes, int64_t count, int64_t size, int32_t *numbers,
                          int32_t *which, int32_t *compact) {
    int32_t found = 0;
    memset(numbers, 0xFF, (size_t)size * sizeof *numbers);
    for (int64_t i = 0; i < count; i++) {
        int32_t code = codes[i];
        if (code >= 0 && numbers[code] < 0) {
            numbers[code] = found;
            which[found++] = code;
        }
        compact[i] = code < 0 ? -1 : numbers[code];
    }
    return found;
}

/* Sets bit i of a zeroed bitmap if code i is not negative; returns the number of negative codes. */
GM_API int64_t gm_valid(const int32_t *codes, int64_t count, uint8_t *valid) {
    int64_t nulls = 0;
    for (int64_t i = 0; i < count; i++)
        nulls += codes[i] < 0;
    for (int64_t i = 0; nulls && i < count; i++)
        valid[i / 8] |= (uint8_t)((codes[i] >= 0) << i % 8);
    return nulls;
}

/* Frees memory that is only needed for adding strings. */
GM_API void gm_strings_seal(gm_strings *strings) {
    free(strings->slots);
    strings->slots = NULL;
    if (!strings->count)
        return;
    int64_t size = strings_size(strings);
    void *offsets = realloc(strings->offsets, (size_t)(strings->count + 1) * sizeof(int32_t));
    void *bytes = realloc(strings->bytes, (size_t)(size ? size : 1));
    if (offsets)
        strings->offsets = offsets;
    if (bytes)
        strings->bytes = bytes;
    strings->room = strings->count;
    strings->bytes_room = size;
}

/* The offsets and the bytes of the strings as an Arrow array; null if there are none. */
GM_API const int32_t *gm_strings_offsets(const gm_strings *strings) { return strings->offsets; }
GM_API const uint8_t *gm_strings_bytes(const gm_strings *strings) { return strings->bytes; }

/* Hashes each string of an Arrow array; the same in every run and version. */
GM_API void gm_string_hashes(const int32_t *offsets, const uint8_t *data, int64_t count,
                             uint64_t *hashes) {
    for (int64_t i = 0; i < count; i++) {
        span text = {data + offsets[i], data + offsets[i + 1]};
        hashes[i] = stored_hash(text);
    }
}

/* Hashes each string of an Arrow array for visitors of reports. */
GM_API void gm_visible_hashes(const int32_t *offsets, const uint8_t *data, int64_t count,
                              uint64_t *hashes) {
    for (int64_t i = 0; i < count; i++)
        hashes[i] = visible_hash((span){data + offsets[i], data + offsets[i + 1]});
}
