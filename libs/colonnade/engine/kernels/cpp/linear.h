// Products with packed weights: y (M, N) = x (M, K) @ W (N, K)^T + bias, x and y in float32.
//
// Every output is computed from its own row of x alone, in one fixed order of K: the same bits whatever M,
// whatever the threads. linear() does it all; callers that hold threads of their own (one parallel region
// over several steps) use the two halves: every thread prepares its rows of x, all meet at a barrier, every
// thread then runs its part.
//
// What lies in `blocks` is said in linear_layout.h and made by layout.py.
#pragma once
#include <cstdint>

extern "C" {

enum WeightFormat : int32_t { FLOAT32 = 0, BFLOAT16 = 1, INT8 = 2, INT4 = 3 };

struct PackedMatrix {
    const void* blocks;
    const float* bias;  // (N), or null
    int64_t rows;       // N
    int64_t columns;    // K
    int32_t format;     // WeightFormat
};

// The whole product of `count` (M) rows on at most `threads` threads; strides in floats.
void linear(const PackedMatrix* w, const float* x, int64_t x_stride, int64_t count, float* y,
            int64_t y_stride, int32_t threads);

// Bytes of what linear_prepare fills; 0 for FLOAT32 and BFLOAT16. INT8 and INT4 of the same K prepare x
// alike, so several matrices may share it.
int64_t linear_scratch_bytes(const PackedMatrix* w, int64_t count);

// Quantises rows first..last-1 of x into the scratch of all `count` rows (64 bytes aligned).
void linear_prepare(const PackedMatrix* w, const float* x, int64_t x_stride, int64_t count, int64_t first,
                    int64_t last, void* scratch);

// Computes share `part` of `parts` of the columns of y. x must still be there: floats read it.
void linear_part(const PackedMatrix* w, const float* x, int64_t x_stride, const void* scratch, int64_t count,
                 float* y, int64_t y_stride, int64_t part, int64_t parts);

// Rows ids[0..count-1] of W, expanded into out (count, K). Returns count, or the place of the first id that
// is not a row; nothing is written then.
int64_t linear_rows(const PackedMatrix* w, const int64_t* ids, int64_t count, float* out);
}
