// Products with 8-bit and 4-bit weights: whole numbers within a group, floats from group to group.
#include <algorithm>

#include "linear_layout.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace colonnade {
namespace {

constexpr int64_t ROWS_AT_ONCE = 64;   // of x: their sums stay in the first-level cache
constexpr int64_t BLOCKS_AT_ONCE = 4;  // that a row of x meets; y is written by whole lines of the cache
constexpr int64_t FEW = 4;             // rows of x that meet one block, for their sums to stay in registers

using Sums8 = int32_t __attribute__((vector_size(32)));

// A chunk of W meets the same four columns of a row of x: `accumulate` adds the 32 products to a partial sum,
// `finish` makes of eight chunks' sum one for each of the eight rows of W.
#if defined(__AVX2__)

using Chunk = __m256i;
using Four = __m256i;
using Partial = __m256i;

inline Four four(const int8_t* values) { return _mm256_set1_epi32(load<int32_t>(values)); }

// Products in the order in which they are written: left to itself, the compiler does all of them first and
// keeps them in memory.
inline void in_turn(Partial& sums) { asm volatile("" : "+x"(sums)); }

inline void unpack(const Int4Group& group, Chunk (&w)[8]) {
    const __m256i low = _mm256_set1_epi8(15);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m256i both = load<__m256i>(group.chunks[i]);
        w[i] = _mm256_and_si256(both, low);
        w[i + 4] = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
    }
}
inline void unpack(const Int8Group& group, Chunk (&w)[8]) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) w[i] = load<__m256i>(group.chunks[i]);
}

#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define VNNI _mm256_dpbusd_epi32
#elif defined(__AVXVNNI__)
#define VNNI _mm256_dpbusd_avx_epi32
#endif

#if defined(VNNI)
inline Partial accumulate(const Int4Group&, Partial sums, Chunk w, Four x) { return VNNI(sums, w, x); }
inline Partial accumulate(const Int8Group&, Partial sums, Chunk w, Four x) {
    return VNNI(sums, _mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
}
inline Sums8 finish(const Int4Group&, Partial sums) { return (Sums8)sums; }
#else
// Eight times two products of at most 15 * 127 fit into 16 bits.
inline Partial accumulate(const Int4Group&, Partial sums, Chunk w, Four x) {
    return _mm256_add_epi16(sums, _mm256_maddubs_epi16(w, x));
}
inline Partial accumulate(const Int8Group&, Partial sums, Chunk w, Four x) {
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
inline Sums8 finish(const Int4Group&, Partial sums) {
    return (Sums8)_mm256_madd_epi16(sums, _mm256_set1_epi16(1));
}
#endif
inline Sums8 finish(const Int8Group&, Partial sums) { return (Sums8)sums; }

#else  // any processor: vectors as the compiler makes them

using Shorts8 = int16_t __attribute__((vector_size(16)));

struct Chunk {
    Shorts8 columns[4];  // of eight rows
};
using Four = const int8_t*;
using Partial = Sums8;

inline Four four(const int8_t* values) { return values; }
inline void in_turn(Partial&) {}

inline void unpack(const Int4Group& group, Chunk (&w)[8]) {
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 32; j++) {
            w[i].columns[j % 4][j / 4] = group.chunks[i][j] & 15;
            w[i + 4].columns[j % 4][j / 4] = group.chunks[i][j] >> 4;
        }
}
inline void unpack(const Int8Group& group, Chunk (&w)[8]) {
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 32; j++) w[i].columns[j % 4][j / 4] = group.chunks[i][j];
}

inline Sums8 wide(Shorts8 v) { return __builtin_convertvector(v, Sums8); }

