/* Rows of weights times vectors, for one way of storing the weights. Included by dense.h once for each: STORED is the type,
 * `widen` makes LANES floats of it, D names the functions; all three are taken back here.
 *
 * Up to AEDSP_FRAMES vectors go through one pass, so that the weights are read once for all of them: a block of rows, then
 * the same block, now in the nearest cache, for the next AEDSP_FRAMES_AT_ONCE vectors; where all rows are near, all of them.
 * Each sum runs in an order of its own that neither the number of vectors nor that of the rows at once changes: along k in
 * `forward`, row by row in `accumulate`. So results are the same bits in any company, and a row whose factors are zero may as
 * well be left out.
 */

/* y[f] = bias + scale · weight x[f] */
INLINE void D(forward)(const STORED *weight, const float *scale, const float *bias, const float *const *x, float *const *y,
                       ptrdiff_t first, ptrdiff_t stop, ptrdiff_t n_in, const int n_frames, const int n_rows) {
    for (ptrdiff_t j = first; j < stop; j += n_rows) {
        const STORED *w = weight + j * n_in;
        V sum[AEDSP_ROWS][AEDSP_FRAMES_AT_ONCE];
        UNROLL for (int r = 0; r < n_rows; r++)
            UNROLL for (int f = 0; f < n_frames; f++) sum[r][f] = splat(0);
        for (ptrdiff_t k = 0; k < n_in; k += LANES) {
            V xk[AEDSP_FRAMES_AT_ONCE];
            UNROLL for (int f = 0; f < n_frames; f++) xk[f] = load(x[f] + k);
            UNROLL for (int r = 0; r < n_rows; r++) {
                const V wk = widen(w + r * n_in + k);
                UNROLL for (int f = 0; f < n_frames; f++) sum[r][f] += wk * xk[f];
            }
        }
        UNROLL for (int r = 0; r < n_rows; r++)
            UNROLL for (int f = 0; f < n_frames; f++) y[f][j + r] = bias[j + r] + scale[j + r] * sum_of(sum[r][f]);
    }
}

/* sum[f] += Σ factors[r][f] rows[r], r = 0 .. n_rows - 1; `stride` factors a row. */
INLINE void D(accumulate_some)(const STORED *const *rows, const float *factors, ptrdiff_t stride, float *const *sum,
                               ptrdiff_t n, const int n_frames, const int n_rows) {
    const STORED *w[AEDSP_ROWS];
    V y[AEDSP_ROWS][AEDSP_FRAMES_AT_ONCE];
    UNROLL for (int r = 0; r < n_rows; r++) {
        w[r] = rows[r];
        UNROLL for (int f = 0; f < n_frames; f++) y[r][f] = splat(factors[r * stride + f]);
    }
    for (ptrdiff_t k = 0; k < n; k += LANES) {
        V s[AEDSP_FRAMES_AT_ONCE];
        UNROLL for (int f = 0; f < n_frames; f++) s[f] = load(sum[f] + k);
        UNROLL for (int r = 0; r < n_rows; r++) {
            const V wk = widen(w[r] + k);
            UNROLL for (int f = 0; f < n_frames; f++) s[f] += wk * y[r][f];
        }
        UNROLL for (int f = 0; f < n_frames; f++) store(sum[f] + k, s[f]);
    }
}

INLINE void D(accumulate)(const STORED *const *rows, const float *factors, ptrdiff_t stride, ptrdiff_t n_rows,
                          float *const *sum, ptrdiff_t n, const int n_frames, const int at_once) {
    ptrdiff_t j = 0;
    for (; j + at_once <= n_rows; j += at_once)
        D(accumulate_some)(rows + j, factors + j * stride, stride, sum, n, n_frames, at_once);
    for (; j < n_rows; j++) D(accumulate_some)(rows + j, factors + j * stride, stride, sum, n, n_frames, 1);
}

/* Rows at once: as many sums as the registers hold. */
static void D(dense_forward)(const void *weight, const float *scale, const float *bias, const float *const *x,
                             float *const *y, ptrdiff_t n_out, ptrdiff_t n_in, int n_frames) {
    const ptrdiff_t block = n_out * n_in * (ptrdiff_t)sizeof(STORED) > AEDSP_NEAR ? AEDSP_BLOCK : n_out;
    for (ptrdiff_t j = 0; j < n_out; j += block) {
        const ptrdiff_t stop = j + block < n_out ? j + block : n_out;
        for (int f = 0; f < n_frames; f += AEDSP_FRAMES_AT_ONCE) {
            const int left = n_frames - f;
            if (left == 1) D(forward)(weight, scale, bias, x + f, y + f, j, stop, n_in, 1, 8);
            else if (left == 2) D(forward)(weight, scale, bias, x + f, y + f, j, stop, n_in, 2, LANES == 16 ? 8 : 4);
            else if (left == 3) D(forward)(weight, scale, bias, x + f, y + f, j, stop, n_in, 3, LANES == 16 ? 4 : 2);
            else D(forward)(weight, scale, bias, x + f, y + f, j, stop, n_in, 4, LANES == 16 ? 4 : 2);
        }
    }
}

static void D(dense_accumulate)(const void *const *rows, const float *factors, ptrdiff_t n_rows, float *const *sum,
                                ptrdiff_t n, int n_frames) {
    const ptrdiff_t block = n_rows * n * (ptrdiff_t)sizeof(STORED) > AEDSP_NEAR ? AEDSP_BLOCK : n_rows;
    for (ptrdiff_t j = 0; j < n_rows; j += block) {
        const STORED *const *w = (const STORED *const *)rows + j;
        const ptrdiff_t some = j + block < n_rows ? block : n_rows - j;
        for (int f = 0; f < n_frames; f += AEDSP_FRAMES_AT_ONCE) {
            const int left = n_frames - f;
            const float *y = factors + j * n_frames + f;
            if (left == 1) D(accumulate)(w, y, n_frames, some, sum + f, n, 1, 8);
            else if (left == 2) D(accumulate)(w, y, n_frames, some, sum + f, n, 2, LANES == 16 ? 8 : 4);
            else if (left == 3) D(accumulate)(w, y, n_frames, some, sum + f, n, 3, LANES == 16 ? 4 : 2);
            else D(accumulate)(w, y, n_frames, some, sum + f, n, 4, LANES == 16 ? 4 : 2);
        }
    }
}

#undef STORED
#undef D
#undef widen
