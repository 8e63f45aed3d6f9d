// Eight floats at a time, in the compiler's own vector types: AVX2 where there is one, pairs of SSE or NEON
// registers elsewhere.

#pragma once

#include <cstdint>
#include <cstring>

namespace colonnade {

typedef float Lanes __attribute__((vector_size(32), aligned(4)));
typedef int32_t IntLanes __attribute__((vector_size(32), aligned(4)));
constexpr int LANES = 8;

inline Lanes load(const float* from) { return *reinterpret_cast<const Lanes*>(from); }
inline void store(float* to, Lanes x) { *reinterpret_cast<Lanes*>(to) = x; }
inline Lanes all(float x) { return Lanes{x, x, x, x, x, x, x, x}; }

// In a fixed order, whatever surrounds the call.
inline float sum(Lanes x) { return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7])); }

inline float maximum(Lanes x) {
    float most = x[0];
    for (int i = 1; i < LANES; ++i) most = x[i] > most ? x[i] : most;
    return most;
}

// e^x to about one unit in the last place for x <= 88; 0 below -87; NaN stays NaN. Range reduction by ln 2 in two parts, then
// the Taylor polynomial of degree 7 on [-ln2/2, ln2/2].
inline Lanes exponential(Lanes x) {
    const Lanes low = all(-87.0f), shift = all(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
    const Lanes held = x > low ? x : low;
    const Lanes n = (held * all(1.44269504f) + shift) - shift;
    const Lanes r = (held - n * all(0.693359375f)) - n * all(-2.12194440e-4f);
    Lanes y = all(1.0f / 5040);
    y = y * r + all(1.0f / 720);
    y = y * r + all(1.0f / 120);
    y = y * r + all(1.0f / 24);
    y = y * r + all(1.0f / 6);
    y = y * r + all(0.5f);
    y = y * r + all(1.0f);
    y = y * r + all(1.0f);
    const IntLanes bits = (__builtin_convertvector(n, IntLanes) + 127) << 23;
    Lanes power;
    std::memcpy(&power, &bits, sizeof power);
    y = y * power;
    return x < low ? Lanes{} : (x >= low ? y : x);
}

inline float exponential(float x) { return exponential(all(x))[0]; }

}  // namespace colonnade
