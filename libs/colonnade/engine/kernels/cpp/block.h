// A layer of a pre-norm transformer in one call, as kernels/fuse.py describes it.

#pragma once

#include <cstdint>

#include "attention.h"
#include "linear.h"

namespace colonnade {

struct Norm {
    const float* weight;  // null: there is none
    float epsilon;
};

struct Block {  // what stays the same
    const PackedMatrix *query, *key, *value, *output, *gate, *up, *down;
    Norm attention_norm, feed_forward_norm, query_norm, key_norm;
    int64_t width, heads, kv_heads, head_width, hidden;
};

struct Forward {  // what is the same for all layers of a forward, then what is not
    int64_t count;            // N
    const Spans* spans;
    const float *cosine, *sine;  // (N, head_width), or null
    float *normed, *query, *key, *value, *mixed, *change, *gate, *up;  // (N, ...) each, between stages
    int32_t threads;
    const float* x;  // (N, width)
    float* out;      // (N, width); not x
    void* pages;
    int64_t page_type, window;
    float scale;
};

struct Place {  // of a layer's state
    void* pages;
    int64_t window;
};

}  // namespace colonnade

enum Stage : int32_t { PROJECT, ATTEND, OUTPUT, EXPAND, CONTRACT, CLOSE };

// Runs stages first..last. All of them at once give the same bits as one by one.
extern "C" void colonnade_block(const colonnade::Block* block, const colonnade::Forward* forward, int32_t first,
                                int32_t last);

// Runs whole layers one after another, from forward->x to forward->out; they have the same widths.
extern "C" void colonnade_blocks(const colonnade::Block* const* blocks, int64_t layers, const colonnade::Place* places,
                                 const colonnade::Forward* forward);

// y = x / rms(x) * weight, row by row; x and y may be the same.
extern "C" void colonnade_rms_norm(const float* x, const float* weight, float epsilon, int64_t rows, int64_t width,
                                   float* y);
