/* Memory for hash tables. */

#ifndef GM_SLOTS_H
#define GM_SLOTS_H

#include "native.h"

/* Returns memory of zeros to `free`, all of it there already: NULL if out of memory.

   Slots are read before they are written. Of fresh memory Linux then shows a page of zeros to all,
   and at the first write takes it away again: each page costs two faults, and the second one stops
   the other threads. */
void *empty_slots(size_t count, size_t size);

#endif
