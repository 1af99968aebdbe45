/* Weight rows times vectors, for one weight format. Included by dense.h once for each: STORED is the type, `widen`
 * loads it as LANES floats, D names the functions; all three are undefined here.
 *
 * One pass takes up to AEDSP_SPECTRA vectors, so the weights are read once for all of them: a group of rows, then the
 * same group, now in the L1 cache, for the next AEDSP_SPECTRA_AT_ONCE vectors. The order of each sum depends neither on
 * the number of vectors nor on the rows at once: along k in `forward`, row by row in `accumulate`. So each vector's
 * result is bit-identical alone or with others, and rows whose factors are zero can be skipped.
 */
/* Offset from a row's first number to its k-th: the rows of a group are interleaved. */
#define PLACE(k) ((k) / AEDSP_TURN * AEDSP_TURN * AEDSP_ROWS + (k) % AEDSP_TURN)

/* y[f] = bias + scale · weight x[f] for a group of rows, n_rows at once: as many sums as fit in registers */
INLINE void D(forward)(const STORED *group, const float *scale, const float *bias, const float *const *x, float *const *y,
                       ptrdiff_t first, ptrdiff_t n_in, const int n_spectra, const int n_rows) {
    for (int j = 0; j < AEDSP_ROWS; j += n_rows) {
        V sum[AEDSP_ROWS][AEDSP_SPECTRA_AT_ONCE];
        UNROLL for (int r = 0; r < n_rows; r++)
            UNROLL for (int f = 0; f < n_spectra; f++) sum[r][f] = splat(0);
        for (ptrdiff_t k = 0; k < n_in; k += LANES) {
            const STORED *w = group + PLACE((size_t)k) + j * AEDSP_TURN;
            V xk[AEDSP_SPECTRA_AT_ONCE];
            UNROLL for (int f = 0; f < n_spectra; f++) xk[f] = load(x[f] + k);
            UNROLL for (int r = 0; r < n_rows; r++) {
                const V wk = widen(w + r * AEDSP_TURN);
                UNROLL for (int f = 0; f < n_spectra; f++) sum[r][f] = multiply_add(wk, xk[f], sum[r][f]);
            }
        }
        UNROLL for (int r = 0; r < n_rows; r++)
            UNROLL for (int f = 0; f < n_spectra; f++) 
                y[f][first + j + r] = MULTIPLY_ADD(scale[j + r], sum_of(sum[r][f]), bias[j + r]);
    }
}

static void D(dense_forward)(const void *weight, const float *scale, const float *bias, const float *const *x,
                             float *const *y, ptrdiff_t n_out, ptrdiff_t n_in, int n_spectra) {
    const ptrdiff_t stride = (n_in + AEDSP_TURN - 1) / AEDSP_TURN * AEDSP_TURN;
    for (ptrdiff_t j = 0; j < n_out; j += AEDSP_ROWS) {
        const STORED *group = (const STORED *)weight + j * stride;
        for (int f = 0; f < n_spectra; f += AEDSP_SPECTRA_AT_ONCE) {
            const int left = n_spectra - f;
            if (left == 1) D(forward)(group, scale + j, bias + j, x + f, y + f, j, n_in, 1, 8);
            else if (left == 2) D(forward)(group, scale + j, bias + j, x + f, y + f, j, n_in, 2, MANY_REGISTERS ? 8 : 4);
            else if (left == 3) D(forward)(group, scale + j, bias + j, x + f, y + f, j, n_in, 3, MANY_REGISTERS ? 4 : 2);
            else D(forward)(group, scale + j, bias + j, x + f, y + f, j, n_in, 4, MANY_REGISTERS ? 4 : 2);
        }
    }
}

/* sum[f][k ..] += Σ factors[r][f] rows[r][k ..], r = 0 .. n_rows - 1, for n_vectors SIMD vectors of values from k on, a
 * multiple of their length; `stride` factors per row. */
