// Attention over paged keys and values, as kernels/attention.py describes it.

#pragma once

#include <cstdint>

namespace colonnade {

constexpr int64_t PAGE = 16;  // positions of a page

struct Spans {
    int64_t count;
    const int32_t* first;   // row of each span's first token
    const int32_t* tokens;  // of each span
    const int32_t* start;   // committed positions before it
    const int32_t* causal;
    const int32_t* table;   // page ids, `table_width` of each span
    int64_t table_width;
};

// Rows of q, k, v and o lie `*_stride` floats apart; heads within a row are dense.
struct Attention {
    const float *q, *k, *v;
    float* o;
    int64_t q_stride, k_stride, v_stride, o_stride;
    void* pages;            // (P, 2, kv_heads, PAGE * width)
    int64_t page_type;      // 0 float32, 1 float16, 2 bfloat16
    int64_t heads, kv_heads, width;
    int64_t window;         // 0: none
    float scale;
};

}  // namespace colonnade

extern "C" void colonnade_attend(const colonnade::Attention* call, const colonnade::Spans* spans);
