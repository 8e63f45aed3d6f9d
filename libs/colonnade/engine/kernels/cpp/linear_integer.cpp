// Products with 8-bit and 4-bit weights: whole numbers within a group, floats from group to group.
#include <algorithm>

#include "linear_layout.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace colonnade {
namespace {

constexpr int64_t ROWS_AT_ONCE = 64;   // of x: their sums stay in the first-level cache
constexpr int64_t BLOCKS_AT_ONCE = 4;  // then y is written by whole lines of the cache

using Sums8 = int32_t __attribute__((vector_size(32)));

#if defined(__AVX2__)

using Chunks = __m256i[8];

inline __m256i bytes(const void* from) { return _mm256_loadu_si256((const __m256i*)from); }
inline __m256i four(const int8_t* values) { return _mm256_set1_epi32(load<int32_t>(values)); }

// Adds the products of neighbouring four: unsigned bytes of a, signed ones of b.
inline __m256i add_dots(__m256i sums, __m256i a, __m256i b) {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
    return _mm256_dpbusd_epi32(sums, a, b);
#elif defined(__AVXVNNI__)
    return _mm256_dpbusd_avx_epi32(sums, a, b);
#else
    return _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1)));
#endif
}

inline void unpack(const Int4Group& group, Chunks& w) {
    const __m256i low = _mm256_set1_epi8(15);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m256i both = bytes(group.chunks[i]);
        w[i] = _mm256_and_si256(both, low);
        w[i + 4] = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
    }
}

inline void unpack(const Int8Group& group, Chunks& w) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) w[i] = bytes(group.chunks[i]);
}

inline Sums8 dot(const Int4Group&, const Chunks& w, const int8_t* x) {
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
    __m256i sums = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) sums = add_dots(sums, w[i], four(x + 4 * i));
    return (Sums8)sums;
#else  // eight products of two by 15 * 127 fit into 16 bits
    __m256i even = _mm256_maddubs_epi16(w[0], four(x)), odd = _mm256_maddubs_epi16(w[1], four(x + 4));
#pragma GCC unroll 3
    for (int i = 2; i < 8; i += 2) {
        even = _mm256_add_epi16(even, _mm256_maddubs_epi16(w[i], four(x + 4 * i)));
        odd = _mm256_add_epi16(odd, _mm256_maddubs_epi16(w[i + 1], four(x + 4 * i + 4)));
    }
    return (Sums8)_mm256_madd_epi16(_mm256_add_epi16(even, odd), _mm256_set1_epi16(1));
#endif
}

inline Sums8 dot(const Int8Group&, const Chunks& w, const int8_t* x) {
    __m256i sums = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        sums = add_dots(sums, _mm256_abs_epi8(w[i]), _mm256_sign_epi8(four(x + 4 * i), w[i]));
    return (Sums8)sums;
}

#else  // any processor: plain loops for the compiler

using Chunks = int8_t[8][32];

inline void unpack(const Int4Group& group, Chunks& w) {
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 32; j++) {
            w[i][j] = group.chunks[i][j] & 15;
            w[i + 4][j] = group.chunks[i][j] >> 4;
        }
}

inline void unpack(const Int8Group& group, Chunks& w) { std::memcpy(w, group.chunks, sizeof w); }

template <class Group>
inline Sums8 dot(const Group&, const Chunks& w, const int8_t* x) {
    int32_t products[32] = {};
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 32; j++) products[j] += w[i][j] * x[4 * i + j % 4];
    Sums8 sums;
    for (int i = 0; i < 8; i++)
        sums[i] = products[4 * i] + products[4 * i + 1] + products[4 * i + 2] + products[4 * i + 3];
    return sums;
}

#endif

struct Parameters {
    Floats8 scale, minimum;
};
inline Parameters parameters(const Int8Group& group) { return {halves(group.scale), Floats8{}}; }
inline Parameters parameters(const Int4Group& group) { return {halves(group.scale), halves(group.minimum)}; }

inline Floats8 add(const Int8Group&, Floats8 sum, const Parameters& p, Sums8 dots, float scale, float) {
    return sum + __builtin_convertvector(dots, Floats8) * (p.scale * broadcast(scale));
}
inline Floats8 add(const Int4Group&, Floats8 sum, const Parameters& p, Sums8 dots, float scale, float total) {
    sum = sum + __builtin_convertvector(dots, Floats8) * (p.scale * broadcast(scale));
    return sum + p.minimum * broadcast(total);
}

// One block of W with COUNT rows of x from `first` on, whose sums stay in registers; with COUNT 0, with `here`
// rows, whose sums are in memory.
template <class Group, int COUNT>
inline void block(const Group* group, const QuantisedRows& x, int64_t first, int64_t here, Floats8* out) {
    Floats8 kept[COUNT ? COUNT : 1] = {};
    for (int64_t g = 0; g < x.groups; g++, group++) {
        Chunks w;
        unpack(*group, w);
        Parameters p = parameters(*group);
        int64_t at = g * x.count + first;
        auto row = [&](Floats8 sum, int64_t m) {
            Sums8 dots = dot(*group, w, x.values + (at + m) * GROUP);
            return add(*group, sum, p, dots, x.scale[at + m], x.sum[at + m]);
        };
        if constexpr (COUNT > 0) {
#pragma GCC unroll 4
            for (int64_t m = 0; m < COUNT; m++) kept[m] = row(kept[m], m);
        } else {
            for (int64_t m = 0; m < here; m++) out[m] = row(out[m], m);
        }
    }
#pragma GCC unroll 4
    for (int64_t m = 0; m < COUNT; m++) out[m] = kept[m];
}

template <class Group>
void block_of(const Group* group, const QuantisedRows& x, int64_t first, int64_t here, Floats8* sums) {
    switch (here) {
        case 1: return block<Group, 1>(group, x, first, here, sums);
        case 2: return block<Group, 2>(group, x, first, here, sums);
        case 3: return block<Group, 3>(group, x, first, here, sums);
        case 4: return block<Group, 4>(group, x, first, here, sums);
    }
    std::fill_n(sums, here, Floats8{});
    block<Group, 0>(group, x, first, here, sums);
}

template <class Group>
void blocks(const PackedMatrix& w, const QuantisedRows& x, float* y, int64_t y_stride, int64_t first_block,
            int64_t last_block) {
    for (int64_t first = 0; first < x.count; first += ROWS_AT_ONCE) {
        int64_t here = std::min(x.count - first, ROWS_AT_ONCE);
        for (int64_t b = first_block; b < last_block; b += BLOCKS_AT_ONCE) {
            int64_t wide = std::min(last_block - b, BLOCKS_AT_ONCE);
            Floats8 sums[BLOCKS_AT_ONCE][ROWS_AT_ONCE];
            for (int64_t i = 0; i < wide; i++)
                block_of((const Group*)w.blocks + (b + i) * x.groups, x, first, here, sums[i]);
            for (int64_t m = 0; m < here; m++)
                for (int64_t i = 0; i < wide; i++)
                    store(w, (b + i) * INT_ROWS, sums[i][m], y + (first + m) * y_stride);
        }
    }
}

}  // namespace

void integer_blocks(const PackedMatrix& w, const QuantisedRows& x, float* y, int64_t y_stride, int64_t first,
                    int64_t last) {
    if (w.format == INT4)
        blocks<Int4Group>(w, x, y, y_stride, first, last);
    else
        blocks<Int8Group>(w, x, y, y_stride, first, last);
}

}  // namespace colonnade
