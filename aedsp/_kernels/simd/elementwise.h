/* Loops that the compiler vectorises automatically. Included once per instruction set. */
#define AEDSP_NAME2(a, b) a##_##b
#define AEDSP_NAME1(a, b) AEDSP_NAME2(a, b)
#define E(name) AEDSP_NAME1(name, ISA)

/* For a loop that writes only where it has already read: iterations may be vectorised. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(_MSC_VER)
#define INDEPENDENT __pragma(loop(ivdep))
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

static void E(multiply)(const float *restrict a, const float *restrict b, float *restrict out, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) out[i] = a[i] * b[i];
}

/* sum += frame window; move its first `hop` values to `out`, shift the rest down, fill with zeros. */
static void E(overlap_add)(const float *restrict frame, const float *restrict window, float *sum, float *restrict out,
                           ptrdiff_t n, ptrdiff_t hop) {
    for (ptrdiff_t i = 0; i < hop; i++) out[i] = MULTIPLY_ADD(frame[i], window[i], sum[i]);
    INDEPENDENT for (ptrdiff_t i = hop; i < n; i++) sum[i - hop] = MULTIPLY_ADD(frame[i], window[i], sum[i]);
    for (ptrdiff_t i = n - hop; i < n; i++) sum[i] = 0;
}

/* magnitude = |X| scale; if it reaches `floor`, unit = X / |X|, else unit is kept. Returns how many were kept. */
static ptrdiff_t E(polar)(const float *restrict re, const float *restrict im, float scale, float floor,
                          float *restrict magnitude, float *restrict unit_re, float *restrict unit_im, ptrdiff_t n) {
    int stayed = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const float length = sqrtf(MULTIPLY_ADD(re[i], re[i], im[i] * im[i]));
        const float m = length * scale;
        const int defined = m >= floor;
        const float inverse = 1.0f / (defined ? length : 1.0f);
        magnitude[i] = m;
        unit_re[i] = defined ? re[i] * inverse : unit_re[i];
        unit_im[i] = defined ? im[i] * inverse : unit_im[i];
        stayed += !defined;
    }
    return stayed;
}

/* Clamp decoded magnitudes: negative and non-finite values to 0, the rest to at most `loudest`. */
static void E(clamp)(float *x, float loudest, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const float v = x[i] > 0 ? x[i] : 0; /* NaN compares false */
        const float finite = v <= 3.402823466e38f ? v : 0;
        x[i] = finite < loudest ? finite : loudest;
    }
}

INLINE ptrdiff_t E(accept_some)(const float *restrict x, ptrdiff_t step, float loudest, float *restrict out, ptrdiff_t n) {
    int refused = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const float v = x[i * step];
        const int audio = fabsf(v) <= loudest;
        out[i] = audio ? v : 0;
        refused += !audio;
    }
    return refused;
}
/* Every `step`-th sample of x; 0 if |x| is above `loudest` or NaN. Returns how many were. */
static ptrdiff_t E(accept)(const float *restrict x, ptrdiff_t step, float loudest, float *restrict out, ptrdiff_t n) {
    if (step == 1) return E(accept_some)(x, 1, loudest, out, n);
    if (step == 2) return E(accept_some)(x, 2, loudest, out, n);
    return E(accept_some)(x, step, loudest, out, n);
}

/* 1 if any |x| is above `level` or NaN. */
static int E(exceeds)(const float *x, float level, ptrdiff_t n) {
    int above = 0;
    for (ptrdiff_t i = 0; i < n; i++) above |= !(fabsf(x[i]) <= level);
    return above;
}

/* The largest gain that keeps each frame (of n_channels) within full scale: 1 / peak, at most 1; 0 if a peak is NaN. */
static void E(ceilings)(const float *restrict audio, float *restrict gain, ptrdiff_t n_frames, ptrdiff_t n_channels) {
    for (ptrdiff_t i = 0; i < n_frames; i++) gain[i] = 1;
    for (ptrdiff_t c = 0; c < n_channels; c++)
        for (ptrdiff_t i = 0; i < n_frames; i++) {
            const float peak = fabsf(audio[i * n_channels + c]), most = peak > 1 ? 1.0f / peak : peak <= 1 ? 1.0f : 0.0f;
            gain[i] = most < gain[i] ? most : gain[i];
        }
}

