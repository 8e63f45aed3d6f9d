// Selection over rows of logits: the best, and the k best with everything that ties with the last of them.
//
// One pass takes the maximum of each block of a row. The k-th largest of these bounds the k-th largest score
// from below, so only blocks that reach the bound are looked at again: a handful of them.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "lanes.h"

namespace {

using colonnade::IntLanes;
using colonnade::Lanes;

constexpr int64_t BLOCK = 64;

struct Summary {
    std::vector<float> maxima;  // of each block
    bool sound = true;          // false: there is a NaN
};

// The maximum of a whole block; ``odd`` collects where a score is not equal to itself.
inline float block_maximum(const float* at, IntLanes& odd) {
    const auto* x = reinterpret_cast<const Lanes*>(at);
    Lanes a = x[0], b = x[1];
    for (int i = 0; i < BLOCK / 8; i += 2) {
        a = x[i] > a ? x[i] : a;
        b = x[i + 1] > b ? x[i + 1] : b;
        odd |= (x[i] != x[i]) | (x[i + 1] != x[i + 1]);
    }
    return colonnade::maximum(b > a ? b : a);
}

void summarise(const float* row, int64_t width, Summary& summary) {
    const int64_t whole = width / BLOCK;
    summary.maxima.resize((width + BLOCK - 1) / BLOCK);
    IntLanes odd = {};
    for (int64_t b = 0; b < whole; ++b) summary.maxima[b] = block_maximum(row + b * BLOCK, odd);
    bool strange = false;
    for (int i = 0; i < 8; ++i) strange |= odd[i] != 0;
    if (whole * BLOCK < width) {
        float most = row[whole * BLOCK];
        for (int64_t i = whole * BLOCK; i < width; ++i) {
            most = row[i] > most ? row[i] : most;
            strange |= row[i] != row[i];
        }
        summary.maxima.back() = most;
    }
    summary.sound = !strange;
}

}  // namespace

// The lowest id of the largest of ``width`` scores, and that score; NaN if any of them is one.
extern "C" void colonnade_best(const float* rows, int64_t count, int64_t width, int64_t* ids, float* scores) {
    thread_local Summary summary;
    for (int64_t r = 0; r < count; ++r) {
        const float* row = rows + r * width;
        summarise(row, width, summary);
        const auto best = std::max_element(summary.maxima.begin(), summary.maxima.end());
        const float* from = row + (best - summary.maxima.begin()) * BLOCK;
        ids[r] = std::find(from, row + width, *best) - row;
        scores[r] = *best;
        if (!summary.sound || ids[r] == width) {
            ids[r] = 0;
            scores[r] = std::numeric_limits<float>::quiet_NaN();
        }
    }
}

// Writes the ids of the ``k`` best scores and of all that tie with the last of them, best first, ties by id;
// returns how many, or -1 if a score is NaN. ``ids`` has room for ``width``; 1 <= k <= width.
extern "C" int64_t colonnade_top_ids(const float* row, int64_t width, int64_t k, int64_t* ids) {
    thread_local Summary summary;
    thread_local std::vector<float> ranked;
    summarise(row, width, summary);
    if (!summary.sound) return -1;
    float bound = -std::numeric_limits<float>::infinity();
    if (k <= static_cast<int64_t>(summary.maxima.size())) {
        ranked = summary.maxima;
        std::nth_element(ranked.begin(), ranked.begin() + (k - 1), ranked.end(), std::greater<float>());
        bound = ranked[k - 1];
    }
    int64_t found = 0;
    for (size_t b = 0; b < summary.maxima.size(); ++b) {
        if (summary.maxima[b] < bound) continue;
        const int64_t from = b * BLOCK, to = std::min<int64_t>(from + BLOCK, width);
        for (int64_t i = from; i < to; ++i)
            if (row[i] >= bound) ids[found++] = i;
    }
    ranked.resize(found);
    for (int64_t i = 0; i < found; ++i) ranked[i] = row[ids[i]];
    std::nth_element(ranked.begin(), ranked.begin() + (k - 1), ranked.end(), std::greater<float>());
    const float threshold = ranked[k - 1];
    int64_t* const end = std::remove_if(ids, ids + found, [&](int64_t id) { return row[id] < threshold; });
    std::stable_sort(ids, end, [&](int64_t a, int64_t b) { return row[a] > row[b]; });
    return end - ids;
}
