/* Plain C, one lane: for compilers without vector extensions, and for those who want to read it without them. */
#define ISA plain
#define MOST_LANES 1
#include "body.h"
