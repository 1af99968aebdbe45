/* Real FFT over LANES interleaved transforms. Included by width.h once per lane width; requires n >= 2 LANES².
 *
 * x[n1 LANES + lane]: every lane holds a real sequence of n / LANES points.
 *   1. `stages`: each lane's sequence, taken as a complex one of half the length (even points real, odd points imaginary),
 *      through a Stockham FFT of radix 8, 4 and 2. All lanes do the same, so no shuffles are needed.
 *   2. `split`: from the half-length complex spectrum to the spectrum of the real sequence, times exp(-2πi k1 lane / n).
 *   3. `lane_dft`: blocks of LANES rows are transposed, and a DFT of LANES points across registers gives bins
 *      k1 + k2 n/LANES; the upper half are mirror images of bins below n/2.
 * The inverse runs the steps backwards; a forward DFT with real and imaginary parts swapped is an inverse one.
 * References: C. Temperton (1983), "Self-sorting mixed-radix fast Fourier transforms"; D. Bailey (1990),
 * "FFTs in external or hierarchical memory" (the four-step method).
 */
#define C L(Complex)
#define ROW(p, k) ((p) + (ptrdiff_t)(k) * 2 * LANES)
#define SQRT_HALF 0.70710678118654752f

typedef struct { V re, im; } C;

#define add L(add)
#define subtract L(subtract)
#define times L(times)
#define add_scaled L(add_scaled)
#define times_minus_i L(times_minus_i)
#define load_row L(load_row)
#define store_row L(store_row)
#define butterfly4 L(butterfly4)
#define butterfly8 L(butterfly8)
#define butterfly L(butterfly)
#define lane_dft L(lane_dft)
#define transpose L(transpose)
#define reversed L(reversed)

INLINE C add(C a, C b) { return (C){a.re + b.re, a.im + b.im}; }
INLINE C subtract(C a, C b) { return (C){a.re - b.re, a.im - b.im}; }
INLINE C times(C a, V re, V im) {
    return (C){multiply_add(a.re, re, -(a.im * im)), multiply_add(a.re, im, a.im * re)};
}
INLINE C add_scaled(C a, C b, V scale) { return (C){multiply_add(b.re, scale, a.re), multiply_add(b.im, scale, a.im)}; }
INLINE C times_minus_i(C a) { return (C){a.im, -a.re}; }
/* re, im: offsets of the parts in a row, 0 and LANES; swapped for an inverse transform. */
INLINE C load_row(const float *row, int re, int im) { return (C){load(row + re), load(row + im)}; }
INLINE void store_row(float *row, C a, int re, int im) {
    store(row + re, a.re);
    store(row + im, a.im);
}

/* Forward DFTs of 4 and 8 points, in place, natural order. */
INLINE void butterfly4(C *x0, C *x1, C *x2, C *x3) {
    C a = add(*x0, *x2), b = subtract(*x0, *x2), c = add(*x1, *x3), d = times_minus_i(subtract(*x1, *x3));
    *x0 = add(a, c);
    *x1 = add(b, d);
    *x2 = subtract(a, c);
    *x3 = subtract(b, d);
}
INLINE void butterfly8(C *x) {
    butterfly4(&x[0], &x[2], &x[4], &x[6]);
    butterfly4(&x[1], &x[3], &x[5], &x[7]);
    C o0 = x[1], o2 = times_minus_i(x[5]);
    C o1 = {x[3].re + x[3].im, x[3].im - x[3].re}, o3 = {x[7].im - x[7].re, -(x[7].re + x[7].im)}; /* times √½ below */
    C e0 = x[0], e1 = x[2], e2 = x[4], e3 = x[6];
    x[0] = add(e0, o0), x[4] = subtract(e0, o0);
    x[1] = add_scaled(e1, o1, splat(SQRT_HALF)), x[5] = add_scaled(e1, o1, splat(-SQRT_HALF));
    x[2] = add(e2, o2), x[6] = subtract(e2, o2);
    x[3] = add_scaled(e3, o3, splat(SQRT_HALF)), x[7] = add_scaled(e3, o3, splat(-SQRT_HALF));
}
INLINE void butterfly(const int radix, C *x) {
    if (radix == 8) {
        butterfly8(x);
    } else if (radix == 4) {
        butterfly4(&x[0], &x[1], &x[2], &x[3]);
    } else {
        C a = x[0];
        x[0] = add(a, x[1]);
        x[1] = subtract(a, x[1]);
    }
}

