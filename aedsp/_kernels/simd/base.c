/* Four lanes: SSE2 on x86-64, NEON on arm64, the compiler's choice elsewhere. */
#if defined(__GNUC__)
#define ISA base
#define MOST_LANES 4
#include "body.h"
#endif
