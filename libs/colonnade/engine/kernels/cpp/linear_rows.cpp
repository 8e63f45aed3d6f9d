// Single rows of a packed matrix, in float32: the lookup of an embedding that shares its head's weights.
#include "linear_layout.h"

using namespace colonnade;

namespace {

void float32_row(const PackedMatrix& w, int64_t row, float* out) {
    auto at = (const float*)w.blocks + row / FLOAT_ROWS * w.columns * FLOAT_ROWS + row % FLOAT_ROWS;
    for (int64_t k = 0; k < w.columns; k++) out[k] = at[k * FLOAT_ROWS];
}

void bfloat16_row(const PackedMatrix& w, int64_t row, float* out) {
    int64_t steps = ceil_div(w.columns, 2);
    auto at = (const uint16_t*)w.blocks + (row / FLOAT_ROWS * steps * FLOAT_ROWS + row % FLOAT_ROWS) * 2;
    for (int64_t k = 0; k < w.columns; k++) {
        uint32_t bits = (uint32_t)at[k / 2 * 2 * FLOAT_ROWS + k % 2] << 16;
        out[k] = load<float>(&bits);
    }
}

// The value of row r (of 8) and column i (of 32) of a group.
float weight(const Int8Group& group, int64_t r, int64_t i, float scale, float) {
    return scale * (float)group.chunks[i / 4][4 * r + i % 4];
}
float weight(const Int4Group& group, int64_t r, int64_t i, float scale, float minimum) {
    int64_t chunk = i / 4;
    uint8_t both = group.chunks[chunk % 4][4 * r + i % 4];
    return scale * (float)(chunk < 4 ? both & 15 : both >> 4) + minimum;
}
float minimum_of(const Int8Group&, int64_t) { return 0.0f; }
float minimum_of(const Int4Group& group, int64_t r) { return halves(group.minimum)[r]; }

template <class Group>
void integer_row(const PackedMatrix& w, int64_t row, float* out) {
    int64_t r = row % INT_ROWS, groups = ceil_div(w.columns, GROUP);
    auto group = (const Group*)w.blocks + row / INT_ROWS * groups;
    for (int64_t k = 0; k < w.columns; k += GROUP, group++) {
        float scale = halves(group->scale)[r], minimum = minimum_of(*group, r);
        int64_t there = w.columns - k < GROUP ? w.columns - k : GROUP;
        for (int64_t i = 0; i < there; i++) out[k + i] = weight(*group, r, i, scale, minimum);
    }
}

}  // namespace

extern "C" int64_t linear_rows(const PackedMatrix* w, const int64_t* ids, int64_t count, float* out) {
    for (int64_t i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= w->rows) return i;
    for (int64_t i = 0; i < count; i++) {
        float* to = out + i * w->columns;
        switch (w->format) {
            case FLOAT32: float32_row(*w, ids[i], to); break;
            case BFLOAT16: bfloat16_row(*w, ids[i], to); break;
            case INT8: integer_row<Int8Group>(*w, ids[i], to); break;
            case INT4: integer_row<Int4Group>(*w, ids[i], to); break;
        }
    }
    return count;
}
