/* Which tables were compiled in, and which of them this processor can run. */
#include <string.h>

#include "kernels.h"

extern const Kernels aedsp_kernels_plain, aedsp_kernels_base, aedsp_kernels_v3, aedsp_kernels_v4;

static const struct { const char *name; const Kernels *table; } known[] = {
    {"plain", &aedsp_kernels_plain},
#if defined(__GNUC__)
    {"base", &aedsp_kernels_base},
#endif
#if defined(__x86_64__) && defined(__GNUC__)
    {"v3", &aedsp_kernels_v3},
    {"v4", &aedsp_kernels_v4},
#endif
};
enum { N_KNOWN = sizeof known / sizeof known[0] };

static int supported(const char *name) {
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    /* F16C is not asked for: every processor with AVX2 has it, and clang 14 does not know the name. */
    const int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    if (!strcmp(name, "v3")) return v3;
    if (!strcmp(name, "v4"))
        return v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
#endif
    return strcmp(name, "v3") && strcmp(name, "v4");
}

int aedsp_kernels_known(const char *name) {
    for (int i = 0; i < N_KNOWN; i++)
        if (!strcmp(known[i].name, name)) return 1;
    return 0;
}

const Kernels *aedsp_supported_kernels(int i) {
    for (int k = 0; k < N_KNOWN; k++)
        if (supported(known[k].name) && i-- == 0) return known[k].table;
    return NULL;
}

const Kernels *aedsp_select_kernels(const char *name) {
    const Kernels *best = NULL;
    for (int k = 0; k < N_KNOWN; k++)
        if (supported(known[k].name) && (!name || !*name || !strcmp(known[k].name, name))) best = known[k].table;
    return best;
}
