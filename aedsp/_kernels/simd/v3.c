/* Eight lanes: x86-64-v3 (AVX2 and FMA). gcc and clang set the target of the functions below differently. */
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2,f16c"))), apply_to = function)
#else
#pragma GCC target("arch=x86-64-v3")
#endif
#define ISA v3
#define MOST_LANES 8
#include "body.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
