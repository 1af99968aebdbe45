/* A JACK client around an engine: its callback calls aedsp.h only, without Python. Built and run by jack_client.py. */

#include <jack/jack.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "aedsp.h"

enum { MOST_CHANNELS = 2, MOST_FRAMES = 8192 };

typedef struct {
    aedsp_engine *engine;
    jack_port_t *in[MOST_CHANNELS], *out[MOST_CHANNELS];
    float frames[MOST_FRAMES * MOST_CHANNELS]; /* interleaved */
    atomic_long blocks;
} client;

static int process(jack_nframes_t n, void *data) {
    client *c = data;
    const int channels = c->engine->n_channels;
    if (n > MOST_FRAMES) return 0;
    for (int i = 0; i < channels; i++) {
        const float *in = jack_port_get_buffer(c->in[i], n);
        for (jack_nframes_t j = 0; j < n; j++) c->frames[j * channels + i] = in[j];
    }
    aedsp_engine_process(c->engine, c->frames, c->frames, n);
    for (int i = 0; i < channels; i++) {
        float *out = jack_port_get_buffer(c->out[i], n);
        for (jack_nframes_t j = 0; j < n; j++) out[j] = c->frames[j * channels + i];
    }
    atomic_fetch_add(&c->blocks, 1);
    return 0;
}

/* Play for some seconds, while the first unit fades out and in. Returns the blocks played; -1 with a message: no JACK
 * server, or the engine does not fit. */
long play(aedsp_engine *engine, double seconds) {
    static client c;
    memset(&c, 0, sizeof c);
    c.engine = engine;
    if (!aedsp_engine_is_compatible(engine) || engine->n_channels > MOST_CHANNELS) {
        fprintf(stderr, "the engine is older than this program, or has more than %d channels\n", MOST_CHANNELS);
        return -1;
    }
    jack_client_t *jack = jack_client_open("aedsp in C", JackNoStartServer, NULL);
    if (jack == NULL) {
        fprintf(stderr, "cannot play: no JACK server is running; start one, e.g. jackd -d alsa\n");
        return -1;
    }
    if (jack_get_sample_rate(jack) != engine->sample_rate) {
        fprintf(stderr, "JACK runs at %u Hz, the engine at %g Hz\n", jack_get_sample_rate(jack), engine->sample_rate);
        jack_client_close(jack);
        return -1;
    }
    for (int i = 0; i < engine->n_channels; i++) {
        char name[16];
        snprintf(name, sizeof name, "in_%d", i + 1);
        c.in[i] = jack_port_register(jack, name, JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput, 0);
        snprintf(name, sizeof name, "out_%d", i + 1);
        c.out[i] = jack_port_register(jack, name, JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0);
    }
    jack_set_process_callback(jack, process, &c);
    jack_activate(jack);
    for (double t = 0; t < seconds; t += 0.01) { /* this thread is the one that sets controls */
        aedsp_engine_set(engine, AEDSP_GAIN, 0, (float)(t / seconds));
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    jack_client_close(jack);
    return atomic_load(&c.blocks);
}
