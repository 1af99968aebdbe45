/* Plain C, one lane: for compilers without vector extensions, and for readers. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off") /* arm64: fusing in one loop only would change the last bit of sums */
#endif
#define ISA plain
#define MOST_LANES 1
#include "body.h"
