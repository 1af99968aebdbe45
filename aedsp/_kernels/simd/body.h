/* Everything that exists once per instruction set. The including file sets ISA, ISA_NAME and MOST_LANES. */
#include <math.h>
#include <stdint.h>
#include <string.h>
#if MOST_LANES >= 8
#include <immintrin.h>
#endif

#include "kernels.h"

#define LANES MOST_LANES
#include "width.h"
#if MOST_LANES >= 16
#define LANES 8
#include "width.h"
#endif
#if MOST_LANES >= 8
#define LANES 4
#include "width.h"
#endif
#include "elementwise.h"

#define AEDSP_WIDE2(name, lanes, isa) name##_##lanes##_##isa
#define AEDSP_WIDE1(name, lanes, isa) AEDSP_WIDE2(name, lanes, isa)
#define AT(name, lanes) AEDSP_WIDE1(name, lanes, ISA)

/* A plan says how many lanes it was made for: fewer than MOST_LANES where the transform is short. */
static void E(fft_forward)(const FftPlan *plan, const float *x, float *re, float *im) {
#if MOST_LANES >= 16
    if (plan->lanes == 8) { AT(fft_forward, 8)(plan, x, re, im); return; }
#endif
#if MOST_LANES >= 8
    if (plan->lanes == 4) { AT(fft_forward, 4)(plan, x, re, im); return; }
#endif
    AT(fft_forward, MOST_LANES)(plan, x, re, im);
}
static void E(fft_inverse)(const FftPlan *plan, const float *re, const float *im, float *x) {
#if MOST_LANES >= 16
    if (plan->lanes == 8) { AT(fft_inverse, 8)(plan, re, im, x); return; }
#endif
#if MOST_LANES >= 8
    if (plan->lanes == 4) { AT(fft_inverse, 4)(plan, re, im, x); return; }
#endif
    AT(fft_inverse, MOST_LANES)(plan, re, im, x);
}

const Kernels E(aedsp_kernels) = {
    .name = ISA_NAME,
    .lanes = MOST_LANES,
    .fast_halves = MOST_LANES >= 8,
    .fft_forward = E(fft_forward),
    .fft_inverse = E(fft_inverse),
    .multiply = E(multiply),
    .multiply_add = E(multiply_add),
    .polar = E(polar),
    .run_on = E(run_on),
    .turn = E(turn),
    .clamp = E(clamp),
    .accept = E(accept),
    .limit = E(limit),
    .exceeds = E(exceeds),
    .dense_forward = {AT(dense_forward_float32, MOST_LANES), AT(dense_forward_float16, MOST_LANES),
                      AT(dense_forward_int8, MOST_LANES)},
    .dense_accumulate = {AT(dense_accumulate_float32, MOST_LANES), AT(dense_accumulate_float16, MOST_LANES),
                         AT(dense_accumulate_int8, MOST_LANES)},
    .sigmoid = AT(sigmoid, MOST_LANES),
    .tanh = AT(tanh, MOST_LANES),
    .relu = AT(relu, MOST_LANES),
    .logarithm = AT(logarithm, MOST_LANES),
    .phasors = AT(phasors, MOST_LANES),
    .angles = AT(angles, MOST_LANES),
    .dot = AT(dot, MOST_LANES),
};
