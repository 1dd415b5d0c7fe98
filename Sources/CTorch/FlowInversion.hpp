// The inversion of autoregressive transforms for 32 samples at a time. FlowInversion.cpp includes this file once for every
// instruction set, each time in a namespace of its own, so there is no guard against a second inclusion.
//
// Numbers lie feature by feature, the 32 samples of one feature side by side, so that every operation below is one over
// whole vectors. A hidden unit of degree d sees the labels before d alone: it is computed once, when those are known.

#pragma clang fp contract(fast)

typedef float Vector __attribute__((ext_vector_type(16)));
typedef int32_t Integers __attribute__((ext_vector_type(16)));

constexpr int64_t vectors = 2;
constexpr int64_t samplesAtOnce = 16 * vectors;

#define CTORCH_INLINE static inline __attribute__((always_inline))

/// e^x to 5 parts in 10^7: 2^n e^r with |r| <= ln 2 / 2, where (e^r - 1 - r) / r^2 is a cubic through Chebyshev's nodes. For
/// |x| <= 80, so that a sum of 64 is finite.
CTORCH_INLINE Vector exponential(Vector x) {
    x = __builtin_elementwise_min(__builtin_elementwise_max(x, Vector(-80.0f)), Vector(80.0f));
    const Vector rounder = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest whole number in the low bits
    Vector shifted = x * 1.44269504f + rounder;
    Vector n = shifted - rounder;
    Vector r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    Vector p = r * 0.00836318155f + 0.04183386f;
    p = p * r + 0.16666577f;
    p = p * r + 0.499997488f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    Integers power = (__builtin_bit_cast(Integers, shifted) << 23) + __builtin_bit_cast(Integers, p);
    return __builtin_bit_cast(Vector, power);
}

/// x / (1 + e^-x)
CTORCH_INLINE Vector silu(Vector x) { return x / (1.0f + exponential(-x)); }

/// The logarithm of a scale from an unbounded number; see `boundedLogScale` in Swift.
CTORCH_INLINE Vector bounded(Vector x) { return x / (1.0f + __builtin_elementwise_abs(x) * (1.0f / 7)); }

/// `rows` weighted sums of the first `terms` features, beginning at an offset each.
template <int rows>
CTORCH_INLINE void sums(
    const float *weights, int64_t stride, int64_t terms, const float *offsets, const Vector *input, Vector *output) {
    Vector sum[rows][vectors];
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) sum[r][v] = offsets[r];
    for (int64_t m = 0; m < terms; ++m)
        for (int r = 0; r < rows; ++r)
            for (int v = 0; v < vectors; ++v) sum[r][v] += weights[r * stride + m] * input[m * vectors + v];
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) output[r * vectors + v] = sum[r][v];
}

/// A dense layer: as `sums`, for any number of rows.
CTORCH_INLINE void dense(
    int64_t rows, const float *weights, int64_t stride, int64_t terms, const float *offsets, const Vector *input,
    Vector *output) {
    int64_t row = 0;
    auto next = [&]<int count>(std::integral_constant<int, count>) __attribute__((always_inline)) {
        sums<count>(weights + row * stride, stride, terms, offsets + row, input, output + row * vectors);
        row += count;
    };
    // Four rows keep both multipliers busy; what is left over goes in one piece, since one row alone would wait for itself.
    while (rows - row > 7) next(std::integral_constant<int, 4>());
    switch (rows - row) {
        case 7: return next(std::integral_constant<int, 7>());
        case 6: return next(std::integral_constant<int, 6>());
        case 5: return next(std::integral_constant<int, 5>());
        case 4: return next(std::integral_constant<int, 4>());
        case 3: return next(std::integral_constant<int, 3>());
        case 2: return next(std::integral_constant<int, 2>());
        case 1: return next(std::integral_constant<int, 1>());
    }
}

/// Turns what the network says of a spline's widths and heights into these, in place: K of each, `vectors` apart.
CTORCH_INLINE void shape(Vector *sizes, const ctorch_flow &flow) {
    const float rest = 2 * flow.bound * (1 - flow.least * flow.bins), floor = 2 * flow.bound * flow.least;
    for (int axis = 0; axis < 2; ++axis, sizes += flow.bins * vectors) {
        Vector sum = 0.0f;
        for (int64_t k = 0; k < flow.bins; ++k) sum += sizes[k * vectors] = exponential(sizes[k * vectors] * flow.gain);
        const Vector scale = rest / sum;
        for (int64_t k = 0; k < flow.bins; ++k) sizes[k * vectors] = sizes[k * vectors] * scale + floor;
    }
}

