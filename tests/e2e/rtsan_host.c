/* Python under RealtimeSanitizer, and a guard that marks where real time begins and ends. Built by test_rtsan.py with
 * clang -fsanitize=realtime; inside the guard, any blocking call or allocation ends the process with a stack trace. */
#include <stdint.h>

extern int Py_BytesMain(int argc, char **argv);
extern void __rtsan_realtime_enter(void);
extern void __rtsan_realtime_exit(void);

typedef int callback(const void *, void *, unsigned long, const void *, unsigned long, void *);

typedef struct {
    callback *inner;
    void *user;
    uint64_t calls, dirty, total;
} guard_state;

__attribute__((visibility("default"))) int guard_callback(const void *in, void *out, unsigned long n, const void *time,
                                                           unsigned long flags, void *user) {
    guard_state *g = user;
    __rtsan_realtime_enter();
    const int result = g->inner(in, out, n, time, flags, g->user);
    __rtsan_realtime_exit();
    g->calls++;
    return result;
}

int main(int argc, char **argv) { return Py_BytesMain(argc, argv); }
