/* Plain C, one lane: for compilers without vector extensions, and for readers. */
#define ISA plain
#define MOST_LANES 1
#include "body.h"
