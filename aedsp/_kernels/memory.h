/* Aligned, zeroed memory: the kernels' only allocation, made by the control thread in the `*_new` functions. */
#ifndef AEDSP_MEMORY_H
#define AEDSP_MEMORY_H

#ifdef __linux__
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* madvise */
#endif
#endif
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

/* From this size on, ask for huge pages: fewer address translations. */
#define AEDSP_HUGE ((size_t)2 << 20)

/* 64-byte aligned and zeroed; NULL if out of memory. Free with aedsp_free. */
static inline void *aedsp_alloc(size_t bytes) {
    bytes = (bytes + 127) / 64 * 64; /* one vector more: loads may run past the end by less than that */
#ifdef _WIN32
    void *p = _aligned_malloc(bytes, 64);
#else
    void *p = NULL;
    if (posix_memalign(&p, bytes >= AEDSP_HUGE ? AEDSP_HUGE : 64, bytes)) return NULL;
#endif
#ifdef MADV_HUGEPAGE
    if (p && bytes >= AEDSP_HUGE) madvise(p, bytes, MADV_HUGEPAGE);
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
