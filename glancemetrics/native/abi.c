/* The version of the functions, which Python checks when it loads them. */

#include "native.h"

GM_API int64_t gm_abi(void) { return GM_ABI; }
