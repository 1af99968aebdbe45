/* The activation functions, and a dot product. Included by width.h for the widest lanes only. */
/* e^x within 2 ulp for -87 <= x <= 88, clamped there: 2^n times a polynomial (Moshier, Cephes expf). */
INLINE V L(exponential)(V x) {
    x = smaller(larger(x, splat(-87.0f)), splat(88.0f));
    const V shifter = splat(12582912.0f); /* 1.5 2^23: adding it rounds to an integer in the low bits */
    const V shifted = multiply_add(x, splat(1.44269504f), shifter);
    const V n = shifted - shifter;
    const V r = multiply_add(n, splat(2.12194440e-4f), multiply_add(n, splat(-0.693359375f), x));
    V p = splat(1.9875691500e-4f);
    p = multiply_add(p, r, splat(1.3981999507e-3f));
    p = multiply_add(p, r, splat(8.3334519073e-3f));
    p = multiply_add(p, r, splat(4.1665795894e-2f));
    p = multiply_add(p, r, splat(1.6666665459e-1f));
    p = multiply_add(p, r, splat(5.0000001201e-1f));
    p = multiply_add(p * r, r, r) + splat(1.0f);
    return from_bits(bits_of(p) + (bits_of(shifted) << 23));
}

/* The activation functions work in place on n floats, n a multiple of AEDSP_PAD. */
static void L(sigmoid)(float *x, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k += LANES) store(x + k, splat(1.0f) / (splat(1.0f) + L(exponential)(-load(x + k))));
}

/* tanh: an odd polynomial below 0.625 (Moshier, Cephes tanhf), 1 - 2 / (e^2|x| + 1) above. */
static void L(tanh)(float *x, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k += LANES) {
        const V v = load(x + k), z = v * v, size = larger(v, -v);
        V p = splat(-5.70498872745e-3f);
        p = multiply_add(p, z, splat(2.06390887954e-2f));
        p = multiply_add(p, z, splat(-5.37397155531e-2f));
        p = multiply_add(p, z, splat(1.33314422036e-1f));
        p = multiply_add(p, z, splat(-3.33332819422e-1f));
        p = multiply_add(p * z, v, v);
        const V far = splat(1.0f) - splat(2.0f) / (L(exponential)(size + size) + splat(1.0f));
        store(x + k, choose_above(size, splat(0.625f), choose_above(v, splat(0), far, -far), p));
    }
}

static void L(relu)(float *x, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k += LANES) store(x + k, larger(load(x + k), splat(0)));
}

static float L(dot)(const float *a, const float *b, ptrdiff_t n) {
    V even = splat(0), odd = splat(0);
    ptrdiff_t k = 0;
    for (; k + 2 * LANES <= n; k += 2 * LANES) {
        even = multiply_add(load(a + k), load(b + k), even);
        odd = multiply_add(load(a + k + LANES), load(b + k + LANES), odd);
    }
    for (; k < n; k += LANES) even = multiply_add(load(a + k), load(b + k), even);
    return sum_of(even + odd);
}
