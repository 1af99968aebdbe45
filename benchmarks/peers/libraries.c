/* The work of fft.pyx and dense.pyx done by FFTW and OpenBLAS, and the timing of both sides. against_libraries.py
 * compiles this file and passes it the addresses of our compiled functions, so that no loop runs Python. */
#define _GNU_SOURCE
#include <cblas.h>
#include <complex.h>
#include <dlfcn.h>
#include <fftw3.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

typedef void fft_forward(const void *plan, const float *x, float *re, float *im);
typedef void fft_inverse(const void *plan, const float *re, const float *im, float *x);
typedef struct { const float *factor, *override, *target; float target_amount; } UnitGains;
typedef void stack_run(void *stack, const float **x, float **code, const UnitGains *gains, int n_spectra, int neutral);

double time_forward(fft_forward *f, const void *plan, const float *x, float *re, float *im, int n) {
    double t = now();
    for (int i = 0; i < n; i++) f(plan, x, re, im);
    return (now() - t) / n;
}
double time_inverse(fft_inverse *f, const void *plan, const float *re, const float *im, float *x, int n) {
    double t = now();
    for (int i = 0; i < n; i++) f(plan, re, im, x);
    return (now() - t) / n;
}
double time_stack(stack_run *run, void *stack, const float *x, float *code, const float *factor, const float *override,
                  int n) {
    const UnitGains gains = {factor, override, factor, 0};
    double t = now();
    for (int i = 0; i < n; i++) run(stack, &x, &code, &gains, 1, 0);
    return (now() - t) / n;
}

/* FFTW_MEASURE, real to complex and back, out of place. */
static fftwf_plan forward, inverse;
void fftw_make(int n, float *x, float *spectrum) {
    forward = fftwf_plan_dft_r2c_1d(n, x, (fftwf_complex *)spectrum, FFTW_MEASURE);
    inverse = fftwf_plan_dft_c2r_1d(n, (fftwf_complex *)spectrum, x, FFTW_MEASURE);
}
double time_fftw(int backwards, int n) {
    fftwf_plan plan = backwards ? inverse : forward;
    double t = now();
    for (int i = 0; i < n; i++) fftwf_execute(plan);
    return (now() - t) / n;
}

/* The same by MKL, through its FFTW interface; 0 if the library at `path` has none. */
typedef fftwf_plan plan_r2c(int, float *, fftwf_complex *, unsigned);
typedef fftwf_plan plan_c2r(int, fftwf_complex *, float *, unsigned);
static fftwf_plan mkl_forward, mkl_inverse;
static void (*mkl_execute)(fftwf_plan);
int mkl_make(const char *path, int n, float *x, float *spectrum) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return 0;
    plan_r2c *forwards = (plan_r2c *)dlsym(library, "fftwf_plan_dft_r2c_1d");
    plan_c2r *backwards = (plan_c2r *)dlsym(library, "fftwf_plan_dft_c2r_1d");
    mkl_execute = (void (*)(fftwf_plan))dlsym(library, "fftwf_execute");
    if (!forwards || !backwards || !mkl_execute) return 0;
    mkl_forward = forwards(n, x, (fftwf_complex *)spectrum, FFTW_MEASURE);
    mkl_inverse = backwards(n, (fftwf_complex *)spectrum, x, FFTW_MEASURE);
    return mkl_forward && mkl_inverse;
}
double time_mkl(int backwards, int n) {
    fftwf_plan plan = backwards ? mkl_inverse : mkl_forward;
    double t = now();
    for (int i = 0; i < n; i++) mkl_execute(plan);
    return (now() - t) / n;
}

/* y = sigmoid(W x + b), z = V' y + c: two sgemv and a loop of expf. */
double time_blas(const float *W, const float *V, const float *b, const float *c, const float *x, float *y, float *z,
                 int units, int bins, int n) {
    double t = now();
    for (int i = 0; i < n; i++) {
        memcpy(y, b, sizeof(float) * units);
        cblas_sgemv(CblasRowMajor, CblasNoTrans, units, bins, 1, W, bins, x, 1, 1, y, 1);
        for (int j = 0; j < units; j++) y[j] = 1 / (1 + expf(-y[j]));
        memcpy(z, c, sizeof(float) * bins);
        cblas_sgemv(CblasRowMajor, CblasTrans, units, bins, 1, V, bins, y, 1, 1, z, 1);
    }
    return (now() - t) / n;
}
