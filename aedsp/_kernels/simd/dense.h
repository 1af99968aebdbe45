/* Matrix times vector in float32, both ways round, and the activation functions. Included by width.h for the widest lanes only.
 *
 * Several sums run side by side: one running sum per row would wait for itself, and would not be vectorised.
 */
/* y = bias + weight x. weight: AEDSP_ROWS x .. rows of n_in floats, n_in a multiple of AEDSP_PAD, n_out of AEDSP_ROWS. */
static void L(dense_forward)(const float *restrict weight, const float *restrict bias, const float *restrict x,
                             float *restrict y, ptrdiff_t n_out, ptrdiff_t n_in) {
    for (ptrdiff_t j = 0; j < n_out; j += AEDSP_ROWS) {
        const float *w = weight + j * n_in;
        V sum[AEDSP_ROWS];
        UNROLL for (int r = 0; r < AEDSP_ROWS; r++) sum[r] = splat(0);
        for (ptrdiff_t k = 0; k < n_in; k += LANES) {
            const V xk = load(x + k);
            UNROLL for (int r = 0; r < AEDSP_ROWS; r++) sum[r] += load(w + r * n_in + k) * xk;
        }
        UNROLL for (int r = 0; r < AEDSP_ROWS; r++) y[j + r] = bias[j + r] + sum_of(sum[r]);
    }
}

/* sum += Σ factors[r] rows[r], over n floats, a multiple of AEDSP_PAD. */
static void L(dense_accumulate)(const float *const *rows, const float *factors, ptrdiff_t n_rows, float *restrict sum,
                                ptrdiff_t n) {
    ptrdiff_t j = 0;
    for (; j + AEDSP_ROWS <= n_rows; j += AEDSP_ROWS) {
        const float *w[AEDSP_ROWS];
        V f[AEDSP_ROWS];
        UNROLL for (int r = 0; r < AEDSP_ROWS; r++) w[r] = rows[j + r], f[r] = splat(factors[j + r]);
        for (ptrdiff_t k = 0; k < n; k += LANES) {
            V even = load(sum + k), odd = splat(0);
            UNROLL for (int r = 0; r < AEDSP_ROWS; r += 2) {
                even += load(w[r] + k) * f[r];
                odd += load(w[r + 1] + k) * f[r + 1];
            }
            store(sum + k, even + odd);
        }
    }
    for (; j < n_rows; j++) {
        const V f = splat(factors[j]);
        for (ptrdiff_t k = 0; k < n; k += LANES) store(sum + k, load(sum + k) + load(rows[j] + k) * f);
    }
}

/* e^x within 2 ulp for -87 <= x <= 88, clamped there: 2^n times a polynomial (Moshier, Cephes expf). */
INLINE V L(exponential)(V x) {
    x = smaller(larger(x, splat(-87.0f)), splat(88.0f));
    const V shifter = splat(12582912.0f); /* 1.5 2^23: adding it rounds to an integer in the low bits */
    const V shifted = x * splat(1.44269504f) + shifter;
    const V n = shifted - shifter;
    const V r = x - n * splat(0.693359375f) + n * splat(2.12194440e-4f);
    V p = splat(1.9875691500e-4f);
    p = p * r + splat(1.3981999507e-3f);
    p = p * r + splat(8.3334519073e-3f);
    p = p * r + splat(4.1665795894e-2f);
    p = p * r + splat(1.6666665459e-1f);
    p = p * r + splat(5.0000001201e-1f);
    p = p * r * r + r + splat(1.0f);
    return from_bits(bits_of(p) + (bits_of(shifted) << 23));
}

/* The activation functions work in place, on n floats, a multiple of AEDSP_PAD. */
static void L(sigmoid)(float *x, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k += LANES) store(x + k, splat(1.0f) / (splat(1.0f) + L(exponential)(-load(x + k))));
}

/* tanh: an odd polynomial below 0.625 (Moshier, Cephes tanhf), 1 - 2 / (e^2|x| + 1) above. */
static void L(tanh)(float *x, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k += LANES) {
        const V v = load(x + k), z = v * v, size = larger(v, -v);
        V p = splat(-5.70498872745e-3f);
        p = p * z + splat(2.06390887954e-2f);
        p = p * z + splat(-5.37397155531e-2f);
        p = p * z + splat(1.33314422036e-1f);
        p = p * z + splat(-3.33332819422e-1f);
        p = p * z * v + v;
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
        even += load(a + k) * load(b + k);
        odd += load(a + k + LANES) * load(b + k + LANES);
    }
    for (; k < n; k += LANES) even += load(a + k) * load(b + k);
    return sum_of(even + odd);
}
