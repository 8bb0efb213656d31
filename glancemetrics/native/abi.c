/* Which version of the functions this is, for Python to tell whether it fits. */

#include "native.h"

GM_API int64_t gm_abi(void) { return GM_ABI; }
