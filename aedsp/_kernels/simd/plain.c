/* Plain C, one lane: for compilers without vector extensions, and for those who want to read it without them. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off") /* arm64: fused in one loop and not in the next, sums would differ in their last bit */
#endif
#define ISA plain
#define MOST_LANES 1
#include "body.h"