/* One Stockham pass: m groups of `radix` points, s transforms side by side. */
#define stage L(stage)
INLINE void stage(const int radix, const int twiddled, const float *restrict x, float *restrict y, ptrdiff_t m, ptrdiff_t s,
                  const float *restrict w, int re, int im) {
    for (ptrdiff_t p = 0; p < m; p++, w += 2 * (radix - 1))
        for (ptrdiff_t q = 0; q < s; q++) {
            const float *from = ROW(x, q + s * p);
            float *to = ROW(y, q + s * radix * p);
            C v[8];
            UNROLL for (int k = 0; k < radix; k++) v[k] = load_row(ROW(from, k * m * s), re, im);
            butterfly(radix, v);
            if (twiddled) {
                UNROLL for (int k = 1; k < radix; k++) v[k] = times(v[k], splat(w[2 * k - 2]), splat(w[2 * k - 1]));
            }
            UNROLL for (int k = 0; k < radix; k++) store_row(ROW(to, k * s), v[k], re, im);
        }
}
#define AEDSP_STAGE(name, radix, twiddled)                                                                               \
    static void L(name)(const float *restrict x, float *restrict y, ptrdiff_t m, ptrdiff_t s, const float *restrict w,   \
                        int re, int im) {                                                                                \
        stage(radix, twiddled, x, y, m, s, w, re, im);                                                                   \
    }
AEDSP_STAGE(stage8, 8, 1)
AEDSP_STAGE(stage8_last, 8, 0)
AEDSP_STAGE(stage4, 4, 1)
AEDSP_STAGE(stage4_last, 4, 0)
AEDSP_STAGE(stage2, 2, 1)
#undef AEDSP_STAGE

/* All passes from x, alternating between a and b; the last writes to `end` if given. Returns where the result is. */
static const float *L(stages)(const FftPlan *plan, const float *x, float *a, float *b, float *end, int re, int im) {
    const float *from = x, *w = plan->stage_twiddle;
    ptrdiff_t left = plan->rows, s = 1;
    for (int j = 0; j < plan->n_stages; j++) {
        const int radix = plan->radix[j], last = j == plan->n_stages - 1;
        const ptrdiff_t m = left / radix;
        float *to = last && end ? end : (from == a ? b : a);
        if (radix == 8)
            (last ? L(stage8_last) : L(stage8))(from, to, m, s, w, re, im);
        else if (radix == 4)
            (last ? L(stage4_last) : L(stage4))(from, to, m, s, w, re, im);
        else
            L(stage2)(from, to, m, s, w, re, im);
        w += 2 * (radix - 1) * m;
        from = to;
        left = m;
        s *= radix;
    }
    return from;
}

/* Complex half-length spectra z to the real sequences' spectra a, rows 0 .. rows - 1; returns row `rows`, which is real. */
static V L(split)(const FftPlan *plan, const float *restrict z, float *restrict a) {
    const int rows = plan->rows;
    const float *restrict w = plan->split_twiddle, *restrict lane = plan->lane_forward;
    C z0 = load_row(z, 0, LANES);
    store_row(a, (C){z0.re + z0.im, splat(0)}, 0, LANES);
    for (int k = 1; k <= rows / 2; k++) {
        C p = load_row(ROW(z, k), 0, LANES), q = load_row(ROW(z, rows - k), 0, LANES);
        C even = {p.re + q.re, p.im - q.im}, odd = {p.im + q.im, q.re - p.re};
        odd = times(odd, splat(w[2 * k]), splat(w[2 * k + 1]));
        C low = add(even, odd), high = {even.re - odd.re, odd.im - even.im};
        C t = load_row(ROW(lane, k), 0, LANES), u = load_row(ROW(lane, rows - k), 0, LANES);
        store_row(ROW(a, k), times(low, t.re, t.im), 0, LANES);
        store_row(ROW(a, rows - k), times(high, u.re, u.im), 0, LANES);
    }
    return z0.re - z0.im;
}
/* The inverse of `split`, scaled by 1 / n; `middle` is row `rows`, already scaled. */
static void L(unsplit)(const FftPlan *plan, const float *restrict a, float *restrict z, V middle) {
    const int rows = plan->rows;
    const float *restrict w = plan->split_twiddle, *restrict lane = plan->lane_inverse;
    const V first = load(a), scale = splat(plan->scale);
    store_row(z, (C){multiply_add(first, scale, middle), multiply_add(first, scale, -middle)}, 0, LANES);
    for (int k = 1; k <= rows / 2; k++) {
        C t = load_row(ROW(lane, k), 0, LANES), u = load_row(ROW(lane, rows - k), 0, LANES);
        C low = times(load_row(ROW(a, k), 0, LANES), t.re, t.im);
        C high = times(load_row(ROW(a, rows - k), 0, LANES), u.re, u.im);
        C even = {low.re + high.re, low.im - high.im}, odd = {low.re - high.re, low.im + high.im};
        odd = times(odd, splat(w[2 * k]), -splat(w[2 * k + 1]));
        store_row(ROW(z, k), (C){even.re - odd.im, even.im + odd.re}, 0, LANES);
        store_row(ROW(z, rows - k), (C){even.re + odd.im, odd.re - even.im}, 0, LANES);
    }
}