INLINE void D(accumulate_some)(const STORED *const *restrict rows, const float *restrict factors, ptrdiff_t stride,
                               ptrdiff_t n_rows, float *const *restrict sum, ptrdiff_t k, const int n_spectra,
                               const int n_vectors) {
    const size_t place = PLACE((size_t)k);
    V s[AEDSP_SPECTRA_AT_ONCE][AEDSP_VECTORS];
    UNROLL for (int f = 0; f < n_spectra; f++)
        UNROLL for (int v = 0; v < n_vectors; v++) s[f][v] = load(sum[f] + k + v * LANES);
    for (ptrdiff_t j = 0; j < n_rows; j += AEDSP_ROWS)
        UNROLL for (int r = 0; r < AEDSP_ROWS; r++) {
            V w[AEDSP_VECTORS];
            UNROLL for (int v = 0; v < n_vectors; v++) w[v] = widen(rows[j + r] + place + PLACE(v * LANES));
            UNROLL for (int f = 0; f < n_spectra; f++) {
                const V y = splat(factors[(j + r) * stride + f]);
                UNROLL for (int v = 0; v < n_vectors; v++) s[f][v] = multiply_add(w[v], y, s[f][v]);
            }
        }
    UNROLL for (int f = 0; f < n_spectra; f++)
        UNROLL for (int v = 0; v < n_vectors; v++) store(sum[f] + k + v * LANES, s[f][v]);
}

INLINE void D(accumulate)(const STORED *const *rows, const float *factors, ptrdiff_t stride, ptrdiff_t n_rows,
                          float *const *sum, ptrdiff_t n, const int n_spectra, const int n_vectors) {
    const ptrdiff_t whole = n / (n_vectors * LANES) * (n_vectors * LANES);
    for (ptrdiff_t k = 0; k < whole; k += n_vectors * LANES)
        D(accumulate_some)(rows, factors, stride, n_rows, sum, k, n_spectra, n_vectors);
    for (ptrdiff_t k = whole; k < n; k += LANES) D(accumulate_some)(rows, factors, stride, n_rows, sum, k, n_spectra, 1);
}

#define SOME_VECTORS (MANY_REGISTERS ? AEDSP_VECTORS : AEDSP_VECTORS / 2)
/* n_rows: a multiple of AEDSP_ROWS. One or two vectors are memory-bound: read one group of rows at a time in sequence,
 * with the factors in registers. With more vectors, keep the sums in registers for many rows. */
static void D(dense_accumulate)(const void *const *rows, const float *factors, ptrdiff_t n_rows, float *const *sum,
                                ptrdiff_t n, int n_spectra) {
    const ptrdiff_t at_once = n_spectra > 2 ? AEDSP_MANY_ROWS : AEDSP_ROWS;
    for (ptrdiff_t j = 0; j < n_rows; j += at_once) {
        const STORED *const *w = (const STORED *const *)rows + j;
        const ptrdiff_t some = j + at_once < n_rows ? at_once : n_rows - j;
        for (int f = 0; f < n_spectra; f += AEDSP_SPECTRA_AT_ONCE) {
            const int left = n_spectra - f;
            const float *y = factors + j * n_spectra + f;
            if (n_spectra == 1) D(accumulate)(w, y, 1, AEDSP_ROWS, sum, n, 1, AEDSP_VECTORS);
            else if (n_spectra == 2) D(accumulate)(w, y, 2, AEDSP_ROWS, sum, n, 2, SOME_VECTORS);
            else if (left == 1) D(accumulate)(w, y, n_spectra, some, sum + f, n, 1, AEDSP_VECTORS);
            else if (left == 2) D(accumulate)(w, y, n_spectra, some, sum + f, n, 2, SOME_VECTORS);
            else if (left == 3) D(accumulate)(w, y, n_spectra, some, sum + f, n, 3, SOME_VECTORS);
            else D(accumulate)(w, y, n_spectra, some, sum + f, n, 4, SOME_VECTORS);
        }
    }
}

#undef PLACE
#undef SOME_VECTORS
#undef STORED
#undef D
#undef widen
