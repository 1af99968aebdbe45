/* Aligned, zeroed memory: the only allocation of the kernels, made by the control thread in the `*_new` functions. */
#ifndef AEDSP_MEMORY_H
#define AEDSP_MEMORY_H

#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <malloc.h>
#endif

/* 64-byte aligned and zeroed; NULL where there is none. Freed by aedsp_free. */
static inline void *aedsp_alloc(size_t bytes) {
    bytes = (bytes + 127) / 64 * 64; /* a vector more than asked: loads may run over the end by less than that */
#ifdef _WIN32
    void *p = _aligned_malloc(bytes, 64);
#else
    void *p = NULL;
    if (posix_memalign(&p, 64, bytes)) return NULL;
#endif
    if (p) memset(p, 0, bytes);
    return p;
}

static inline void aedsp_free(void *p) {
#ifdef _WIN32
    _aligned_free(p);
#else
    free(p);
#endif
}

#endif
