// The elements of pages: stored in single or half precision, computed with in single.

#pragma once

#include <cstdint>
#include <cstring>

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace colonnade {

struct Half {
    _Float16 bits;
    static Half of(float x) {  // what is too large becomes the largest there is
        x = x > 65504.0f ? 65504.0f : x;
        return {static_cast<_Float16>(x < -65504.0f ? -65504.0f : x)};
    }
};

struct Brain {
    uint16_t bits;
    static Brain of(float x) {  // rounded to the nearest, ties to even
        uint32_t word;
        std::memcpy(&word, &x, sizeof word);
        if (x != x) return {static_cast<uint16_t>((word >> 16) | 64)};
        return {static_cast<uint16_t>((word + 0x7fff + ((word >> 16) & 1)) >> 16)};
    }
};

inline void narrow(float x, float* to) { *to = x; }
inline void narrow(float x, Half* to) { *to = Half::of(x); }
inline void narrow(float x, Brain* to) { *to = Brain::of(x); }

// `count` elements as floats: where they lie if they are, else in `scratch`.
inline const float* widen(const float* from, int64_t, float*) { return from; }

inline const float* widen(const Half* from, int64_t count, float* scratch) {
    int64_t i = 0;
#if defined(__F16C__)
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(scratch + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
#endif
    for (; i < count; ++i) scratch[i] = static_cast<float>(from[i].bits);
    return scratch;
}

inline const float* widen(const Brain* from, int64_t count, float* scratch) {
    for (int64_t i = 0; i < count; ++i) {
        const uint32_t word = static_cast<uint32_t>(from[i].bits) << 16;
        std::memcpy(scratch + i, &word, sizeof word);
    }
    return scratch;
}

}  // namespace colonnade
