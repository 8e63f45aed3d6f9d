// Attention over pages in one pass with a running softmax (Dao et al. 2022, arXiv:2205.14135).
//
// Work is cut into units: a span, a key-value head, some of the span's tokens with all query heads of that
// head. Keys are worked off in blocks of 64, and blocks in chunks of 256 that are put together in order, so
// that the chunks of a long decode can be worked off side by side. Blocks and chunks begin at absolute
// positions and sums run in ascending order, so a row's result depends on its query and on the keys it sees,
// and on nothing else: not the batch, the number of threads, or how a prompt was cut.
//
// A page keeps its keys as (width, PAGE), so that one vector holds a feature of eight keys, and its values as
// (PAGE, width). Slots that a row may not see are never multiplied, whatever they hold.

#include "attention.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "attention_tiles.h"
#include "pages.h"
#include "team.h"

namespace colonnade {
namespace {

constexpr int64_t CHUNK = 256;              // keys whose sums are put together at once
constexpr int64_t ROWS = 48;                // of a unit, about
constexpr int64_t WORTH_THREADS = 1 << 18;  // multiplications below which waking a thread takes longer

struct Unit {
    int32_t span, head, from, to;  // tokens of the span
    int32_t low, high;             // keys
    int64_t partial;               // row in the partial results, or -1: this unit has all keys
};

struct Sums {  // of rows: the running maximum, the sum of weights, and the weighted values
    float *top, *weight, *value;
};

struct Scratch {
    std::vector<float> queries, scores, keys, values, held;
    std::vector<int32_t> low, high;
    Sums part, total;

    void fit(int64_t rows, int64_t width) {
        queries.resize(rows * width);
        scores.resize(rows * BLOCK);
        keys.resize(BLOCK * width);
        values.resize(BLOCK * width);
        low.resize(rows);
        high.resize(rows);
        held.resize(2 * rows * (width + 2));
        float* at = held.data();
        for (Sums* sums : {&part, &total}) {
            *sums = {at, at + rows, at + 2 * rows};
            at += rows * (width + 2);
        }
    }
};

void clear(Sums sums, int64_t rows, int64_t width) {
    std::fill(sums.top, sums.top + rows, NEVER);
    std::fill(sums.weight, sums.weight + rows, 0.0f);
    std::fill(sums.value, sums.value + rows * width, 0.0f);
}

template <typename T>
class Job : public Attending {
    const Attention call;
    const Spans spans;
    const int64_t group, page_size;  // query heads of a key-value head; elements of a page
    std::vector<Unit> units;
    std::vector<float> partials;  // (rows, width + 2)
    int64_t partial_rows = 0;
    std::atomic<int64_t> next_run = 0, next_gather = 0;

   public:
    Job(const Attention& call, const Spans& spans)
        : call(call), spans(spans), group(call.heads / call.kv_heads),
          page_size(2 * call.kv_heads * PAGE * call.width) {
        for (int64_t s = 0; s < spans.count; ++s)
            for (int64_t h = 0; h < call.kv_heads; ++h) plan(s, h);
        partials.resize(partial_rows * (call.width + 2));
        in_chunks = partial_rows > 0;
    }

    void write(int64_t row) const override {
        const int32_t* const end = spans.first + spans.count;
        const int64_t span = std::upper_bound(spans.first, end, row) - spans.first - 1;
        write(span, row - spans.first[span]);
    }

    void run() override {
        thread_local Scratch scratch;
        const int64_t count = units.size();
        for (int64_t i; (i = next_run.fetch_add(1, std::memory_order_relaxed)) < count;) run(units[i], scratch);
    }

    void gather() override {
        const int64_t count = units.size();
        for (int64_t i; (i = next_gather.fetch_add(1, std::memory_order_relaxed)) < count;)
            if (leads(i)) gather(i);
    }

   private:
    int64_t step() const { return std::max<int64_t>(1, ROWS / group); }

    int64_t lowest(int64_t span, int64_t token) const {
        return call.window ? std::max<int64_t>(0, spans.start[span] + token - call.window + 1) : 0;
    }

    int64_t highest(int64_t span, int64_t token) const {
        return spans.start[span] + (spans.causal[span] ? token + 1 : spans.tokens[span]);
    }

