/* Times our compiled hop, given the address of `process` of aedsp.h and of the engine, so that the loop runs no Python. */
#include <stddef.h>
#include <time.h>

typedef void engine_process(void *state, const float *x, float *out, ptrdiff_t n_frames);

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Seconds for n calls of `block` frames each. */
double time_process(engine_process *process, void *state, const float *x, float *out, ptrdiff_t block, int n) {
    const double began = seconds(CLOCK_MONOTONIC);
    for (int i = 0; i < n; i++) process(state, x + i * block, out + i * block, block);
    return seconds(CLOCK_MONOTONIC) - began;
}

/* Thread CPU seconds of each of n calls on the same block. */
void process_times(engine_process *process, void *state, const float *x, float *out, ptrdiff_t block, int n, double *times) {
    for (int i = 0; i < n; i++) {
        const double began = seconds(CLOCK_THREAD_CPUTIME_ID);
        process(state, x, out, block);
        times[i] = seconds(CLOCK_THREAD_CPUTIME_ID) - began;
    }
}
