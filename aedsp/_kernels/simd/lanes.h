/* A vector of LANES floats, and the operations that C lacks for it.
 *
 * Included by width.h once per lane width (1, 4, 8, 16) and instruction set; `lanes_end.h` undefines the names.
 * LANES 1 is plain C for compilers without vector extensions; the others use those of GCC >= 12 and clang.
 */
#define AEDSP_JOIN3(a, b, c) a##_##b##_##c
#define AEDSP_JOIN(a, b, c) AEDSP_JOIN3(a, b, c)
#define L(name) AEDSP_JOIN(name, LANES, ISA)

#define V L(Vector)
#define I L(Integers)
#if LANES == 1
typedef float V;
typedef int I;
#else
typedef float V __attribute__((vector_size(4 * LANES)));
typedef int I __attribute__((vector_size(4 * LANES)));
typedef float L(Unaligned) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#endif

#define load L(load)
#define store L(store)
#define splat L(splat)
#define multiply_add L(multiply_add)
#define bits_of L(bits_of)
#define from_bits L(from_bits)
#define larger L(larger)
#define smaller L(smaller)
#define choose_above L(choose_above)
#define sum_of L(sum_of)
#define load_half L(load_half)
#define load_byte L(load_byte)

#if LANES == 1
INLINE V load(const float *p) { return *p; }
INLINE void store(float *p, V v) { *p = v; }
INLINE V splat(float f) { return f; }
INLINE V larger(V a, V b) { return a > b ? a : b; }
INLINE V smaller(V a, V b) { return a < b ? a : b; }
/* x > limit ? a : b */
INLINE V choose_above(V x, V limit, V a, V b) { return x > limit ? a : b; }
INLINE float sum_of(V v) { return v; }
#else
INLINE V load(const float *p) { return (V) * (const L(Unaligned) *)p; }
INLINE void store(float *p, V v) { *(L(Unaligned) *)p = (L(Unaligned))v; }
INLINE V splat(float f) { return f - (V){0}; } /* f - 0 is f even for -0, so the compiler removes it */
/* x > limit ? a : b, lane by lane */
INLINE V choose_above(V x, V limit, V a, V b) {
    I mask = x > limit;
    return (V)(((I)a & mask) | ((I)b & ~mask));
}
INLINE V larger(V a, V b) { return choose_above(a, b, a, b); }
INLINE V smaller(V a, V b) { return choose_above(a, b, b, a); }
/* Sum of the lanes, halving: the order is fixed by LANES. */
INLINE float sum_of(V v) {
#if LANES == 16
    v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
#elif LANES == 8
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
#else
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1);
#endif
    return v[0] + v[1];
}
#endif

/* a b + c: rounded once where the instruction set can (FUSED), else twice. */
INLINE V multiply_add(V a, V b, V c) {
#if !FUSED
    return a * b + c;
#elif LANES == 16
    return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif LANES == 8
    return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif MOST_LANES > 4
    return (V)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
#else
    return (V)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#endif
}

INLINE I bits_of(V v) {
    I i;
    memcpy(&i, &v, sizeof i);
    return i;
}
INLINE V from_bits(I i) {
    V v;
    memcpy(&v, &i, sizeof v);
    return v;
}

/* LANES floats from as many half floats or signed bytes; exact. */
#if LANES == 16
INLINE V load_half(const uint16_t *p) { return (V)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
INLINE V load_byte(const int8_t *p) {
    return (V)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
#elif LANES == 8
INLINE V load_half(const uint16_t *p) { return (V)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
INLINE V load_byte(const int8_t *p) {
    return (V)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
#elif LANES == 4
/* Shift exponent and fraction into place; 2^112 corrects the exponent bias. */
INLINE V load_half(const uint16_t *p) {
    const I half = {p[0], p[1], p[2], p[3]};
    const V size = from_bits((half & 0x7fff) << 13) * splat(0x1p112f);
    return from_bits(bits_of(size) | (half & 0x8000) << 16);
}
INLINE V load_byte(const int8_t *p) { return (V){p[0], p[1], p[2], p[3]}; }
#else
INLINE V load_half(const uint16_t *p) {
    const V size = from_bits((*p & 0x7fff) << 13) * 0x1p112f;
    return *p & 0x8000 ? -size : size;
}
INLINE V load_byte(const int8_t *p) { return *p; }
#endif
