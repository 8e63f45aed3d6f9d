// Products with float32 and bfloat16 weights: a tile of a few rows of x by one block of W, kept in registers
// over all of K.
#include "linear_layout.h"

namespace colonnade {
namespace {

constexpr int64_t ROWS_AT_ONCE = 48;  // of x, that stay in the second-level cache while W goes by

struct Float32 {
    static constexpr int64_t columns = 1;  // of a step
    static Floats8 expand(const void* step, int64_t half, int64_t) {
        return load<Floats8>((const float*)step + 8 * half);
    }
};

struct Bfloat16 {
    static constexpr int64_t columns = 2;
    static Floats8 expand(const void* step, int64_t half, int64_t column) {
        Words8 pair = load<Words8>((const uint32_t*)step + 8 * half);
        return (Floats8)(column == 0 ? pair << 16 : pair & 0xffff0000u);
    }
};

template <class Format, int M>
void tile(const PackedMatrix& w, const char* block, const float* x, int64_t x_stride, float* y,
          int64_t y_stride, int64_t first_row) {
    Floats8 sums[M][2] = {};
    int64_t k = 0;
    auto column = [&](int64_t c) {
        Floats8 low = Format::expand(block, 0, c), high = Format::expand(block, 1, c);
#pragma GCC unroll 8
        for (int64_t m = 0; m < M; m++) {
            Floats8 value = broadcast(x[m * x_stride + k + c]);
            sums[m][0] += low * value;
            sums[m][1] += high * value;
        }
    };
    for (; k + Format::columns <= w.columns; k += Format::columns, block += 64) {
        if constexpr (M <= 2) prefetch<64>(block + AHEAD);
        column(0);
        if constexpr (Format::columns == 2) column(1);
    }
    if (k < w.columns) column(0);  // the odd one
    for (int64_t m = 0; m < M; m++) {
        store(w, first_row, sums[m][0], y + m * y_stride);
        store(w, first_row + 8, sums[m][1], y + m * y_stride);
    }
}

template <class Format>
void block(const PackedMatrix& w, const char* at, const float* x, int64_t x_stride, int64_t count, float* y,
           int64_t y_stride, int64_t row) {
    for (; count >= 6; count -= 6, x += 6 * x_stride, y += 6 * y_stride)
        tile<Format, 6>(w, at, x, x_stride, y, y_stride, row);
    switch (count) {
        case 5: return tile<Format, 5>(w, at, x, x_stride, y, y_stride, row);
        case 4: return tile<Format, 4>(w, at, x, x_stride, y, y_stride, row);
        case 3: return tile<Format, 3>(w, at, x, x_stride, y, y_stride, row);
        case 2: return tile<Format, 2>(w, at, x, x_stride, y, y_stride, row);
        case 1: return tile<Format, 1>(w, at, x, x_stride, y, y_stride, row);
    }
}

template <class Format>
void blocks(const PackedMatrix& w, const float* x, int64_t x_stride, int64_t count, float* y, int64_t y_stride,
            int64_t first, int64_t last) {
    int64_t block_bytes = ceil_div(w.columns, Format::columns) * 64;
    for (int64_t m = 0; m < count; m += ROWS_AT_ONCE) {
        int64_t here = count - m < ROWS_AT_ONCE ? count - m : ROWS_AT_ONCE;
        for (int64_t b = first; b < last; b++)
            block<Format>(w, (const char*)w.blocks + b * block_bytes, x + m * x_stride, x_stride, here,
                          y + m * y_stride, y_stride, b * FLOAT_ROWS);
    }
}

}  // namespace

void float_blocks(const PackedMatrix& w, const float* x, int64_t x_stride, int64_t count, float* y,
                  int64_t y_stride, int64_t first, int64_t last) {
    if (w.format == FLOAT32)
        blocks<Float32>(w, x, x_stride, count, y, y_stride, first, last);
    else
        blocks<Bfloat16>(w, x, x_stride, count, y, y_stride, first, last);
}

}  // namespace colonnade
