/* The two atomic operations of the triple buffer, and flush-to-zero. No lock, no system call. */
#ifndef AEDSP_ATOMICS_H
#define AEDSP_ATOMICS_H

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
static inline long atomic_swap(volatile long *p, long v) { return _InterlockedExchange(p, v); }
static inline long atomic_read(volatile long *p) { return _InterlockedOr(p, 0); }
#else
static inline long atomic_swap(volatile long *p, long v) { return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL); }
static inline long atomic_read(volatile long *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
#endif

/* Denormal numbers to zero, for the calling thread; returns what `denormals_restore` wants back. */
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
static inline unsigned long long denormals_off(void) {
    const unsigned int before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* FTZ and DAZ */
    return before;
}
static inline void denormals_restore(unsigned long long before) { _mm_setcsr((unsigned int)before); }
#elif defined(__aarch64__)
static inline unsigned long long denormals_off(void) {
    unsigned long long before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" ::"r"(before | (1ull << 24)));
    return before;
}
static inline void denormals_restore(unsigned long long before) { __asm__ volatile("msr fpcr, %0" ::"r"(before)); }
#else
static inline unsigned long long denormals_off(void) { return 0; }
static inline void denormals_restore(unsigned long long before) { (void)before; }
#endif

#endif
