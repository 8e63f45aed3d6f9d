// Threads that work on several steps in a row and meet between them.

#pragma once

#include <atomic>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace colonnade {

// Steps take microseconds and a sleeping thread wakes up in fifty, so waiting is looking again for a while.
// Who waits longer sleeps: on cores that others want as well, the one that is waited for may need this core.
class Meeting {
    static constexpr int LOOKS = 2000;
    const int32_t members;
    std::atomic<int32_t> arrived = 0, round = 0;

    static void rest() {
#if defined(__x86_64__)
        _mm_pause();
#endif
    }

   public:
    explicit Meeting(int32_t members) : members(members) {}

    void wait() {
        if (members == 1) return;
        const int32_t mine = round.load(std::memory_order_relaxed);
        if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == members) {
            arrived.store(0, std::memory_order_relaxed);
            round.store(mine + 1, std::memory_order_release);
            round.notify_all();
            return;
        }
        for (int look = 0; look < LOOKS; ++look) {
            if (round.load(std::memory_order_acquire) != mine) return;
            rest();
        }
        round.wait(mine, std::memory_order_acquire);
    }
};

// One thread's share of `count` things.
struct Share {
    int64_t first, last;
    Share(int64_t count, int64_t part, int64_t parts)
        : first(count * part / parts), last(count * (part + 1) / parts) {}
};

}  // namespace colonnade
