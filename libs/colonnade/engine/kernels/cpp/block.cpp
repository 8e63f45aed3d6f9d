// A layer of a pre-norm transformer, by threads that stay together from step to step. They share the rows of
// what is done row by row and the columns of the products, and meet where one needs what another made. With
// one or two rows each thread norms and prepares them for itself, which takes less time than to meet.

#include "block.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <new>
#include <utility>
#include <vector>

#include "lanes.h"
#include "team.h"

namespace colonnade {
namespace {

constexpr int64_t ROWS_FOR_EACH = 2;            // up to so many, each thread makes its own
constexpr int64_t PRODUCTS_A_THREAD = 100'000;  // below, waking a thread takes longer

class Memory {  // of one thread, kept from call to call
    void* held = nullptr;
    size_t size = 0;

   public:
    ~Memory() { ::operator delete(held, std::align_val_t(64)); }
    void* of(size_t bytes) {
        if (bytes > size) {
            ::operator delete(held, std::align_val_t(64));
            held = ::operator new(bytes, std::align_val_t(64));
            size = bytes;
        }
        return held;
    }
};

float mean_square(const float* x, int64_t width) {
    Lanes sums[2] = {};
    int64_t j = 0;
    for (; j + 2 * LANES <= width; j += 2 * LANES) {
        sums[0] += load(x + j) * load(x + j);
        sums[1] += load(x + j + LANES) * load(x + j + LANES);
    }
    float total = sum(sums[0] + sums[1]);
    for (; j < width; ++j) total += x[j] * x[j];
    return total / static_cast<float>(width);
}

void rms_norm(const float* x, Norm norm, int64_t width, float* y) {
    const float factor = 1.0f / std::sqrt(mean_square(x, width) + norm.epsilon);
    for (int64_t j = 0; j < width; ++j) y[j] = norm.weight[j] * (x[j] * factor);
}

// Feature i turns together with feature i + width / 2.
void turn(float* x, const float* cosine, const float* sine, int64_t width) {
    const int64_t half = width / 2;
    for (int64_t i = 0; i < half; ++i) {
        const float a = x[i], b = x[i + half];
        x[i] = a * cosine[i] - b * sine[i];
        x[i + half] = b * cosine[i + half] + a * sine[i + half];
    }
}

// gate = silu(gate) * up
void activate(float* gate, const float* up, int64_t count) {
    const auto activated = [](Lanes g, Lanes u) {
        const Lanes most = all(88.0f), minus = -g;
        return g / (all(1.0f) + exponential(minus > most ? most : minus)) * u;
    };
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) store(gate + i, activated(load(gate + i), load(up + i)));
    for (; i < count; ++i) gate[i] = activated(all(gate[i]), all(up[i]))[0];
}

int64_t height(const PackedMatrix* w) { return w->format == FLOAT32 || w->format == BFLOAT16 ? 16 : 8; }

class Worker {
    const Block& block;
    const Forward& forward;
    Attending* const job;
    Meeting& meeting;
    void* const together;  // prepared rows that all threads use
    const int64_t part, parts;
    const bool for_each;   // every thread prepares all rows for itself
    const Share rows;

   public:
    Worker(const Block& block, const Forward& forward, Attending* job, Meeting& meeting, void* together,
           int64_t part, int64_t parts)
        : block(block), forward(forward), job(job), meeting(meeting), together(together), part(part), parts(parts),
          for_each(forward.count <= ROWS_FOR_EACH),
          rows(for_each ? Share(forward.count, 0, 1) : Share(forward.count, part, parts)) {}

    void run(int32_t stage) {
        switch (stage) {
            case PROJECT: return project();
            case ATTEND: return attend();
            case OUTPUT: return output();
            case EXPAND: return expand();
            case CONTRACT: return contract();
            case CLOSE: return close();
        }
    }

   private:
    float* own(float* shared, int which, int64_t width) const {
        thread_local Memory memories[2];
        if (!for_each || part == 0) return shared;
        return static_cast<float*>(memories[which].of(forward.count * width * sizeof(float)));
    }

    // Products of x with matrices of the same columns. This thread's rows of x are there, or all are.
    void products(const float* x, std::initializer_list<std::pair<const PackedMatrix*, float*>> all_of) const {
        thread_local Memory memory;
        const int64_t stride = all_of.begin()->first->columns;
        void* prepared = together;
        for (const auto& [w, y] : all_of)
            if (const int64_t bytes = linear_scratch_bytes(w, forward.count)) {
                if (for_each) prepared = memory.of(bytes);
                linear_prepare(w, x, stride, forward.count, rows.first, rows.last, prepared);
                break;
            }
        if (!for_each) meeting.wait();
        for (const auto& [w, y] : all_of)
            linear_part(w, x, stride, prepared, forward.count, y, w->rows, part, parts);
    }

    void project() const {
        const int64_t width = block.width;
        const float* x = forward.x;
        if (block.attention_norm.weight) {
            float* normed = own(forward.normed, 0, width);
            for (int64_t n = rows.first; n < rows.last; ++n)
                rms_norm(x + n * width, block.attention_norm, width, normed + n * width);
            x = normed;
        }
        products(x, {{block.query, forward.query}, {block.key, forward.key}, {block.value, forward.value}});
    }

    void attend() const {
        const Share mine(forward.count, part, parts);
        for (int64_t n = mine.first; n < mine.last; ++n) {
            heads(n, forward.query, block.heads, block.query_norm);
            heads(n, forward.key, block.kv_heads, block.key_norm);
            job->write(n);
        }
        meeting.wait();
        job->run();
        if (job->in_chunks) {
            meeting.wait();
            job->gather();
        }
    }