/* out[i] = min(x[i], x[i - shift] + step), or x[i] if i - shift is out of range. */
static void E(lean)(const float *restrict x, ptrdiff_t shift, float step, float *restrict out, ptrdiff_t n) {
    const ptrdiff_t first = shift > 0 ? shift : 0, stop = shift < 0 ? n + shift : n;
    for (ptrdiff_t i = 0; i < first; i++) out[i] = x[i];
    for (ptrdiff_t i = first; i < stop; i++) {
        const float other = x[i - shift] + step;
        out[i] = other < x[i] ? other : x[i];
    }
    for (ptrdiff_t i = stop; i < n; i++) out[i] = x[i];
}

/* audio (frames x channels) times each frame's gain, clipped to ±1, NaN to 0. Returns how many gains are below 1. */
INLINE void E(limit_some)(float *restrict audio, const float *restrict gain, ptrdiff_t n_frames, ptrdiff_t n_channels) {
    for (ptrdiff_t i = 0; i < n_frames; i++)
        for (ptrdiff_t c = 0; c < n_channels; c++) {
            const float v = audio[i * n_channels + c] * gain[i], low = v > -1 ? v : v <= -1 ? -1.0f : 0.0f;
            audio[i * n_channels + c] = low < 1 ? low : 1;
        }
}
static ptrdiff_t E(limit)(float *restrict audio, const float *restrict gain, ptrdiff_t n_frames, ptrdiff_t n_channels) {
    int limited = 0;
    if (n_channels == 1) E(limit_some)(audio, gain, n_frames, 1);
    else if (n_channels == 2) E(limit_some)(audio, gain, n_frames, 2);
    else E(limit_some)(audio, gain, n_frames, n_channels);
    for (ptrdiff_t i = 0; i < n_frames; i++) limited += gain[i] < 1;
    return limited;
}

/* If the magnitude is below `floor`: unit times turn, renormalised by one Newton step. */
static void E(run_on)(const float *restrict magnitude, float floor, const float *restrict turn_re,
                      const float *restrict turn_im, float *restrict unit_re, float *restrict unit_im, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const float re = MULTIPLY_ADD(unit_re[i], turn_re[i], -(unit_im[i] * turn_im[i]));
        const float im = MULTIPLY_ADD(unit_re[i], turn_im[i], unit_im[i] * turn_re[i]);
        const float length = MULTIPLY_ADD(-0.5f, MULTIPLY_ADD(re, re, im * im), 1.5f);
        const int undefined = magnitude[i] < floor;
        unit_re[i] = undefined ? re * length : unit_re[i];
        unit_im[i] = undefined ? im * length : unit_im[i];
    }
}

/* X = magnitude scale unit */
static void E(turn)(const float *restrict magnitude, const float *restrict unit_re, const float *restrict unit_im,
                    float scale, float *restrict re, float *restrict im, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const float m = magnitude[i] * scale;
        re[i] = m * unit_re[i];
        im[i] = m * unit_im[i];
    }
}

/* decoded = (1 - detail) decoded + detail original r, r = (decoded + 1e-4) / (neutral + 1e-4), at most 8 */
static void E(detail)(const float *restrict neutral, const float *restrict original, float detail,
                      float *restrict decoded, ptrdiff_t n) {
    const float rest = 1 - detail;
    for (ptrdiff_t i = 0; i < n; i++) {
        const float ratio = (decoded[i] + 1e-4f) / (neutral[i] + 1e-4f), r = ratio < 8 ? ratio : 8;
        decoded[i] = MULTIPLY_ADD(rest, decoded[i], detail * original[i] * r);
    }
}

/* re + i im = (1 - mix) original + mix magnitude scale unit; re, im may be the original's. */
static void E(mix)(const float *restrict magnitude, const float *restrict unit_re, const float *restrict unit_im,
                   float scale, float mix, const float *original_re, const float *original_im, float *re, float *im,
                   ptrdiff_t n) {
    const float rest = 1 - mix, level = mix * scale;
    INDEPENDENT for (ptrdiff_t i = 0; i < n; i++) {
        const float m = magnitude[i] * level;
        re[i] = MULTIPLY_ADD(rest, original_re[i], m * unit_re[i]);
        im[i] = MULTIPLY_ADD(rest, original_im[i], m * unit_im[i]);
    }
}
