/* Flush-to-zero for the calling thread: arithmetic on numbers below 1e-38 is a hundred times slower. */
#ifndef AEDSP_DENORMALS_H
#define AEDSP_DENORMALS_H

/* Flush denormal numbers to zero in the calling thread; returns the state for `denormals_restore`. */
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