    void plan(int64_t span, int64_t head) {
        const int64_t count = spans.tokens[span], blocks = (count + step() - 1) / step();
        for (int64_t b = blocks - 1; b >= 0; --b) {  // those with the most keys first
            const int32_t from = b * step(), to = std::min(count, (b + 1) * step());
            const int32_t low = lowest(span, from), high = highest(span, to - 1);
            work += int64_t(to - from) * group * (high - low) * call.width;
            Unit unit{int32_t(span), int32_t(head), from, to, low, high, -1};
            const int64_t first = low / CHUNK, last = (high + CHUNK - 1) / CHUNK;
            if (blocks > 1 || last - first == 1) {
                units.push_back(unit);
                continue;
            }
            for (int64_t c = first; c < last; ++c) {
                unit.low = std::max<int64_t>(low, c * CHUNK);
                unit.high = std::min<int64_t>(high, (c + 1) * CHUNK);
                unit.partial = partial_rows;
                partial_rows += (to - from) * group;
                units.push_back(unit);
            }
        }
    }

    T* page(int64_t span, int64_t position) const {
        const int64_t id = spans.table[span * spans.table_width + position / PAGE];
        return static_cast<T*>(call.pages) + id * page_size;
    }

    void write(int64_t span, int64_t token) const {
        const int64_t position = spans.start[span] + token, row = spans.first[span] + token;
        const int64_t slot = position % PAGE, width = call.width, size = PAGE * width;
        T* const keys = page(span, position);
        T* const values = keys + call.kv_heads * size;
        for (int64_t h = 0; h < call.kv_heads; ++h) {
            const float* k = call.k + row * call.k_stride + h * width;
            const float* v = call.v + row * call.v_stride + h * width;
            for (int64_t j = 0; j < width; ++j) narrow(k[j], keys + h * size + j * PAGE + slot);
            for (int64_t j = 0; j < width; ++j) narrow(v[j], values + h * size + slot * width + j);
        }
    }

    void run(const Unit& unit, Scratch& scratch) {
        const int64_t rows = (unit.to - unit.from) * group, width = call.width;
        scratch.fit(rows, width);
        for (int64_t r = 0; r < rows; ++r) {
            const int64_t token = unit.from + r / group, head = unit.head * group + r % group;
            const float* q = call.q + (spans.first[unit.span] + token) * call.q_stride + head * width;
            for (int64_t j = 0; j < width; ++j) scratch.queries[r * width + j] = q[j] * call.scale;
            scratch.low[r] = lowest(unit.span, token);
            scratch.high[r] = highest(unit.span, token);
        }
        clear(scratch.total, rows, width);
        for (int64_t at = unit.low / CHUNK * CHUNK; at < unit.high; at += CHUNK) {
            clear(scratch.part, rows, width);
            for (int64_t b = at; b < std::min<int64_t>(at + CHUNK, unit.high); b += BLOCK)
                if (b + BLOCK > unit.low) block(unit, rows, b, scratch);
            for (int64_t r = 0; r < rows; ++r)
                join(scratch.total.top + r, scratch.total.weight + r, scratch.total.value + r * width,
                     scratch.part.top[r], scratch.part.weight[r], scratch.part.value + r * width, width);
        }
        finish(unit, rows, scratch);
    }

    // One block of keys for all rows of a unit.
    void block(const Unit& unit, int64_t rows, int64_t at, Scratch& scratch) const {
        const int64_t width = call.width, size = PAGE * width;
        const int64_t first = std::max<int64_t>(unit.low - at, 0) / PAGE;
        const int64_t end = (std::min<int64_t>(unit.high - at, BLOCK) + PAGE - 1) / PAGE;
        const float* values[BLOCK_PAGES] = {};
        for (int64_t p = first; p < end; ++p) {
            const T* stored = page(unit.span, at + p * PAGE) + unit.head * size;
            const float* keys = widen(stored, size, scratch.keys.data());
            values[p] = widen(stored + call.kv_heads * size, size, scratch.values.data() + p * size);
            tiled(rows, [&]<int R>(int64_t r) {
                score_tile<R>(&scratch.queries[r * width], width, keys, &scratch.scores[r * BLOCK + p * PAGE]);
            });
        }
        for (int64_t r = 0; r < rows; ++r)
            weigh(&scratch.scores[r * BLOCK], seen_from(scratch, r, at), seen_to(scratch, r, at), width,
                  scratch.part.top + r, scratch.part.weight + r, scratch.part.value + r * width);
        tiled(rows, [&]<int R>(int64_t r) { mix<R>(r, at, values, scratch); });
    }

