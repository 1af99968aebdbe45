// An engine in C++: process a signal in blocks, read the code of every hop, fade a unit out at a frame.
// Built and run by process.py.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "aedsp.h"

extern "C" long run(aedsp_engine *engine, const float *in, float *out, long n_frames) {
    const long block = engine->block_frames ? engine->block_frames : 512;
    const int channels = engine->n_channels, units = aedsp_engine_n_units(engine);
    const long most = static_cast<long>(std::ceil(block / engine->hop_frames));
    std::vector<float> codes(static_cast<size_t>(most) * channels * units);
    std::vector<double> sum(static_cast<size_t>(units));
    long hops = 0;

    aedsp_engine_set_at(engine, n_frames / 2, AEDSP_MUTED, 0, 1.0f);  // the first unit, from the middle on
    for (long at = 0; at + block <= n_frames; at += block) {
        const long n = aedsp_engine_process_codes(engine, in + at * channels, out + at * channels, block, codes.data(), most,
                                                  units);
        for (long row = 0; row < n * channels; row++)
            for (int unit = 0; unit < units; unit++) sum[unit] += codes[row * units + unit];
        hops += n;
    }
    const auto loudest = std::max_element(sum.begin(), sum.end()) - sum.begin();
    std::printf("%ld hops, latency %lld frames, most active: unit %ld\n", hops,
                static_cast<long long>(engine->latency_frames), static_cast<long>(loudest));
    std::fflush(stdout);
    return hops;
}
