// One hop of the same job in C++, as an expert would build it from the best available libraries:
//   slide -> window -> real FFT -> |X| -> dense + sigmoid -> scale -> dense -> input phase
//   -> inverse FFT -> window -> overlap-add -> clip.
// -DPEER_MKL: Intel MKL (DFTI, VML, cblas_sgemv).  -DPEER_FFTW: FFTW3f (MEASURE) + OpenBLAS sgemv.  One thread.
// peer_init(nfft, hop, hidden, W (hidden, bins), V (hidden, bins), b, c); peer_run(in, out, hops) -> seconds;
// peer_times(in, out, hops, times): thread CPU seconds of each hop.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#ifdef PEER_MKL
#include <mkl.h>
#else
#include <cblas.h>
#include <fftw3.h>
#endif
static int N, H, E, D;
static float *frame, *win, *buf, *spec, *mag, *code, *scale_, *dec, *ola, *W, *V, *b, *c;
static float* al(size_t n) { void* p; if (posix_memalign(&p, 64, n * 4)) abort(); memset(p, 0, n * 4); return (float*)p; }
static double now() { timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }
#ifdef PEER_MKL
static DFTI_DESCRIPTOR_HANDLE plan;
#else
static fftwf_plan pf, pi;
#endif
extern "C" void peer_init(int nfft, int hop, int hidden, const float* W_, const float* V_, const float* b_, const float* c_) {
  N = nfft; H = hop; E = hidden; D = N / 2 + 1;
  frame = al(N); win = al(N); buf = al(N + 2); spec = al(N + 2); mag = al(D + 16); code = al(E + 16);
  scale_ = al(E + 16); dec = al(D + 16); ola = al(N); W = al((size_t)E * D); V = al((size_t)E * D); b = al(E); c = al(D);
  memcpy(W, W_, (size_t)E * D * 4); memcpy(V, V_, (size_t)E * D * 4); memcpy(b, b_, E * 4); memcpy(c, c_, D * 4);
  for (int i = 0; i < N; i++) win[i] = std::sqrt(0.5f - 0.5f * std::cos(2 * M_PI * i / N));
  for (int i = 0; i < E; i++) scale_[i] = 1;
#ifdef PEER_MKL
  mkl_set_num_threads(1);
  DftiCreateDescriptor(&plan, DFTI_SINGLE, DFTI_REAL, 1, (MKL_LONG)N);
  DftiSetValue(plan, DFTI_PLACEMENT, DFTI_NOT_INPLACE);
  DftiSetValue(plan, DFTI_CONJUGATE_EVEN_STORAGE, DFTI_COMPLEX_COMPLEX);
  DftiSetValue(plan, DFTI_BACKWARD_SCALE, 1.0 / N);
  DftiCommitDescriptor(plan);
#else
  pf = fftwf_plan_dft_r2c_1d(N, buf, (fftwf_complex*)spec, FFTW_MEASURE);
  pi = fftwf_plan_dft_c2r_1d(N, (fftwf_complex*)spec, buf, FFTW_MEASURE);
#endif
}
static void hop_(const float* in, float* out) {
  memmove(frame, frame + H, (N - H) * 4); memcpy(frame + N - H, in, H * 4);
  for (int i = 0; i < N; i++) buf[i] = frame[i] * win[i];
#ifdef PEER_MKL
  DftiComputeForward(plan, buf, spec);
  vcAbs(D, (MKL_Complex8*)spec, mag);
#else
  fftwf_execute(pf);
  for (int k = 0; k < D; k++) mag[k] = std::sqrt(spec[2 * k] * spec[2 * k] + spec[2 * k + 1] * spec[2 * k + 1]);
#endif
  memcpy(code, b, E * 4);
  cblas_sgemv(CblasRowMajor, CblasNoTrans, E, D, 1.f, W, D, mag, 1, 1.f, code, 1);
#ifdef PEER_MKL
  for (int i = 0; i < E; i++) code[i] = -code[i];
  vmsExp(E, code, code, VML_EP);
  for (int i = 0; i < E; i++) code[i] = scale_[i] / (1.f + code[i]);
#else
  for (int i = 0; i < E; i++) code[i] = scale_[i] / (1.f + std::exp(-code[i]));
#endif
  memcpy(dec, c, D * 4);
  cblas_sgemv(CblasRowMajor, CblasTrans, E, D, 1.f, V, D, code, 1, 1.f, dec, 1);
  for (int k = 0; k < D; k++) { float g = dec[k] / (mag[k] + 1e-12f); spec[2 * k] *= g; spec[2 * k + 1] *= g; }
#ifdef PEER_MKL
  DftiComputeBackward(plan, spec, buf);
#else
  fftwf_execute(pi);
  for (int i = 0; i < N; i++) buf[i] *= 1.f / N;
#endif
  for (int i = 0; i < N; i++) ola[i] += buf[i] * win[i];
  for (int i = 0; i < H; i++) { float y = ola[i] * (2.f * H / N); out[i] = y > 1 ? 1 : (y < -1 ? -1 : y); }
  memmove(ola, ola + H, (N - H) * 4); memset(ola + N - H, 0, H * 4);
}
extern "C" double peer_run(const float* in, float* out, int nhops) {
  double t = now();
  for (int i = 0; i < nhops; i++) hop_(in + (size_t)i * H, out + (size_t)i * H);
  return now() - t;
}
static double cpu() { timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }
extern "C" void peer_times(const float* in, float* out, int nhops, double* times) {
  for (int i = 0; i < nhops; i++) { double t = cpu(); hop_(in, out); times[i] = cpu() - t; }
}
