/* Weights times vectors, encoding and decoding, for each weight format. Included by width.h for the lanes in use. */
#define STORED float
#define D(name) L(name##_float32)
#define widen(p) load(p)
#include "dense_rows.h"
#define STORED uint16_t
#define D(name) L(name##_float16)
#define widen(p) load_half(p)
#include "dense_rows.h"
#define STORED int8_t
#define D(name) L(name##_int8)
#define widen(p) load_byte(p)
#include "dense_rows.h"
