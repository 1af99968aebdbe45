/* The table of vector loops: one body of source, compiled once per instruction set, chosen at import.
 *
 * Everything here works on float32, allocates nothing, takes no lock and is independent of Python.
 * `_cpu.pyx` selects the table; the `.pyx` files in the parent folder document what they call.
 */
#ifndef AEDSP_KERNELS_H
#define AEDSP_KERNELS_H

#include <stddef.h>

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 12
#error "aedsp needs gcc 12 or newer, or clang: older gcc has no __builtin_shufflevector (CC=clang pip install ...)"
#endif

/* Weight rows and spectra are padded to a multiple of this many floats, for every instruction set. */
#define AEDSP_PAD 16
/* Weight rows are stored in groups of AEDSP_ROWS, interleaved: the first AEDSP_TURN numbers of every row, then the next
 * AEDSP_TURN of every row, ... A pass over the group reads memory sequentially. For half floats a cache line each. */
#define AEDSP_ROWS 8
#define AEDSP_TURN 32
/* Maximum vectors per pass over the weights; of these, the maximum in registers at once. */
#define AEDSP_SPECTRA 16
#define AEDSP_SPECTRA_AT_ONCE 4
/* Maximum SIMD vectors of a row that the decoder processes at once. */
#define AEDSP_VECTORS 4
/* Rows that it processes at once when decoding three or more vectors; a multiple of AEDSP_ROWS. */
#define AEDSP_MANY_ROWS 64
/* Weight formats: float, IEEE half, signed byte. Weights are a row's numbers times its scale. */
#define AEDSP_STORAGES 3
#define AEDSP_MOST_STAGES 16
/* Samples and magnitudes above this are invalid. */
#define AEDSP_LOUDEST 16

/* Tables and scratch of one real FFT. Created by fft.pyx; one plan per thread, because it holds the scratch.
 *
 * A transform of n points runs as `lanes` interleaved real transforms of n / lanes points, each as a complex one
 * of `rows` = n / (2 lanes) points. A row is `lanes` real parts followed by `lanes` imaginary parts.
 */
typedef struct {
    int n, lanes, rows, n_stages;
    int radix[AEDSP_MOST_STAGES];
    float scale;          /* 1 / n, for the inverse */
    float *stage_twiddle; /* (re, im) of exp(-2πi p k / m), stage by stage */
    float *split_twiddle; /* (re, im) of exp(-2πi k / (2 rows)), k = 0 .. rows / 2 */
    float *lane_forward;  /* row k, lane l: exp(-2πi k l / n) / 2, in row 0 exp(0) */
    float *lane_inverse;  /* row k, lane l: exp(+2πi k l / n) / n */
    float *middle_forward, *middle_inverse; /* lanes x lanes: the DFT of the rows' own Nyquist bins */
    float *scratch[3];    /* n floats each */
} FftPlan;

typedef struct {
    int lanes;       /* widest vector, in floats */
    int fast_halves; /* whether the processor converts half floats in hardware */

    /* fft.pyx */
    void (*fft_forward)(const FftPlan *, const float *x, float *re, float *im);
    void (*fft_inverse)(const FftPlan *, const float *re, const float *im, float *x);

    /* window.pyx, overlap_add.pyx, stft.pyx, phase.pyx, blend.pyx, preprocess.pyx, limiter.pyx, _rt/engine.pyx */
    void (*multiply)(const float *a, const float *b, float *out, ptrdiff_t n);
    void (*overlap_add)(const float *frame, const float *window, float *sum, float *out, ptrdiff_t n, ptrdiff_t hop);
    ptrdiff_t (*polar)(const float *re, const float *im, float scale, float floor, float *magnitude,
                       float *unit_re, float *unit_im, ptrdiff_t n);
    void (*run_on)(const float *magnitude, float floor, const float *turn_re, const float *turn_im, float *unit_re,
                   float *unit_im, ptrdiff_t n);
    void (*turn)(const float *magnitude, const float *unit_re, const float *unit_im, float scale, float *re, float *im,
                 ptrdiff_t n);
    void (*detail)(const float *neutral, const float *original, float detail, float *decoded, ptrdiff_t n);
    void (*mix)(const float *magnitude, const float *unit_re, const float *unit_im, float scale, float mix,
                const float *original_re, const float *original_im, float *re, float *im, ptrdiff_t n);
    void (*clamp)(float *x, float loudest, ptrdiff_t n);
    ptrdiff_t (*accept)(const float *x, ptrdiff_t step, float loudest, float *out, ptrdiff_t n);
    void (*ceilings)(const float *audio, float *gain, ptrdiff_t n_frames, ptrdiff_t n_channels);
    void (*lean)(const float *x, ptrdiff_t shift, float step, float *out, ptrdiff_t n);
    ptrdiff_t (*limit)(float *audio, const float *gain, ptrdiff_t n_frames, ptrdiff_t n_channels);
    int (*exceeds)(const float *x, float level, ptrdiff_t n);

    /* dense.pyx: one for each weight format */
    void (*dense_forward[AEDSP_STORAGES])(const void *weight, const float *scale, const float *bias, const float *const *x,
                                          float *const *y, ptrdiff_t n_out, ptrdiff_t n_in, int n_spectra);
    void (*dense_accumulate[AEDSP_STORAGES])(const void *const *rows, const float *factors, ptrdiff_t n_rows,
                                             float *const *sum, ptrdiff_t n, int n_spectra);
    void (*sigmoid)(float *x, ptrdiff_t n);
    void (*tanh)(float *x, ptrdiff_t n);
    void (*relu)(float *x, ptrdiff_t n);

    /* phase.pyx, pghi.pyx, time_stretch.pyx */
    void (*logarithm)(const float *x, float floor, float *out, ptrdiff_t n);
    void (*phasors)(const float *turns, float *re, float *im, ptrdiff_t n);
    void (*angles)(const float *re, const float *im, float *turns, ptrdiff_t n);

    /* resample.pyx */
    float (*dot)(const float *a, const float *b, ptrdiff_t n);
} Kernels;

/* The table called `name`, or the best that this processor can run if `name` is NULL or empty. NULL: unknown name, or
 * not supported by this processor. */
const Kernels *aedsp_select_kernels(const char *name);
/* Whether a table of that name was compiled in, whether or not it runs here. */
int aedsp_kernels_known(const char *name);
/* Name of the i-th table that this processor can run, from plain to best, without duplicates; NULL past the end. */
const char *aedsp_supported_kernels(int i);

#endif
