#define _DEFAULT_SOURCE

#include "slots.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* since Linux 5.14; madvise(2) */
#endif
#define LARGE ((size_t)1 << 17)
/* Smaller blocks are mostly of memory that was in use before. */

void *empty_slots(size_t count, size_t size) {
    uint8_t *slots = calloc(count, size);
    if (!slots || count * size < LARGE)
        return slots;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)slots + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)slots + count * size) / page * page;
    /* If it fails, as with an older Linux, the pages come one by one. */
    madvise((void *)first, end - first, MADV_POPULATE_WRITE);
    return slots;
}
