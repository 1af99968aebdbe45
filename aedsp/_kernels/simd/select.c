/* The compiled tables, and which of them this processor can run. */
#include <string.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif

#include "kernels.h"

extern const Kernels aedsp_kernels_plain, aedsp_kernels_base, aedsp_kernels_v3, aedsp_kernels_v4, aedsp_kernels_narrow_v4;

static const char *const known[] = {
    "plain",
#if defined(__GNUC__)
    "base",
#endif
#if defined(__x86_64__) && defined(__GNUC__)
    "v3",
    "v4-narrow", /* AVX-512 with eight lanes for the weights */
    "v4-wide",
    "v4", /* the faster of the two */
#endif
};
enum { N_KNOWN = sizeof known / sizeof known[0] };

#if defined(__x86_64__) && defined(__GNUC__)
/* AMD's family 19h with AVX-512 is Zen 4, which processes sixteen lanes as two halves and converts sixteen half floats
 * more slowly than twice eight. */
static int takes_halves(void) {
    unsigned int a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx || c != signature_AMD_ecx || d != signature_AMD_edx) return 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    return (a >> 8 & 0xf) + (a >> 20 & 0xff) == 0x19;
}
#endif

/* The table of that name if this processor can run it, else NULL. */
static const Kernels *table(const char *name) {
    if (!strcmp(name, "plain")) return &aedsp_kernels_plain;
#if defined(__GNUC__)
    if (!strcmp(name, "base")) return &aedsp_kernels_base;
#endif
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    /* No check for F16C: every processor with AVX2 has it, and clang 14 lacks the name. */
    const int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    const int v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
    if (!strcmp(name, "v3") && v3) return &aedsp_kernels_v3;
    if (!strcmp(name, "v4-narrow") && v4) return &aedsp_kernels_narrow_v4;
    if (!strcmp(name, "v4-wide") && v4) return &aedsp_kernels_v4;
    if (!strcmp(name, "v4") && v4) return takes_halves() ? &aedsp_kernels_narrow_v4 : &aedsp_kernels_v4;
#endif
    return NULL;
}

int aedsp_kernels_known(const char *name) {
    for (int i = 0; i < N_KNOWN; i++)
        if (!strcmp(known[i], name)) return 1;
    return 0;
}

const char *aedsp_supported_kernels(int i) {
    for (int k = 0; k < N_KNOWN; k++) {
        int again = 0; /* listed under a later name */
        for (int later = k + 1; later < N_KNOWN; later++) again |= table(known[later]) == table(known[k]);
        if (table(known[k]) && !again && i-- == 0) return known[k];
    }
    return NULL;
}

const Kernels *aedsp_select_kernels(const char *name) {
    if (name && *name) return table(name);
    const Kernels *best = NULL;
    for (int k = 0; k < N_KNOWN; k++)
        if (table(known[k])) best = table(known[k]);
    return best;
}
