// How packed weights and quantised rows lie in memory. Rows of W are taken in blocks, so that one vector
// holds the same column of several rows, and a block is read from front to back.
//
//   FLOAT32   [N/16][K][16] float
//   BFLOAT16  [N/16][K/2][16][2] the upper halves of floats; of two columns, the even one first
//   INT8      [N/8][K/32] Int8Group
//   INT4      [N/8][K/32] Int4Group
//
// N and K are rounded up, with zeros. In a group, a chunk is four columns of eight rows, row by row: 32 values.
#pragma once
#include <cstdint>
#include <cstring>

#include "linear.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace colonnade {

constexpr int64_t GROUP = 32;        // columns that share a scale
constexpr int64_t INT_ROWS = 8;      // of a block of INT8 or INT4
constexpr int64_t FLOAT_ROWS = 16;   // of a block of FLOAT32 or BFLOAT16

struct Int8Group {
    int8_t chunks[8][32];
    uint16_t scale[INT_ROWS];  // float16: weight = scale * value
};

struct Int4Group {
    uint8_t chunks[4][32];  // chunk i in the lower halves of bytes, chunk i + 4 in the upper ones
    uint16_t scale[INT_ROWS];
    uint16_t minimum[INT_ROWS];  // weight = scale * value + minimum
};

static_assert(sizeof(Int8Group) == 272 && sizeof(Int4Group) == 160);

using Floats8 = float __attribute__((vector_size(32)));
using Words8 = uint32_t __attribute__((vector_size(32)));

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline Floats8 broadcast(float v) { return Floats8{v, v, v, v, v, v, v, v}; }

template <class T>
inline T load(const void* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

inline Floats8 halves(const uint16_t* from) {
#if defined(__F16C__)
    return (Floats8)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)from));
#else
    Floats8 out;
    for (int i = 0; i < 8; i++) {
        uint32_t magnitude = (uint32_t)(from[i] & 0x7fff) << 13, sign = (uint32_t)(from[i] & 0x8000) << 16;
        // The exponent's bias differs by 112; a product with 2^112 makes subnormal numbers right as well.
        float value = load<float>(&magnitude) * 0x1p112f;
        uint32_t bits = (from[i] & 0x7fff) < 0x7c00 ? load<uint32_t>(&value) : magnitude | 0x7f800000u;
        bits |= sign;
        out[i] = load<float>(&bits);
    }
    return out;
#endif
}

// Weights that are used once come from memory: asked for so far ahead, they came a quarter sooner than the
// processor asks by itself. Beyond the last there is nothing, which a prefetch may ask for.
constexpr int64_t AHEAD = 2048;

template <int64_t SIZE>
inline void prefetch(const char* from) {
    for (int64_t line = 0; line < SIZE; line += 64) __builtin_prefetch(from + line);
}

// Rows of x, each in groups of 32 whole numbers of -127..127: x = scale * value.
struct QuantisedRows {
    int64_t groups, count;
    int8_t* values;  // [groups][count][32]
    float* scale;    // [groups][count]
    float* sum;      // [groups][count]: scale * the sum of the values

    QuantisedRows(void* scratch, int64_t columns, int64_t count)
        : groups(ceil_div(columns, GROUP)),
          count(count),
          values((int8_t*)scratch),
          scale((float*)(values + groups * count * GROUP)),
          sum(scale + groups * count) {}
    static int64_t bytes(int64_t columns, int64_t count) {
        return ceil_div(columns, GROUP) * count * (GROUP + 2 * (int64_t)sizeof(float));
    }
};

// y's columns first.. that exist of the sums of one block, with their bias.
inline void store(const PackedMatrix& w, int64_t first, Floats8 sums, float* y_row) {
    int64_t there = w.rows - first;
    if (there >= 8) {
        if (w.bias) sums += load<Floats8>(w.bias + first);
        std::memcpy(y_row + first, &sums, sizeof sums);
        return;
    }
    for (int64_t i = 0; i < there; i++) y_row[first + i] = sums[i] + (w.bias ? w.bias[first + i] : 0.0f);
}

// Computes blocks first..last-1 of the rows of W, for all `count` rows of x.
void integer_blocks(const PackedMatrix& w, const QuantisedRows& x, float* y, int64_t y_stride, int64_t first,
                    int64_t last);
void float_blocks(const PackedMatrix& w, const float* x, int64_t x_stride, int64_t count, float* y,
                  int64_t y_stride, int64_t first, int64_t last);

}  // namespace colonnade
