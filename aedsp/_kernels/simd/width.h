/* Everything that exists once per lane width. The including file sets LANES; this one undefines it. */
#include "lanes.h"
#include "fft.h"
#if LANES == MOST_LANES
#include "activation.h"
#include "phasor.h"
#endif
#if LANES == MOST_LANES || LANES == FEWER_LANES
#include "dense.h"
#endif
#include "lanes_end.h"
