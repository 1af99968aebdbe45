/* aedsp.h: an engine in C, C++ or any language that calls C. The stable interface; nothing here uses Python.
 *
 * Python makes the engine and lends it:
 *
 *     with engine.as_c() as lent:           # until it ends, engine.process raises
 *         library.play(lent.address)        # e.g. a ctypes.CDLL; the engine is an `aedsp_engine *`
 *
 * Threads: process, process_codes, generate, reset, code and frame belong to one thread at a time, the audio thread;
 * they never lock, allocate, or wait. set and set_at belong to one thread at a time too, the same or another; the other
 * functions to any. Python may change engine.controls and swap models at the same time.
 *
 * Audio is interleaved float32 in [-1, 1] at the engine's rate. Frames are one sample of every channel.
 *
 * Versions: functions are only ever added, at the end, and then AEDSP_C_VERSION rises.
 */
#ifndef AEDSP_H
#define AEDSP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AEDSP_C_VERSION 1

typedef struct aedsp_engine aedsp_engine;

/* Controls, as in aedsp.Engine.controls. The first seven have one value per unit; for the rest `unit` is ignored. */
enum aedsp_control {
    AEDSP_GAIN,
    AEDSP_SCALE,
    AEDSP_MUTED,    /* 0 or 1 */
    AEDSP_SIGN,     /* 1 or -1 */
    AEDSP_OVERRIDE, /* NaN: none */
    AEDSP_TARGET,
    AEDSP_OFFSET,
    AEDSP_TARGET_AMOUNT,    /* 0 to 1, as detail and mix */
    AEDSP_DETAIL,
    AEDSP_MIX,
    AEDSP_VOLUME_DB, /* at most 12; -60 and below is silence */
    AEDSP_ORIGINAL,  /* 1: monitor the original; 0: the resynthesis */
    AEDSP_FROZEN,    /* 0 or 1 */
    AEDSP_N_CONTROLS
};

typedef struct aedsp_functions {
    int32_t version;
    int32_t (*process)(aedsp_engine *, const float *in, float *out, ptrdiff_t n_frames);
    ptrdiff_t (*process_codes)(aedsp_engine *, const float *in, float *out, ptrdiff_t n_frames, float *codes, ptrdiff_t most,
                               int32_t n_units);
    void (*reset)(aedsp_engine *);
    int32_t (*set_at)(aedsp_engine *, int64_t frame, int32_t control, int32_t unit, float value);
    ptrdiff_t (*code)(aedsp_engine *, float *code, ptrdiff_t most);
    int64_t (*frame)(const aedsp_engine *);
    int32_t (*n_units)(const aedsp_engine *);
} aedsp_functions;

/* The members below may be read. `functions` and `state` are aedsp's own. */
struct aedsp_engine {
    const aedsp_functions *functions;
    void *state;
    double sample_rate;          /* Hz */
    int32_t n_channels;
    int32_t block_frames;        /* the only length of a block; 0: any */
    int64_t latency_frames;      /* from an input frame to the output frame that answers it, exact */
    double code_latency_frames;  /* from the middle of a code's window to the end of its hop */
    double hop_frames;           /* from one hop to the next */
};

/* The next hop takes it: as the frame of aedsp_engine_set_at. */
#define AEDSP_NEXT_HOP INT64_MIN

/* Whether the engine has all that this header names. */
static inline int aedsp_engine_is_compatible(const aedsp_engine *engine) {
    return engine->functions->version >= AEDSP_C_VERSION;
}

/* n_frames interleaved frames in and out; out may be in; in NULL: no input, the drive plays. 1: done; 0: n_frames is not
 * the engine's block_frames, nothing was done. */
static inline int32_t aedsp_engine_process(aedsp_engine *engine, const float *in, float *out, ptrdiff_t n_frames) {
    return engine->functions->process(engine, in, out, n_frames);
}

/* The same, and the code of every hop that the block completes: at most `most` rows of n_channels x n_units, oldest first,
 * before gains and overrides. n_units is the caller's: where a swap has brought a model of another size, rows are cut or
 * filled with zeros. Returns how many; -1: not the engine's block_frames. A block completes at most
 * ceil(n_frames / hop_frames) hops. */
static inline ptrdiff_t aedsp_engine_process_codes(aedsp_engine *engine, const float *in, float *out, ptrdiff_t n_frames,
                                                   float *codes, ptrdiff_t most, int32_t n_units) {
    return engine->functions->process_codes(engine, in, out, n_frames, codes, most, n_units);
}

/* Clear audio, phases and limiter; keep the controls. */
static inline void aedsp_engine_reset(aedsp_engine *engine) { engine->functions->reset(engine); }

/* Set a control at a frame of the input, counted since the reset: at the hop whose new frames contain it. 1: sent; 0: there
 * is no such control or unit, the value is out of range, or
 * too many changes wait (16,384 at least fit). */
static inline int32_t aedsp_engine_set_at(aedsp_engine *engine, int64_t frame, int32_t control, int32_t unit, float value) {
    return engine->functions->set_at(engine, frame, control, unit, value);
}

/* Set a control at the next hop. */
static inline int32_t aedsp_engine_set(aedsp_engine *engine, int32_t control, int32_t unit, float value) {
    return engine->functions->set_at(engine, AEDSP_NEXT_HOP, control, unit, value);
}

/* The newest code of the first channel into `code`, at most `most` units; returns the model's number of units. */
static inline ptrdiff_t aedsp_engine_code(aedsp_engine *engine, float *code, ptrdiff_t most) {
    return engine->functions->code(engine, code, most);
}

/* Input frames taken in since the reset. */
static inline int64_t aedsp_engine_frame(const aedsp_engine *engine) { return engine->functions->frame(engine); }

/* Units of the model, which a swap may change. */
static inline int32_t aedsp_engine_n_units(const aedsp_engine *engine) { return engine->functions->n_units(engine); }

#ifdef __cplusplus
}
#endif
#endif
