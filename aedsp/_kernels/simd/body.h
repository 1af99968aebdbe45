/* Everything that exists once per instruction set. The including file sets ISA and MOST_LANES, and FEWER_LANES for a
 * second table that uses that many lanes for the weights. */
#include <math.h>
#include <stdint.h>
#include <string.h>
#if MOST_LANES >= 8
#include <immintrin.h>
#elif defined(__aarch64__) && MOST_LANES == 4
#include <arm_neon.h>
#endif

#include "kernels.h"

#ifdef _MSC_VER
#define INLINE static __forceinline
#define UNROLL
#else
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Whether `multiply_add` rounds once. Each fused multiply-add is written as one, and setup.py forbids the compiler any
 * other (-ffp-contract=off), because which products compilers fuse differs from version to version and loop to loop. */
#if MOST_LANES >= 8 || (defined(__aarch64__) && MOST_LANES == 4)
#define FUSED 1
#define MULTIPLY_ADD(a, b, c) __builtin_fmaf(a, b, c) /* for floats in loops that the compiler vectorises */
#else
#define FUSED 0
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

/* Whether there are 32 vector registers, or 16. */
#if MOST_LANES == 16 || defined(__aarch64__)
#define MANY_REGISTERS 1
#else
#define MANY_REGISTERS 0
#endif

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

/* A plan holds its number of lanes: below MOST_LANES for short transforms. */
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

#define TABLE aedsp_kernels
#define DENSE_LANES MOST_LANES
#include "table.h"
#ifdef FEWER_LANES
#define TABLE aedsp_kernels_narrow
#define DENSE_LANES FEWER_LANES
#include "table.h"
#endif
