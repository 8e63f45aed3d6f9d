// Threads that stay between calls. OpenMP's either sleep after each region, and thirty layers a token wake
// them up thirty times, or look for work so long that busy cores come to a halt.

#include "team.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace colonnade {
namespace {

void rest() {
#if defined(__x86_64__)
    _mm_pause();
#else
    std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

using Body = std::function<void(int64_t, int64_t, Meeting&)>;

class Team {
    std::mutex mutex;
    int32_t size = 1;  // with the caller
    const Body* body = nullptr;
    Meeting* meeting = nullptr;
    std::atomic<int32_t> call = 0;     // its lowest bits: how many threads it wants
    std::atomic<int32_t> working = 0;  // besides the caller
    static constexpr int32_t BITS = 10;

    void work(int32_t part, int32_t seen) {
        Patience between_calls;
        for (;;) {
            seen = between_calls.wait(call, seen);
            const int32_t wanted = seen & ((1 << BITS) - 1);
            if (part >= wanted) continue;
            (*body)(part, wanted, *meeting);
            if (working.fetch_sub(1) == 1) working.notify_one();
        }
    }

   public:
    static constexpr int32_t MOST = (1 << BITS) - 1;

    bool run(int32_t threads, const Body& what) {
        const std::unique_lock<std::mutex> lock(mutex, std::try_to_lock);
        if (!lock) return false;
        for (; size < threads; ++size)
            std::thread(&Team::work, this, size, call.load()).detach();
        Meeting place(threads);
        body = &what;
        meeting = &place;
        working.store(threads - 1, std::memory_order_relaxed);
        const uint32_t serial = (static_cast<uint32_t>(call.load()) >> BITS) + 1;
        call.store(static_cast<int32_t>(serial << BITS | threads));  // in one order with who goes to sleep
        call.notify_all();
        what(0, threads, place);
        for (int32_t left; (left = working.load(std::memory_order_acquire)) != 0;) patience().wait(working, left);
        return true;
    }
};

// Never taken down: its threads may be waiting in it while the process ends. A forked process has none of
// them and begins anew.
Team& team() {
    static std::atomic<Team*> current = nullptr;
    static std::atomic<pid_t> owner = 0;
    static std::mutex beginning;
    const pid_t self = getpid();
    if (owner.load(std::memory_order_acquire) != self) {
        const std::lock_guard<std::mutex> lock(beginning);
        if (owner.load(std::memory_order_relaxed) != self) {
            current.store(new Team, std::memory_order_relaxed);
            owner.store(self, std::memory_order_release);
        }
    }
    return *current.load(std::memory_order_relaxed);
}

}  // namespace

int32_t Patience::wait(const std::atomic<int32_t>& value, int32_t old) {
    for (int32_t look = 0; look < looks; ++look) {
        if (const int32_t now = value.load(std::memory_order_acquire); now != old) {
            looks = std::min(looks + looks / 8 + 1, MOST);
            return now;
        }
        rest();
    }
    const auto began = std::chrono::steady_clock::now();
    value.wait(old, std::memory_order_acquire);
    const bool soon = std::chrono::steady_clock::now() - began < SOON;
    looks = soon ? std::min(2 * looks, MOST) : std::max(looks / 2, LEAST);
    return value.load(std::memory_order_acquire);
}

Patience& patience() {
    thread_local Patience own;
    return own;
}

void Meeting::wait() {
    if (members == 1) return;
    const int32_t mine = round.load(std::memory_order_relaxed);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 < members) {
        patience().wait(round, mine);
        return;
    }
    arrived.store(0, std::memory_order_relaxed);
    round.store(mine + 1);  // in one order with who goes to sleep, or the call below may miss one
    round.notify_all();
}

void in_parallel(int32_t threads, const Body& body) {
    threads = std::clamp(threads, 1, Team::MOST);
    if (threads > 1 && team().run(threads, body)) return;
    Meeting alone(1);
    body(0, 1, alone);
}

}  // namespace colonnade
