/* Atomic operations for the triple buffers and rings, and a clock. No locks, and no system calls except the clock's,
 * which the operating system serves without one if it can. */
#ifndef AEDSP_ATOMICS_H
#define AEDSP_ATOMICS_H

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
static inline long long atomic_swap(volatile long long *p, long long v) { return _InterlockedExchange64(p, v); }
static inline void atomic_change(volatile long long *p, long long from, long long to) {
    _InterlockedCompareExchange64(p, to, from);
}
static inline long long atomic_read(volatile long long *p) { return _InterlockedOr64(p, 0); }
static inline void atomic_write(volatile long long *p, long long v) { _InterlockedExchange64(p, v); }
static inline void atomic_copy_in(volatile float *to, const float *x, long long n) {
    for (long long i = 0; i < n; i++) to[i] = x[i];
    _ReadWriteBarrier();
}
static inline void atomic_copy_out(float *to, volatile const float *x, long long n) {
    for (long long i = 0; i < n; i++) to[i] = x[i];
    _ReadWriteBarrier();
}
#else
static inline long long atomic_swap(long long *p, long long v) { return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL); }
/* Write `to` if the value is `from`. */
static inline void atomic_change(long long *p, long long from, long long to) {
    __atomic_compare_exchange_n(p, &from, to, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
static inline long long atomic_read(long long *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void atomic_write(long long *p, long long v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
/* Copy into memory that another thread may read at the same time: each float is written whole, after whatever was
 * written before; the reader must find out which ones belong together. */
static inline void atomic_copy_in(float *to, const float *x, long long n) {
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (long long i = 0; i < n; i++) __atomic_store(to + i, x + i, __ATOMIC_RELAXED);
}
/* Copy out of such memory, before whatever is read afterwards. */
static inline void atomic_copy_out(float *to, const float *x, long long n) {
    for (long long i = 0; i < n; i++) __atomic_load(x + i, to + i, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}
#endif

/* Monotonic clock, nanoseconds. */
#ifdef _WIN32
#include <windows.h>
static inline long long clock_ns(void) {
    LARGE_INTEGER ticks, frequency;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&frequency);
    return ticks.QuadPart / frequency.QuadPart * 1000000000 + ticks.QuadPart % frequency.QuadPart * 1000000000 / frequency.QuadPart;
}
#else
#include <time.h>
static inline long long clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
#endif

#endif
