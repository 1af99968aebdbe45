/* Callbacks for measurement: an empty one as the baseline, and a guard that counts forbidden calls of the compiled one.
 * Built and preloaded by test_load.py, in one library with the counters of alloc_count.c. */
#include <time.h>

#include "../alloc_count.c"

typedef int callback(const void *, void *, unsigned long, const void *, unsigned long, void *);

typedef struct {
    double rate;
    uint64_t calls, late;
    int64_t last_ns;
} empty_state;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Outputs silence; counts all calls, and those more than two blocks after the previous one. */
int empty_callback(const void *in, void *out, unsigned long n, const void *time, unsigned long flags, void *user) {
    (void)in, (void)time, (void)flags;
    empty_state *s = user;
    const int64_t now = now_ns();
    if (s->last_ns && now - s->last_ns > 2e9 * n / s->rate) s->late++;
    s->last_ns = now;
    s->calls++;
    for (unsigned long i = 0; i < n; i++) ((float *)out)[i] = 0;
    return 0;
}

typedef struct {
    callback *inner;
    void *user;
    uint64_t calls, dirty, total;
} guard_state;

int guard_callback(const void *in, void *out, unsigned long n, const void *time, unsigned long flags, void *user) {
    guard_state *g = user;
    count = 0;
    marked = 1;
    const int result = g->inner(in, out, n, time, flags, g->user);
    marked = 0;
    g->calls++;
    g->dirty += count != 0;
    g->total += count;
    return result;
}
