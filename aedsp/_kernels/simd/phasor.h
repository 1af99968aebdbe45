/* Logarithms, unit phasors and their angles. Included by width.h for the widest lanes only; n is a multiple of AEDSP_PAD. */

/* ln(max(x, floor)) within 2 ulp, floor a normal number (Moshier, Cephes logf). */
static void L(logarithm)(const float *x, float floor, float *out, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k += LANES) {
        const I bits = bits_of(larger(load(x + k), splat(floor)));
        const V half = from_bits((bits & 0x007fffff) | 0x3f000000); /* 0.5 .. 1 */
        const V exponent = from_bits(((bits >> 23) - 126) + 0x4b400000) - splat(12582912.0f);
        const V e = choose_above(half, splat(0.70710678f), exponent, exponent - splat(1.0f));
        const V m = choose_above(half, splat(0.70710678f), half, half + half) - splat(1.0f), z = m * m;
        V p = splat(7.0376836292e-2f);
        p = multiply_add(p, m, splat(-1.1514610310e-1f));
        p = multiply_add(p, m, splat(1.1676998740e-1f));
        p = multiply_add(p, m, splat(-1.2420140846e-1f));
        p = multiply_add(p, m, splat(1.4249322787e-1f));
        p = multiply_add(p, m, splat(-1.6668057665e-1f));
        p = multiply_add(p, m, splat(2.0000714765e-1f));
        p = multiply_add(p, m, splat(-2.4999993993e-1f));
        p = multiply_add(p, m, splat(3.3333331174e-1f));
        p = multiply_add(p * m, z, splat(-2.12194440e-4f) * e);
        p = multiply_add(splat(-0.5f), z, p);
        store(out + k, multiply_add(splat(0.693359375f), e, m + p));
    }
}

/* exp(2πi turns) within 2e-7, |turns| < 2^20: nearest quarter turn, remainder by polynomials (Cephes sinf, cosf). */
static void L(phasors)(const float *turns, float *re, float *im, ptrdiff_t n) {
    const V shifter = splat(12582912.0f); /* 1.5 2^23: adding it rounds to an integer in the low bits */
    for (ptrdiff_t k = 0; k < n; k += LANES) {
        const V t = load(turns + k), shifted = multiply_add(t, splat(4.0f), shifter);
        const I quarter = bits_of(shifted) & 3, odd = -(quarter & 1);
        const V a = multiply_add(shifter - shifted, splat(0.25f), t) * splat(6.28318531f), z = a * a;
        V p = multiply_add(z, splat(-1.9515295891e-4f), splat(8.3321608736e-3f));
        p = multiply_add(z, p, splat(-1.6666654611e-1f));
        const V sine = multiply_add(a * z, p, a);
        V q = multiply_add(z, splat(2.443315712e-5f), splat(-1.388731625e-3f));
        q = multiply_add(z, q, splat(4.166664568e-2f));
        const V cosine = multiply_add(z * z, q, multiply_add(splat(-0.5f), z, splat(1.0f)));
        const I s = bits_of(sine), c = bits_of(cosine);
        store(re + k, from_bits(((s & odd) | (c & ~odd)) ^ (((quarter + 1) & 2) << 30)));
        store(im + k, from_bits(((c & odd) | (s & ~odd)) ^ ((quarter & 2) << 30)));
    }
}

/* The angle of re + i im in turns, -0.5 .. 0.5, within 2e-7; 0 where both are 0 (Cephes atanf on the smaller quotient). */
static void L(angles)(const float *re, const float *im, float *turns, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k += LANES) {
        const V x = load(re + k), y = load(im + k), zero = splat(0);
        const V width = larger(x, -x), height = larger(y, -y);
        const V most = larger(width, height), least = smaller(width, height);
        const V q = least / larger(most, splat(1e-37f));
        const V far = splat(0.41421356f); /* tan π/8 */
        const V t = choose_above(q, far, (q - splat(1.0f)) / (q + splat(1.0f)), q), z = t * t;
        V p = multiply_add(splat(8.05374449538e-2f), z, splat(-1.38776856032e-1f));
        p = multiply_add(p, z, splat(1.99777106478e-1f));
        p = multiply_add(p, z, splat(-3.33329491539e-1f));
        V a = multiply_add(multiply_add(p * z, t, t), splat(0.15915494f), choose_above(q, far, splat(0.125f), zero));
        a = choose_above(height, width, splat(0.25f) - a, a);
        a = choose_above(zero, x, splat(0.5f) - a, a);
        store(turns + k, choose_above(zero, y, -a, a));
    }
}
