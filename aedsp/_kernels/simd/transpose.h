/* LANES x LANES transpose in registers, and vector reversal. Part of fft.h, for LANES 4, 8 and 16.
 *
 * First 4 x 4 within each 128-bit part of the registers, then across the parts.
 */
#define SHUFFLE __builtin_shufflevector
#if LANES == 4
#define LOW_PAIRS(a, b) SHUFFLE(a, b, 0, 4, 1, 5)
#define HIGH_PAIRS(a, b) SHUFFLE(a, b, 2, 6, 3, 7)
#define LOW_HALVES(a, b) SHUFFLE(a, b, 0, 1, 4, 5)
#define HIGH_HALVES(a, b) SHUFFLE(a, b, 2, 3, 6, 7)
INLINE V reversed(V v) { return SHUFFLE(v, v, 3, 2, 1, 0); }
#elif LANES == 8
#define LOW_PAIRS(a, b) SHUFFLE(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH_PAIRS(a, b) SHUFFLE(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW_HALVES(a, b) SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_HALVES(a, b) SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
INLINE V reversed(V v) { return SHUFFLE(v, v, 7, 6, 5, 4, 3, 2, 1, 0); }
#else
#define LOW_PAIRS(a, b) SHUFFLE(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH_PAIRS(a, b) SHUFFLE(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW_HALVES(a, b) SHUFFLE(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH_HALVES(a, b) SHUFFLE(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
INLINE V reversed(V v) { return SHUFFLE(v, v, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0); }
#endif

INLINE void transpose(V *x) {
    UNROLL for (int g = 0; g < LANES; g += 4) {
        V a = LOW_PAIRS(x[g], x[g + 1]), b = HIGH_PAIRS(x[g], x[g + 1]);
        V c = LOW_PAIRS(x[g + 2], x[g + 3]), d = HIGH_PAIRS(x[g + 2], x[g + 3]);
        x[g] = LOW_HALVES(a, c);
        x[g + 1] = HIGH_HALVES(a, c);
        x[g + 2] = LOW_HALVES(b, d);
        x[g + 3] = HIGH_HALVES(b, d);
    }
#if LANES == 8
    UNROLL for (int k = 0; k < 4; k++) {
        V a = x[k], b = x[k + 4];
        x[k] = SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
        x[k + 4] = SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
#elif LANES == 16
    UNROLL for (int k = 0; k < 4; k++) {
        V a = SHUFFLE(x[k], x[k + 4], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        V b = SHUFFLE(x[k], x[k + 4], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
        V c = SHUFFLE(x[k + 8], x[k + 12], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        V d = SHUFFLE(x[k + 8], x[k + 12], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
        x[k] = SHUFFLE(a, c, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
        x[k + 4] = SHUFFLE(a, c, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
        x[k + 8] = SHUFFLE(b, d, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
        x[k + 12] = SHUFFLE(b, d, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    }
#endif
}
#undef SHUFFLE
#undef LOW_PAIRS
#undef HIGH_PAIRS
#undef LOW_HALVES
#undef HIGH_HALVES
