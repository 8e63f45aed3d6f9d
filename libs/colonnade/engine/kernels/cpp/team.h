// Threads that work on several steps in a row and meet between them.

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

namespace colonnade {

// How to wait for another thread. Steps take microseconds and a sleeping thread wakes up in fifty, so waiting
// is looking again for a while. On cores that others want as well, looking only keeps them from the one that
// is waited for. Who slept and was called soon would have done better to look, and looks twice as long the next
// time: else each one's slow waking up sends the other to sleep, for good. Who slept for long looks half as long.
class Patience {
    static constexpr int32_t LEAST = 16, MOST = 4000;
    static constexpr std::chrono::microseconds SOON{150};
    int32_t looks = MOST;

   public:
    // Until `value` is no longer `old`; what it is then.
    int32_t wait(const std::atomic<int32_t>& value, int32_t old);
};

Patience& patience();  // of this thread

// Where all members wait until the last one is there.
class Meeting {
    const int32_t members;
    std::atomic<int32_t> arrived = 0, round = 0;

   public:
    explicit Meeting(int32_t members) : members(members) {}
    void wait();
};

// Runs body(part, meeting) for part 0..threads-1, each on a thread of its own, the first on this one; returns
// when all are done. The other threads stay for the next time. Where they are busy for someone else, one
// thread does it all. `body` must not throw.
void in_parallel(int32_t threads, const std::function<void(int64_t part, int64_t parts, Meeting&)>& body);

// One thread's share of `count` things.
struct Share {
    int64_t first, last;
    Share(int64_t count, int64_t part, int64_t parts)
        : first(count * part / parts), last(count * (part + 1) / parts) {}
};

}  // namespace colonnade
