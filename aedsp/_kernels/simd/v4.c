/* Sixteen lanes: x86-64-v4 (AVX-512). gcc and clang set the target of the functions below differently. */
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,fma,bmi2,f16c"))), apply_to = function)
#else
#pragma GCC target("arch=x86-64-v4")
#endif
#define ISA v4
#define MOST_LANES 16
#define FEWER_LANES 8 /* for processors that process sixteen as two halves */
#include "body.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