/// Where a rational-quadratic spline takes the value y (Durkan et al. 2019, eq. 6-8).
/// - parameters: K widths and heights, and K - 1 slopes as the network gives them, `vectors` apart.
CTORCH_INLINE Vector splineInverse(Vector y, const Vector *parameters, const ctorch_flow &flow) {
    const int64_t bins = flow.bins;
    const float bound = flow.bound, gain = flow.gain;
    const Vector *widths = parameters, *heights = widths + bins * vectors, *slopes = heights + bins * vectors;
    Vector inside = __builtin_elementwise_min(__builtin_elementwise_max(y, Vector(-bound)), Vector(bound));
    Vector nextX = -bound, nextY = -bound, slopeBefore = 0.0f;
    Vector x0, y0, w, h, d0, d1;
    for (int64_t k = 0; k < bins; ++k) {
        Vector ownWidth = widths[k * vectors], ownHeight = heights[k * vectors];
        Vector slopeAfter = k + 1 < bins ? slopes[k * vectors] : Vector(0.0f);
        if (k == 0) {
            x0 = nextX, y0 = nextY, w = ownWidth, h = ownHeight, d0 = slopeBefore, d1 = slopeAfter;
        } else {
            Integers reached = inside >= nextY;
            x0 = reached ? nextX : x0, y0 = reached ? nextY : y0;
            w = reached ? ownWidth : w, h = reached ? ownHeight : h;
            d0 = reached ? slopeBefore : d0, d1 = reached ? slopeAfter : d1;
        }
        nextX += ownWidth, nextY += ownHeight, slopeBefore = slopeAfter;
    }
    d0 = exponential(bounded(d0 * gain)), d1 = exponential(bounded(d1 * gain));
    Vector s = h / w, rise = inside - y0, bend = d1 + d0 - 2.0f * s;
    Vector a = h * (s - d0) + rise * bend, b = h * d0 - rise * bend, c = -s * rise;
    Vector root = __builtin_elementwise_sqrt(__builtin_elementwise_max(b * b - 4.0f * a * c, Vector(0.0f)));
    Vector x = x0 + w * (2.0f * c / (-b - root));
    Integers bends = (y >= -bound) & (y <= bound);
    return bends ? x : y;
}

/// The hidden units of all layers that a label may read and the labels before it may not, and what the network says of
/// the label.
CTORCH_INLINE void read(
    const ctorch_flow &flow, int64_t label, const float *weights, const float *offsets, const Vector *values,
    Vector *units, Vector *output) {
    const int64_t labels = flow.labels, hidden = flow.hidden, layers = flow.layers;
    const int64_t outputs = ctorch_flow_outputs(flow.bins);
    const int64_t known = label > 0 ? flow.ends[label - 1] : 0, end = flow.ends[label];
    const float *own = weights;
    for (int64_t layer = 0; layer < layers; ++layer) {
        const int64_t stride = layer == 0 ? labels : hidden;
        const Vector *input = layer == 0 ? values : units + (layer - 1) * hidden * vectors;
        Vector *target = units + (layer * hidden + known) * vectors;
        dense(
            end - known, own + known * stride, stride, layer == 0 ? label : end, offsets + layer * hidden + known, input,
            target);
        for (int64_t i = 0; i < (end - known) * vectors; ++i) target[i] = silu(target[i]);
        own += hidden * stride;
    }
    dense(
        outputs, own + label * outputs * hidden, hidden, end, offsets + layers * hidden + label * outputs,
        units + (layers - 1) * hidden * vectors, output);
    for (int v = 0; v < vectors; ++v) shape(output + 2 * vectors + v, flow);
}

/// Undoes one transform: `values` [D] holds its results and is overwritten with what they came from.
/// - first: what the network says of the first label, which depends on the context alone, as `units` of degree 0 do.
CTORCH_INLINE void undo(
    const ctorch_flow &flow, const float *weights, const float *offsets, Vector *values, Vector *units,
    const Vector *first, Vector *scratch) {
    for (int64_t label = 0; label < flow.labels; ++label) {
        const Vector *output = label == 0 ? first : scratch;
        if (label > 0) read(flow, label, weights, offsets, values, units, scratch);
        for (int v = 0; v < vectors; ++v) {
            Vector &value = values[label * vectors + v];
            if (flow.bins > 0) value = splineInverse(value, output + 2 * vectors + v, flow);
            value = (value - output[v]) * exponential(-bounded(output[vectors + v]));
        }
    }
}

/// Samples of one star from as many rows of normal noise.
/// - scratch: for D values, and for each transform the hidden units and the outputs of a label, and for those once more.
static void invert(
    const ctorch_flow &flow, const float *offsets, const float *noise, float *samples, int64_t count, Vector *scratch) {
    const int64_t labels = flow.labels, outputs = ctorch_flow_outputs(flow.bins) * vectors;
    const int64_t weightCount = ctorch_flow_weights(&flow), offsetCount = ctorch_flow_offsets(&flow) / flow.transforms;
    const int64_t unitCount = flow.layers * flow.hidden * vectors;
    Vector *values = scratch, *units = values + labels * vectors, *first = units + flow.transforms * unitCount;
    Vector *last = first + flow.transforms * outputs;
    for (int64_t t = 0; t < flow.transforms; ++t)
        read(
            flow, 0, flow.weights + t * weightCount, offsets + t * offsetCount, values, units + t * unitCount,
            first + t * outputs);
    for (int64_t start = 0; start < count; start += samplesAtOnce) {
        const int64_t filled = count - start < samplesAtOnce ? count - start : samplesAtOnce;
        float *plain = reinterpret_cast<float *>(values);
        for (int64_t label = 0; label < labels; ++label)
            for (int64_t i = 0; i < samplesAtOnce; ++i)
                plain[label * samplesAtOnce + i] = i < filled ? noise[(start + i) * labels + label] : 0;
        for (int64_t t = flow.transforms - 1; t >= 0; --t) {
            undo(
                flow, flow.weights + t * weightCount, offsets + t * offsetCount, values, units + t * unitCount,
                first + t * outputs, last);
            if (flow.reverses && t > 0)
                for (int64_t i = 0, j = labels - 1; i < j; ++i, --j)
                    for (int v = 0; v < vectors; ++v) std::swap(values[i * vectors + v], values[j * vectors + v]);
        }
        for (int64_t label = 0; label < labels; ++label)
            for (int64_t i = 0; i < filled; ++i)
                samples[(start + i) * labels + label] =
                    plain[label * samplesAtOnce + i] * flow.std[label] + flow.mean[label];
    }
}

#undef CTORCH_INLINE
