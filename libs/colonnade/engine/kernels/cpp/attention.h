// Attention over paged keys and values, as kernels/attention.py describes it.

#pragma once

#include <cstdint>
#include <memory>

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

// One attention, cut into pieces of work for the threads of a team: every row is written, all meet, the units
// are run, all meet, and what was cut into chunks is gathered. Units are handed out as threads ask for them.
class Attending {
   public:
    virtual ~Attending() = default;
    virtual void write(int64_t row) const = 0;
    virtual void run() = 0;
    virtual void gather() = 0;
    bool in_chunks = false;
    int64_t work = 0;  // multiplications, about
};

std::unique_ptr<Attending> attending(const Attention& call, const Spans& spans);

}  // namespace colonnade

extern "C" void colonnade_attend(const colonnade::Attention* call, const colonnade::Spans* spans, int32_t threads);