#if LANES == 1
INLINE void transpose(V *x) { (void)x; }
INLINE void lane_dft(C *x) { (void)x; }
INLINE V reversed(V v) { return v; }
#else
#include "transpose.h"
/* DFT of LANES points across LANES registers, in place, natural order. */
INLINE void lane_dft(C *x) {
#if LANES == 16
    /* 4 x 4: columns, twiddles exp(-2πi j k / 16), rows. */
    const float c1 = 0.92387953251128674f, s1 = 0.38268343236508977f, c2 = SQRT_HALF;
    const float re[3][3] = {{c1, c2, s1}, {c2, 0, -c2}, {s1, -c2, -c1}}, im[3][3] = {{-s1, -c2, -c1}, {-c2, -1, -c2}, {-c1, -c2, s1}};
    C y[16];
    UNROLL for (int j = 0; j < 4; j++) butterfly4(&x[j], &x[j + 4], &x[j + 8], &x[j + 12]);
    UNROLL for (int k = 1; k < 4; k++) {
        UNROLL for (int j = 1; j < 4; j++) x[4 * k + j] = times(x[4 * k + j], splat(re[k - 1][j - 1]), splat(im[k - 1][j - 1]));
    }
    UNROLL for (int k = 0; k < 4; k++) {
        butterfly4(&x[4 * k], &x[4 * k + 1], &x[4 * k + 2], &x[4 * k + 3]);
        UNROLL for (int j = 0; j < 4; j++) y[k + 4 * j] = x[4 * k + j];
    }
    UNROLL for (int k = 0; k < 16; k++) x[k] = y[k];
#else
    butterfly(LANES, x);
#endif
}
#endif

/* Of the LANES bins that a block yields per row, the first HALF are stored as is; the rest mirror bins below n/2. */
#define HALF ((LANES + 1) / 2)

static void L(fft_forward)(const FftPlan *plan, const float *x, float *re, float *im) {
    const int n = plan->n, rows = plan->rows;
    const float *z = L(stages)(plan, x, plan->scratch[0], plan->scratch[1], NULL, 0, LANES);
    float *a = z == plan->scratch[0] ? plan->scratch[1] : plan->scratch[0];
    const V middle = L(split)(plan, z, a);
    for (int row = 0; row < rows; row += LANES) {
        V r[LANES], i[LANES];
        C b[LANES];
        UNROLL for (int k = 0; k < LANES; k++) r[k] = load(ROW(a, row + k)), i[k] = load(ROW(a, row + k) + LANES);
        transpose(r);
        transpose(i);
        UNROLL for (int k = 0; k < LANES; k++) b[k] = (C){r[k], i[k]};
        lane_dft(b);
        UNROLL for (int k = 0; k < HALF; k++) store(re + row + 2 * rows * k, b[k].re), store(im + row + 2 * rows * k, b[k].im);
        UNROLL for (int k = HALF; k < LANES; k++) {
            const int bin = n - row - 2 * rows * k - (LANES - 1);
            store(re + bin, reversed(b[k].re));
            store(im + bin, -reversed(b[k].im));
        }
    }
#if LANES == 1
    re[rows] = middle;
#else
    V sum = splat(0);
    UNROLL for (int l = 0; l < LANES; l++) sum = multiply_add(splat(middle[l]), load(plan->middle_forward + l * LANES), sum);
    UNROLL for (int k = 0; k < HALF; k++) re[rows + 2 * rows * k] = sum[k], im[rows + 2 * rows * k] = sum[HALF + k];
#endif
    im[0] = im[n / 2] = 0;
}

static void L(fft_inverse)(const FftPlan *plan, const float *re, const float *im, float *x) {
    const int n = plan->n, rows = plan->rows;
    float *a = plan->scratch[0];
#if LANES == 1
    V middle = re[rows] * plan->scale;
#else
    V middle = splat(0);
    UNROLL for (int k = 0; k < HALF; k++) {
        const int bin = rows + 2 * rows * k;
        const V imaginary = splat(im[bin]) * load(plan->middle_inverse + (HALF + k) * LANES);
        middle += multiply_add(splat(re[bin]), load(plan->middle_inverse + k * LANES), imaginary);
    }
#endif
    for (int row = 0; row < rows; row += LANES) {
        V r[LANES], i[LANES];
        C b[LANES];
        UNROLL for (int k = 0; k < HALF; k++) b[k] = (C){load(im + row + 2 * rows * k), load(re + row + 2 * rows * k)};
        UNROLL for (int k = HALF; k < LANES; k++) {
            const int bin = n - row - 2 * rows * k - (LANES - 1);
            b[k] = (C){-reversed(load(im + bin)), reversed(load(re + bin))};
        }
        lane_dft(b);
        UNROLL for (int k = 0; k < LANES; k++) r[k] = b[k].im, i[k] = b[k].re;
        transpose(r);
        transpose(i);
        UNROLL for (int k = 0; k < LANES; k++) store_row(ROW(a, row + k), (C){r[k], i[k]}, 0, LANES);
    }
    L(unsplit)(plan, a, plan->scratch[1], middle);
    L(stages)(plan, plan->scratch[1], plan->scratch[0], plan->scratch[2], x, LANES, 0);
}

#undef C
#undef ROW
#undef HALF
#undef SQRT_HALF
#undef add
#undef subtract
#undef times
#undef add_scaled
#undef times_minus_i
#undef load_row
#undef store_row
#undef butterfly4
#undef butterfly8
#undef butterfly
#undef stage
#undef lane_dft
#undef transpose
#undef reversed