    void heads(int64_t n, float* of, int64_t count, Norm norm) const {
        const int64_t width = block.head_width;
        for (int64_t h = 0; h < count; ++h) {
            float* x = of + (n * count + h) * width;
            if (norm.weight) rms_norm(x, norm, width, x);
            if (forward.cosine) turn(x, forward.cosine + n * width, forward.sine + n * width, width);
        }
    }

    void output() const { products(forward.mixed, {{block.output, forward.change}}); }

    void expand() const {
        const int64_t width = block.width;
        float *out = own(forward.out, 0, width), *normed = own(forward.normed, 1, width);
        for (int64_t n = rows.first; n < rows.last; ++n) {
            const float *x = forward.x + n * width, *change = forward.change + n * width;
            float* y = out + n * width;
            for (int64_t j = 0; j < width; ++j) y[j] = x[j] + change[j];
            rms_norm(y, block.feed_forward_norm, width, normed + n * width);
        }
        products(normed, {{block.gate, forward.gate}, {block.up, forward.up}});
    }

    void contract() const {
        if (height(block.gate) != height(block.up)) meeting.wait();
        const Share mine = columns(block.gate);
        for (int64_t n = 0; n < forward.count; ++n)
            activate(forward.gate + n * block.hidden + mine.first, forward.up + n * block.hidden + mine.first,
                     mine.last - mine.first);
        meeting.wait();
        products(forward.gate, {{block.down, forward.change}});
    }

    void close() const {
        const Share mine = columns(block.down);
        for (int64_t n = 0; n < forward.count; ++n)
            for (int64_t j = mine.first; j < mine.last; ++j)
                forward.out[n * block.width + j] += forward.change[n * block.width + j];
    }

    // Those that linear_part gives to this thread.
    Share columns(const PackedMatrix* w) const {
        Share share((w->rows + height(w) - 1) / height(w), part, parts);
        share.first *= height(w);
        share.last = std::min(share.last * height(w), w->rows);
        return share;
    }
};

int32_t worth(const Block& block, const Forward& forward) {
    const int64_t width = block.width, heads = 2 * (block.heads + block.kv_heads) * block.head_width;
    const int64_t products = forward.count * width * (heads + 3 * block.hidden);
    return static_cast<int32_t>(std::min<int64_t>(forward.threads, 1 + products / PRODUCTS_A_THREAD));
}

// A thread goes on from these to the next stage alone: it needs its own columns only.
bool flows(int32_t stage) { return stage == EXPAND || stage == CONTRACT; }

}  // namespace
}  // namespace colonnade

namespace colonnade {
namespace {

std::unique_ptr<Attending> attention_of(const Block& block, const Forward& forward) {
    const int64_t queries = block.heads * block.head_width, keys = block.kv_heads * block.head_width;
    return attending({forward.query, forward.key, forward.value, forward.mixed, queries, keys, keys, queries,
                      forward.pages, forward.page_type, block.heads, block.kv_heads, block.head_width,
                      forward.window, forward.scale},
                     *forward.spans);
}

size_t prepared_bytes(const Block& block, int64_t count) {
    int64_t bytes = 0;
    for (const PackedMatrix* w :
         {block.query, block.key, block.value, block.output, block.gate, block.up, block.down})
        bytes = std::max(bytes, linear_scratch_bytes(w, count));
    return bytes;
}

void stages(Worker&& worker, int32_t first, int32_t last, Meeting& meeting) {
    for (int32_t stage = first; stage <= last; ++stage) {
        worker.run(stage);
        if (stage < last && !flows(stage)) meeting.wait();
    }
}

}  // namespace
}  // namespace colonnade

extern "C" void colonnade_block(const colonnade::Block* block, const colonnade::Forward* forward, int32_t first,
                                int32_t last) {
    using namespace colonnade;
    thread_local Memory memory;
    std::unique_ptr<Attending> job;
    if (first <= ATTEND && ATTEND <= last) job = attention_of(*block, *forward);
    void* const together = memory.of(prepared_bytes(*block, forward->count));
    in_parallel(worth(*block, *forward), [&](int64_t part, int64_t parts, Meeting& meeting) {
        stages(Worker(*block, *forward, job.get(), meeting, together, part, parts), first, last, meeting);
    });
}

extern "C" void colonnade_blocks(const colonnade::Block* const* blocks, int64_t layers, const colonnade::Place* places,
                                 const colonnade::Forward* forward) {
    using namespace colonnade;
    thread_local Memory memory, between;
    float* const spare = static_cast<float*>(between.of(forward->count * blocks[0]->width * sizeof(float)));
    std::vector<Forward> forwards(layers, *forward);
    std::vector<std::unique_ptr<Attending>> jobs(layers);
    size_t bytes = 0;
    for (int64_t i = 0; i < layers; ++i) {
        Forward& each = forwards[i];
        if (i) each.x = forwards[i - 1].out;
        each.out = (layers - i) % 2 ? forward->out : spare;
        each.pages = places[i].pages;
        each.window = places[i].window;
        jobs[i] = attention_of(*blocks[i], each);
        bytes = std::max(bytes, prepared_bytes(*blocks[i], forward->count));
    }
    void* const together = memory.of(bytes);
    in_parallel(worth(*blocks[0], *forward), [&](int64_t part, int64_t parts, Meeting& meeting) {
        for (int64_t i = 0; i < layers; ++i) {
            if (i) meeting.wait();
            stages(Worker(*blocks[i], forwards[i], jobs[i].get(), meeting, together, part, parts), PROJECT, CLOSE,
                   meeting);
        }
    });
}

extern "C" void colonnade_rms_norm(const float* x, const float* weight, float epsilon, int64_t rows, int64_t width,
                                   float* y) {
    for (int64_t n = 0; n < rows; ++n) colonnade::rms_norm(x + n * width, {weight, epsilon}, width, y + n * width);
}