inline Partial accumulate(const Int4Group&, Partial sums, const Chunk& w, Four x) {
    return sums + wide(w.columns[0] * x[0] + w.columns[1] * x[1] + w.columns[2] * x[2] + w.columns[3] * x[3]);
}
inline Partial accumulate(const Int8Group&, Partial sums, const Chunk& w, Four x) {  // 16 bits hold two
    sums += wide(w.columns[0] * x[0] + w.columns[1] * x[1]);
    return sums + wide(w.columns[2] * x[2] + w.columns[3] * x[3]);
}
template <class Group>
inline Sums8 finish(const Group&, Partial sums) {
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

// One group of BLOCKS blocks of W with ROWS rows of x: adds to sums(block, row).
template <int BLOCKS, int ROWS, class Group, class Sums>
inline void tile(const Group* const (&groups)[BLOCKS], const Chunk (&w)[BLOCKS][8],
                 const Parameters (&p)[BLOCKS], const QuantisedRows& x, int64_t at, Sums&& sums) {
    Partial partial[BLOCKS][ROWS] = {};
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
#pragma GCC unroll 4
        for (int m = 0; m < ROWS; m++) {
            Four values = four(x.values + (at + m) * GROUP + 4 * i);
#pragma GCC unroll 4
            for (int b = 0; b < BLOCKS; b++) {
                partial[b][m] = accumulate(*groups[b], partial[b][m], w[b][i], values);
                in_turn(partial[b][m]);
            }
        }
#pragma GCC unroll 4
    for (int m = 0; m < ROWS; m++)
#pragma GCC unroll 4
        for (int b = 0; b < BLOCKS; b++) {
            Sums8 dots = finish(*groups[b], partial[b][m]);
            sums(b, m) = add(*groups[b], sums(b, m), p[b], dots, x.scale[at + m], x.sum[at + m]);
        }
}

// One block of W with ROWS rows of x from `first` on: their sums stay in registers.
template <class Group, int ROWS>
void few_rows(const Group* group, const QuantisedRows& x, int64_t first, Floats8* out) {
    Floats8 sums[ROWS] = {};
    for (int64_t g = 0; g < x.groups; g++, group++) {
        prefetch<sizeof(Group)>((const char*)group + AHEAD);
        Chunk w[1][8];
        unpack(*group, w[0]);
        const Parameters p[1] = {parameters(*group)};
        tile<1, ROWS, Group>({group}, w, p, x, g * x.count + first,
                             [&](int, int m) -> Floats8& { return sums[m]; });
    }
#pragma GCC unroll 4
    for (int m = 0; m < ROWS; m++) out[m] = sums[m];
}

// BLOCKS blocks of W, one after the other in memory, with `here` rows of x from `first` on, one row at a time:
// sums[block] are in memory.
template <class Group, int BLOCKS>
void many_rows(const Group* first_block, const QuantisedRows& x, int64_t first, int64_t here,
               Floats8 (*sums)[ROWS_AT_ONCE]) {
    for (int b = 0; b < BLOCKS; b++) std::fill_n(sums[b], here, Floats8{});
    for (int64_t g = 0; g < x.groups; g++) {
        const Group* groups[BLOCKS];
        Chunk w[BLOCKS][8];
        Parameters p[BLOCKS];
#pragma GCC unroll 4
        for (int b = 0; b < BLOCKS; b++) {
            groups[b] = first_block + b * x.groups + g;
            unpack(*groups[b], w[b]);
            p[b] = parameters(*groups[b]);
        }
        for (int64_t m = 0, at = g * x.count + first; m < here; m++)
            tile<BLOCKS, 1, Group>(groups, w, p, x, at + m, [&](int b, int) -> Floats8& { return sums[b][m]; });
    }
}

template <class Group>
void one_block(const Group* group, const QuantisedRows& x, int64_t first, int64_t here,
               Floats8 (*sums)[ROWS_AT_ONCE]) {
    switch (here) {
        case 1: return few_rows<Group, 1>(group, x, first, *sums);
        case 2: return few_rows<Group, 2>(group, x, first, *sums);
        case 3: return few_rows<Group, 3>(group, x, first, *sums);
        case FEW: return few_rows<Group, FEW>(group, x, first, *sums);
        default: return many_rows<Group, 1>(group, x, first, here, sums);
    }
}

template <class Group>
void blocks(const PackedMatrix& w, const QuantisedRows& x, float* y, int64_t y_stride, int64_t first_block,
            int64_t last_block) {
    Floats8 sums[BLOCKS_AT_ONCE][ROWS_AT_ONCE];
    for (int64_t first = 0; first < x.count; first += ROWS_AT_ONCE) {
        int64_t here = std::min(x.count - first, ROWS_AT_ONCE);
        for (int64_t block = first_block; block < last_block; block += BLOCKS_AT_ONCE) {
            int64_t wide = std::min(last_block - block, BLOCKS_AT_ONCE);
            auto groups = [&](int64_t i) { return (const Group*)w.blocks + (block + i) * x.groups; };
            if (here > FEW && wide == BLOCKS_AT_ONCE)
                many_rows<Group, BLOCKS_AT_ONCE>(groups(0), x, first, here, sums);
            else
                for (int64_t i = 0; i < wide; i++) one_block(groups(i), x, first, here, sums + i);
            for (int64_t m = 0; m < here; m++)
                for (int64_t i = 0; i < wide; i++)
                    store(w, (block + i) * INT_ROWS, sums[i][m], y + (first + m) * y_stride);
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
