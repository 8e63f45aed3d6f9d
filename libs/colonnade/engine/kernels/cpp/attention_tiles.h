// The arithmetic of attention on rows and blocks of keys: scores, weights, weighted values.

#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "attention.h"
#include "lanes.h"

namespace colonnade {

constexpr int64_t BLOCK = 64, BLOCK_PAGES = BLOCK / PAGE;  // keys that are worked off together
constexpr int TILE = 6;                                    // rows whose sums stay in registers
constexpr float NEVER = -std::numeric_limits<float>::infinity();

template <int R>
void score_tile(const float* queries, int64_t width, const float* keys, float* scores) {
    Lanes sums[R][2] = {};
    for (int64_t j = 0; j < width; ++j) {
        const Lanes a = load(keys + j * PAGE), b = load(keys + j * PAGE + LANES);
        for (int r = 0; r < R; ++r) {
            const Lanes x = all(queries[r * width + j]);
            sums[r][0] += x * a;
            sums[r][1] += x * b;
        }
    }
    for (int r = 0; r < R; ++r) {
        store(scores + r * BLOCK, sums[r][0]);
        store(scores + r * BLOCK + LANES, sums[r][1]);
    }
}

// Adds weight times value over keys from..to of a block to R rows of 16, 8 or fewer columns.
template <int R>
void mix_tile(const float* weights, const float* const* values, int64_t width, int64_t from, int64_t to, float* out) {
    int64_t c = 0;
    for (; c + 2 * LANES <= width; c += 2 * LANES) {
        Lanes sums[R][2];
        for (int r = 0; r < R; ++r) {
            sums[r][0] = load(out + r * width + c);
            sums[r][1] = load(out + r * width + c + LANES);
        }
        for (int64_t i = from; i < to;) {
            const float* row = values[i / PAGE] + i % PAGE * width + c;
            for (const int64_t end = std::min(to, (i / PAGE + 1) * PAGE); i < end; ++i, row += width) {
                const Lanes a = load(row), b = load(row + LANES);
                for (int r = 0; r < R; ++r) {
                    const Lanes x = all(weights[r * BLOCK + i]);
                    sums[r][0] += x * a;
                    sums[r][1] += x * b;
                }
            }
        }
        for (int r = 0; r < R; ++r) {
            store(out + r * width + c, sums[r][0]);
            store(out + r * width + c + LANES, sums[r][1]);
        }
    }
    for (; c < width; ++c)
        for (int r = 0; r < R; ++r) {
            float total = out[r * width + c];
            for (int64_t i = from; i < to; ++i)
                total = __builtin_fmaf(weights[r * BLOCK + i], values[i / PAGE][(i % PAGE) * width + c], total);
            out[r * width + c] = total;
        }
}

// Calls `body.template operator()<R>(first row)` for all rows, TILE at a time.
template <typename Body>
void tiled(int64_t rows, Body body) {
    int64_t r = 0;
    for (; r + TILE <= rows; r += TILE) body.template operator()<TILE>(r);
    switch (rows - r) {
        case 5: body.template operator()<5>(r); break;
        case 4: body.template operator()<4>(r); break;
        case 3: body.template operator()<3>(r); break;
        case 2: body.template operator()<2>(r); break;
        case 1: body.template operator()<1>(r); break;
    }
}

// Turns a row's scores into weights under its running maximum; slots outside from..to get none.
inline void weigh(float* scores, int64_t from, int64_t to, int64_t width, float* top, float* weight, float* value) {
    std::fill(scores, scores + from, NEVER);
    std::fill(scores + to, scores + BLOCK, NEVER);
    Lanes most = load(scores);
    for (int64_t i = LANES; i < BLOCK; i += LANES) {
        const Lanes x = load(scores + i);
        most = x > most ? x : most;
    }
    const float now = std::max(*top, maximum(most));
    const float shift = now == NEVER ? 0.0f : now;
    if (now != *top && *top != NEVER) {
        const float factor = exponential(*top - now);
        *weight *= factor;
        for (int64_t j = 0; j < width; ++j) value[j] *= factor;
    }
    Lanes total = {};
    for (int64_t i = 0; i < BLOCK; i += LANES) {
        const Lanes x = exponential(load(scores + i) - all(shift));
        store(scores + i, x);
        total += x;
    }
    *weight += sum(total);
    *top = now;
}

// Puts one chunk's sums of a row behind those of the chunks before it.
inline void join(float* top, float* weight, float* value, float part_top, float part_weight, const float* part, int64_t width) {
    if (part_top == NEVER) return;
    const float now = std::max(*top, part_top);
    const float before = *top == NEVER ? 0.0f : exponential(*top - now), after = exponential(part_top - now);
    *weight = *weight * before + part_weight * after;
    for (int64_t j = 0; j < width; ++j) value[j] = value[j] * before + part[j] * after;
    *top = now;
}

}  // namespace colonnade
