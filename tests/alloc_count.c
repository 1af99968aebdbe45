/* Preloaded by tests/test_allocation.py: counts what the hop must not do, per thread, while a run is marked.
 *
 * A run calls the engine's compiled entry point many times, with no Python in between.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

static __thread __attribute__((tls_model("initial-exec"))) int marked;
static __thread __attribute__((tls_model("initial-exec"))) uint64_t count;

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t n) { count += marked; return __libc_malloc(n); }
void *calloc(size_t a, size_t b) { count += marked; return __libc_calloc(a, b); }
void *realloc(void *p, size_t n) { count += marked; return __libc_realloc(p, n); }
void *memalign(size_t a, size_t n) { count += marked; return __libc_memalign(a, n); }
void *aligned_alloc(size_t a, size_t n) { count += marked; return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n) {
    count += marked;
    *p = __libc_memalign(a, n);
    return *p ? 0 : 12;
}
void free(void *p) {
    if (p) count += marked;
    __libc_free(p);
}
void *mmap(void *a, size_t n, int protection, int flags, int file, off_t offset) {
    static void *(*real)(void *, size_t, int, int, int, off_t);
    if (!real) real = dlsym(RTLD_NEXT, "mmap");
    count += marked;
    return real(a, n, protection, flags, file, offset);
}
int munmap(void *a, size_t n) {
    static int (*real)(void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "munmap");
    count += marked;
    return real(a, n);
}
int pthread_mutex_lock(pthread_mutex_t *m) {
    static int (*real)(pthread_mutex_t *);
    if (!real) real = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    count += marked;
    return real(m);
}

typedef void process(void *engine, const float *x, float *out, ptrdiff_t n_frames);

/* What `calls` calls of the engine did: allocations, frees, mappings and locks together. */
uint64_t count_calls(process *f, void *engine, const float *x, float *out, ptrdiff_t n_frames, int calls) {
    count = 0;
    marked = 1;
    for (int i = 0; i < calls; i++) f(engine, x, out, n_frames);
    marked = 0;
    return count;
}

/* The positive control: a callback that allocates. */
void allocating_process(void *engine, const float *x, float *out, ptrdiff_t n_frames) {
    (void)engine, (void)x;
    void *volatile p = malloc((size_t)n_frames);
    out[0] = p != NULL;
    free(p);
}
