// What adapters add to one linear layer: y += up^T (down x), each part on its own rows.
//
// Rows are worked off a few at a time, so that weights are read once for them. Every sum runs in an order of
// its own: a row's result depends on that row and its part alone.

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__FMA__)
#include <immintrin.h>
#endif

#include "lanes.h"
#include "team.h"

namespace colonnade {
namespace {

constexpr int ROWS = 4, RANKS = 4;
constexpr int64_t MOST_RANKS = 1024;
constexpr int64_t PRODUCTS_A_THREAD = 200'000;  // below, waking a thread takes longer

struct Part {
    const float* down;  // rank rows of `inputs`
    const float* up;    // rank rows of `outputs`, scaled
    int64_t rank;
    const int32_t* rows;
    int64_t count;
};

struct Layer {
    int64_t inputs, outputs;
    const Part* parts;
    int64_t count;
};

// a b + c, rounded once wherever the processor can: left to itself, the compiler does so here and not there.
inline Lanes fused(Lanes a, Lanes b, Lanes c) {
#if defined(__FMA__)
    return _mm256_fmadd_ps(a, b, c);
#elif defined(__aarch64__)
    for (int i = 0; i < LANES; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
#else
    return a * b + c;
#endif
}

Lanes load_some(const float* from, int64_t count) {
    Lanes x = {};
    std::memcpy(&x, from, static_cast<size_t>(count) * sizeof(float));
    return x;
}

// hidden[i][r] = down[r] . x[i], for `Width` ranks from r on
template <int Height, int Width>
void inner(const float* const* x, const float* down, int64_t inputs, int64_t r, float (*hidden)[MOST_RANKS]) {
    Lanes sums[Height][Width] = {};
    const auto step = [&](const auto& at) {
        Lanes weights[Width];
        for (int k = 0; k < Width; ++k) weights[k] = at(down + (r + k) * inputs);
        for (int i = 0; i < Height; ++i) {
            const Lanes values = at(x[i]);
            for (int k = 0; k < Width; ++k) sums[i][k] = fused(values, weights[k], sums[i][k]);
        }
    };
    int64_t j = 0;
    for (; j + LANES <= inputs; j += LANES) step([&](const float* row) { return load(row + j); });
    if (j < inputs) step([&](const float* row) { return load_some(row + j, inputs - j); });
    for (int i = 0; i < Height; ++i)
        for (int k = 0; k < Width; ++k) hidden[i][r + k] = sum(sums[i][k]);
}

// y[i][o ...] += sum over r of hidden[i][r] up[r][o ...], `Width` vectors at a time
template <int Height, int Width>
int64_t outer(float* const* y, const Part& part, int64_t outputs, int64_t o, const float (*hidden)[MOST_RANKS]) {
    for (; o + Width * LANES <= outputs; o += Width * LANES) {
        Lanes sums[Height][Width];
        for (int i = 0; i < Height; ++i)
            for (int k = 0; k < Width; ++k) sums[i][k] = load(y[i] + o + k * LANES);
        for (int64_t r = 0; r < part.rank; ++r)
            for (int k = 0; k < Width; ++k) {
                const Lanes weights = load(part.up + r * outputs + o + k * LANES);
                for (int i = 0; i < Height; ++i) sums[i][k] = fused(all(hidden[i][r]), weights, sums[i][k]);
            }
        for (int i = 0; i < Height; ++i)
            for (int k = 0; k < Width; ++k) store(y[i] + o + k * LANES, sums[i][k]);
    }
    return o;
}

template <int Height>
void add(const float* const* x, float* const* y, const Part& part, const Layer& layer) {
    static thread_local float hidden[ROWS][MOST_RANKS];
    int64_t r = 0;
    for (; r + RANKS <= part.rank; r += RANKS) inner<Height, RANKS>(x, part.down, layer.inputs, r, hidden);
    for (; r < part.rank; ++r) inner<Height, 1>(x, part.down, layer.inputs, r, hidden);
    int64_t o = outer<Height, Height == 1 ? 8 : 2>(y, part, layer.outputs, 0, hidden);
    o = outer<Height, 1>(y, part, layer.outputs, o, hidden);
    const int64_t rest = layer.outputs - o;
    for (int i = 0; i < Height && rest > 0; ++i) {
        Lanes sums = load_some(y[i] + o, rest);
        for (r = 0; r < part.rank; ++r)
            sums = fused(all(hidden[i][r]), load_some(part.up + r * layer.outputs + o, rest), sums);
        std::memcpy(y[i] + o, &sums, static_cast<size_t>(rest) * sizeof(float));
    }
}

void add(const float* const* x, float* const* y, int height, const Part& part, const Layer& layer) {
    switch (height) {
        case 1: return add<1>(x, y, part, layer);
        case 2: return add<2>(x, y, part, layer);
        case 3: return add<3>(x, y, part, layer);
        default: return add<4>(x, y, part, layer);
    }
}

}  // namespace
}  // namespace colonnade

using namespace colonnade;

// x and y have `x_width` and `y_width` floats from one row to the next. A part has a rank of at most 1024.
extern "C" void colonnade_low_rank(
    const Layer* layer, const float* x, int64_t x_width, float* y, int64_t y_width, int32_t threads) {
    int64_t tiles = 0, products = 0;
    for (int64_t p = 0; p < layer->count; ++p) {
        const Part& part = layer->parts[p];
        tiles += (part.count + ROWS - 1) / ROWS;
        products += part.count * part.rank * (layer->inputs + layer->outputs);
    }
    const int64_t enough = std::max<int64_t>(1, products / PRODUCTS_A_THREAD);
    const int team = static_cast<int>(std::min({static_cast<int64_t>(threads), enough, tiles}));
    auto work = [&](int64_t member, int64_t members) {
        const Share mine(tiles, member, members);
        int64_t tile = 0;
        for (int64_t p = 0; p < layer->count && tile < mine.last; ++p) {
            const Part& part = layer->parts[p];
            for (int64_t first = 0; first < part.count; first += ROWS, ++tile) {
                if (tile < mine.first || tile >= mine.last) continue;
                const int height = static_cast<int>(std::min<int64_t>(ROWS, part.count - first));
                const float* from[ROWS];
                float* to[ROWS];
                for (int i = 0; i < height; ++i) {
                    from[i] = x + part.rows[first + i] * x_width;
                    to[i] = y + part.rows[first + i] * y_width;
                }
                add(from, to, height, part, *layer);
            }
        }
    };
    if (team <= 1) return work(0, 1);
    in_parallel(team, [&](int64_t member, int64_t members, Meeting&) { work(member, members); });
}
