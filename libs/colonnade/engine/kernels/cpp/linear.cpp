// Products with packed weights: threads, and x made ready.
#include "linear.h"

#include <omp.h>

#include <cmath>
#include <cstdlib>

#include "linear_layout.h"

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

// Not a number, or infinite: the scale becomes NaN, and so does every product with the row.
void quantise(const float* x, int64_t there, int8_t* values, float* scale, float* sum) {
    float largest = 0.0f, broken = 0.0f;
    float padded[GROUP] = {};
    if (there < GROUP) {
        std::memcpy(padded, x, there * sizeof *x);
        x = padded;
    }
    for (int64_t i = 0; i < GROUP; i++) {
        float size = std::fabs(x[i]);
        largest = size > largest ? size : largest;
        broken += x[i] - x[i];
    }
    float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
    if (!(inverse < HUGE_VALF)) inverse = 0.0f;  // so small that 127 steps cannot be told apart
    int32_t total = 0;
    for (int64_t i = 0; i < GROUP; i++) {
        int32_t value = (int32_t)std::nearbyintf(x[i] * inverse);
        values[i] = (int8_t)value;
        total += values[i];
    }
    *scale = largest / 127.0f + broken;
    *sum = *scale * (float)total;
}

}  // namespace

extern "C" int64_t linear_scratch_bytes(const PackedMatrix* w, int64_t count) {
    return is_float(*w) ? 0 : QuantisedRows::bytes(w->columns, count);
}

extern "C" void linear_prepare(const PackedMatrix* w, const float* x, int64_t x_stride, int64_t count,
                               int64_t first, int64_t last, void* scratch) {
    if (is_float(*w)) return;
    QuantisedRows rows(scratch, w->columns, count);
    for (int64_t m = first; m < last; m++)
        for (int64_t g = 0; g < rows.groups; g++) {
            int64_t at = g * count + m, there = w->columns - g * GROUP;
            quantise(x + m * x_stride + g * GROUP, there < GROUP ? there : GROUP, rows.values + at * GROUP,
                     rows.scale + at, rows.sum + at);
        }
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
#pragma omp parallel num_threads(threads)
    {
        int64_t part = omp_get_thread_num(), parts = omp_get_num_threads();
        if (together) {
            linear_prepare(w, x, x_stride, count, count * part / parts, count * (part + 1) / parts, scratch);
#pragma omp barrier
        }
        linear_part(w, x, x_stride, scratch, count, y, y_stride, part, parts);
    }
}
