// Products with packed weights: threads, and x made ready.
#include "linear.h"

#include <cfloat>
#include <cmath>
#include <cstdlib>

#include "linear_layout.h"
#include "team.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

using namespace colonnade;

namespace {

constexpr int64_t PRODUCTS_A_THREAD = 100'000;  // below, waking a second thread costs more than it saves

struct Scratch {
    void* memory = nullptr;
    int64_t size = 0;
    ~Scratch() { std::free(memory); }
    void* of(int64_t bytes) {
        if (bytes > size) {
            std::free(memory);
            size = ceil_div(bytes, 4096) * 4096;
            memory = std::aligned_alloc(64, size);
            if (!memory) std::abort();
        }
        return memory;
    }
};
thread_local Scratch scratch_of_thread;

bool is_float(const PackedMatrix& w) { return w.format == FLOAT32 || w.format == BFLOAT16; }

using Ints8 = int32_t __attribute__((vector_size(32)));
using Bytes8 = int8_t __attribute__((vector_size(8)));

#if defined(__clang__)
#define TURNED(v, ...) __builtin_shufflevector(v, v, __VA_ARGS__)
#else
#define TURNED(v, ...) __builtin_shuffle(v, Ints8{__VA_ARGS__})
#endif

inline Floats8 larger(Floats8 a, Floats8 b) { return a > b ? a : b; }

// The largest, or the sum, of all eight, in each of the eight.
inline Floats8 largest_of(Floats8 v) {
    v = larger(v, TURNED(v, 4, 5, 6, 7, 0, 1, 2, 3));
    v = larger(v, TURNED(v, 2, 3, 0, 1, 6, 7, 4, 5));
    return larger(v, TURNED(v, 1, 0, 3, 2, 5, 4, 7, 6));
}
template <class Vector>
inline Vector sum_of(Vector v) {
    v += TURNED(v, 4, 5, 6, 7, 0, 1, 2, 3);
    v += TURNED(v, 2, 3, 0, 1, 6, 7, 4, 5);
    return v + TURNED(v, 1, 0, 3, 2, 5, 4, 7, 6);
}

// To the nearest whole number, halves to the even one.
inline Ints8 rounded(Floats8 v) {
#if defined(__AVX2__)
    return (Ints8)_mm256_cvtps_epi32((__m256)v);
#else
    Ints8 out;
    for (int i = 0; i < 8; i++) out[i] = (int32_t)std::nearbyint(v[i]);
    return out;
#endif
}

// One group of a row. Not a number, or infinite: the scale becomes NaN, and so does all that the row gives.
inline void quantise(const float* x, int8_t* values, float* scale, float* sum) {
    Floats8 in[4], largest{}, broken{};
    for (int i = 0; i < 4; i++) {
        in[i] = load<Floats8>(x + 8 * i);
        largest = larger(larger(in[i], -in[i]), largest);
        broken += in[i] - in[i];
    }
    largest = largest_of(largest);
    Floats8 inverse = 127.0f / largest;
    inverse = inverse <= FLT_MAX ? inverse : Floats8{};  // all zero, or too small to tell 127 steps apart
    Ints8 total{};
    for (int i = 0; i < 4; i++) {
        Ints8 whole = rounded(in[i] * inverse);
        Bytes8 narrow = __builtin_convertvector(whole, Bytes8);
        std::memcpy(values + 8 * i, &narrow, sizeof narrow);
        total += whole;
    }
    Floats8 unit = largest / 127.0f + sum_of(broken);
    *scale = unit[0];
    *sum = unit[0] * (float)sum_of(total)[0];
}

void quantise_row(const QuantisedRows& rows, const float* x, int64_t columns, int64_t m) {
    int64_t at = m, whole = columns / GROUP;
    for (int64_t g = 0; g < whole; g++, at += rows.count)
        quantise(x + g * GROUP, rows.values + at * GROUP, rows.scale + at, rows.sum + at);
    if (whole < rows.groups) {
        float padded[GROUP] = {};
        std::memcpy(padded, x + whole * GROUP, (columns - whole * GROUP) * sizeof *x);
        quantise(padded, rows.values + at * GROUP, rows.scale + at, rows.sum + at);
    }
}

}  // namespace

extern "C" int64_t linear_scratch_bytes(const PackedMatrix* w, int64_t count) {
    return is_float(*w) ? 0 : QuantisedRows::bytes(w->columns, count);
}

extern "C" void linear_prepare(const PackedMatrix* w, const float* x, int64_t x_stride, int64_t count,
                               int64_t first, int64_t last, void* scratch) {
    if (is_float(*w)) return;
    QuantisedRows rows(scratch, w->columns, count);
    for (int64_t m = first; m < last; m++) quantise_row(rows, x + m * x_stride, w->columns, m);
}

extern "C" void linear_part(const PackedMatrix* w, const float* x, int64_t x_stride, const void* scratch,
                            int64_t count, float* y, int64_t y_stride, int64_t part, int64_t parts) {
    int64_t blocks = ceil_div(w->rows, is_float(*w) ? FLOAT_ROWS : INT_ROWS);
    int64_t first = blocks * part / parts, last = blocks * (part + 1) / parts;
    if (is_float(*w))
        float_blocks(*w, x, x_stride, count, y, y_stride, first, last);
    else
        integer_blocks(*w, QuantisedRows(const_cast<void*>(scratch), w->columns, count), y, y_stride, first,
                       last);
}

extern "C" void linear(const PackedMatrix* w, const float* x, int64_t x_stride, int64_t count, float* y,
                       int64_t y_stride, int32_t threads) {
    void* scratch = scratch_of_thread.of(linear_scratch_bytes(w, count));
    int64_t products = w->rows * w->columns * count;
    if (products < threads * PRODUCTS_A_THREAD) threads = 1 + (int32_t)(products / PRODUCTS_A_THREAD);
    if (threads <= 1) {
        linear_prepare(w, x, x_stride, count, 0, count, scratch);
        linear_part(w, x, x_stride, scratch, count, y, y_stride, 0, 1);
        return;
    }
    bool together = count >= 4 * threads;  // else one thread is done before a barrier is passed
    if (!together) linear_prepare(w, x, x_stride, count, 0, count, scratch);
    in_parallel(threads, [&](int64_t part, int64_t parts, Meeting& meeting) {
        if (together) {
            linear_prepare(w, x, x_stride, count, count * part / parts, count * (part + 1) / parts, scratch);
            meeting.wait();
        }
        linear_part(w, x, x_stride, scratch, count, y, y_stride, part, parts);
    });
}
