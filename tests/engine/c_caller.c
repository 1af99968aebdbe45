/* Calls every function of aedsp.h, for test_c_interface.py. Compiled as C11 and as C++17. */
#include "aedsp.h"

#ifdef __cplusplus
extern "C"
#endif
long run(aedsp_engine *engine, const float *in, float *out, long n_frames, long block, float *codes, long most) {
    long at = 0, hops = 0;
    const long row = (long)engine->n_channels * aedsp_engine_n_units(engine);
    if (!aedsp_engine_is_compatible(engine)) return -2;
    while (at < n_frames) {
        const long n = n_frames - at < block ? n_frames - at : block;
        const long got = (long)aedsp_engine_process_codes(engine, in + at * engine->n_channels,
                                                          out + at * engine->n_channels, n, codes + hops * row, most - hops,
                                                          aedsp_engine_n_units(engine));
        if (got < 0) return got;
        hops += got;
        at += n;
    }
    return aedsp_engine_frame(engine) == n_frames ? hops : -3;
}