    static int64_t seen_from(const Scratch& scratch, int64_t row, int64_t at) {
        return std::clamp<int64_t>(scratch.low[row] - at, 0, BLOCK);
    }

    static int64_t seen_to(const Scratch& scratch, int64_t row, int64_t at) {
        return std::clamp<int64_t>(scratch.high[row] - at, seen_from(scratch, row, at), BLOCK);
    }

    // Keys that all rows of the tile see go together, those at the edges row by row.
    template <int R>
    void mix(int64_t row, int64_t at, const float* const* values, Scratch& scratch) const {
        int64_t from = 0, to = BLOCK;
        for (int r = 0; r < R; ++r) {
            from = std::max(from, seen_from(scratch, row + r, at));
            to = std::min(to, seen_to(scratch, row + r, at));
        }
        const int64_t width = call.width;
        to = std::max(from, to);
        for (int r = 0; r < R; ++r)
            mix_tile<1>(&scratch.scores[(row + r) * BLOCK], values, width, seen_from(scratch, row + r, at),
                        std::min(from, seen_to(scratch, row + r, at)), scratch.part.value + (row + r) * width);
        mix_tile<R>(&scratch.scores[row * BLOCK], values, width, from, to, scratch.part.value + row * width);
        for (int r = 0; r < R; ++r)
            mix_tile<1>(&scratch.scores[(row + r) * BLOCK], values, width,
                        std::max(to, seen_from(scratch, row + r, at)), seen_to(scratch, row + r, at),
                        scratch.part.value + (row + r) * width);
    }

    void finish(const Unit& unit, int64_t rows, const Scratch& scratch) {
        const int64_t width = call.width;
        for (int64_t r = 0; r < rows; ++r) {
            const float* value = scratch.total.value + r * width;
            if (unit.partial < 0) {
                give(unit, r, scratch.total.weight[r], value);
                continue;
            }
            float* kept = &partials[(unit.partial + r) * (width + 2)];
            kept[0] = scratch.total.top[r];
            kept[1] = scratch.total.weight[r];
            std::copy(value, value + width, kept + 2);
        }
    }

    void give(const Unit& unit, int64_t row, float weight, const float* value) const {
        const int64_t token = spans.first[unit.span] + unit.from + row / group;
        float* o = call.o + token * call.o_stride + (unit.head * group + row % group) * call.width;
        for (int64_t j = 0; j < call.width; ++j) o[j] = value[j] / weight;
    }

    // Puts together the chunks that begin at `index`; the chunks of a unit follow each other.
    void gather(size_t index) const {
        const Unit& unit = units[index];
        const int64_t rows = (unit.to - unit.from) * group, width = call.width;
        std::vector<float> value(width);
        for (int64_t r = 0; r < rows; ++r) {
            float top = NEVER, weight = 0;
            std::fill(value.begin(), value.end(), 0.0f);
            for (size_t i = index; i < units.size() && same(units[i], unit); ++i) {
                const float* part = &partials[(units[i].partial + r) * (width + 2)];
                join(&top, &weight, value.data(), part[0], part[1], part + 2, width);
            }
            give(unit, r, weight, value.data());
        }
    }

    static bool same(const Unit& a, const Unit& b) {
        return a.span == b.span && a.head == b.head && a.from == b.from;
    }

    bool leads(size_t index) const {
        return units[index].partial >= 0 && (index == 0 || !same(units[index - 1], units[index]));
    }
};

}  // namespace

std::unique_ptr<Attending> attending(const Attention& call, const Spans& spans) {
    if (call.page_type == 1) return std::make_unique<Job<Half>>(call, spans);
    if (call.page_type == 2) return std::make_unique<Job<Brain>>(call, spans);
    return std::make_unique<Job<float>>(call, spans);
}

}  // namespace colonnade

extern "C" void colonnade_attend(const colonnade::Attention* call, const colonnade::Spans* spans, int32_t threads) {
    using namespace colonnade;
    const auto job = attending(*call, *spans);
    const int64_t last = spans->count - 1, rows = spans->first[last] + spans->tokens[last];
    in_parallel(job->work > WORTH_THREADS ? threads : 1, [&](int64_t part, int64_t parts, Meeting& meeting) {
        const Share share(rows, part, parts);
        for (int64_t n = share.first; n < share.last; ++n) job->write(n);
        meeting.wait();
        job->run();
        if (!job->in_chunks) return;
        meeting.wait();
        job->gather();
    });
}
