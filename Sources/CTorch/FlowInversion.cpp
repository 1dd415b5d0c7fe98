// Samples of normalizing flows: the one kernel of our own, since operators that go over memory for each of some thousand
// small steps take many times as long.
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "Support.hpp"

extern "C" int64_t ctorch_flow_outputs(int64_t bins) { return bins > 0 ? 3 * bins + 1 : 2; }

extern "C" int64_t ctorch_flow_offsets(const ctorch_flow *flow) {
    return flow->transforms * (flow->layers * flow->hidden + flow->labels * ctorch_flow_outputs(flow->bins));
}

extern "C" int64_t ctorch_flow_weights(const ctorch_flow *flow) {
    return flow->hidden * flow->labels + (flow->layers - 1) * flow->hidden * flow->hidden +
           flow->labels * ctorch_flow_outputs(flow->bins) * flow->hidden;
}

namespace {

namespace baseline {
#include "FlowInversion.hpp"
}

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace avx2 {
#include "FlowInversion.hpp"
}
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
namespace avx512 {
#include "FlowInversion.hpp"
}
#pragma clang attribute pop
#endif

/// Memory for the values, hidden units and outputs of 32 samples, on a boundary of the widest vectors.
template <typename Body>
void withScratch(const ctorch_flow &flow, Body &&body) {
    const int64_t features = flow.labels + flow.layers * flow.hidden + ctorch_flow_outputs(flow.bins);
    constexpr auto boundary = std::align_val_t(64);
    auto release = [=](float *memory) { ::operator delete(memory, boundary); };
    std::unique_ptr<float, decltype(release)> memory(
        static_cast<float *>(::operator new(features * baseline::samplesAtOnce * sizeof(float), boundary)), release);
    body(memory.get());
}

}  // namespace

extern "C" int ctorch_flow_invert(
    const ctorch_flow *flow, const float *offsets, const float *noise, float *samples, int64_t count) {
    return ctorch::guarded([&] {
        withScratch(*flow, [&](float *memory) {
#if defined(__x86_64__)
            static const bool has512 = __builtin_cpu_supports("avx512f");
            static const bool has256 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
            if (has512)
                return avx512::invert(
                    *flow, offsets, noise, samples, count, reinterpret_cast<avx512::Vector *>(memory));
            if (has256)
                return avx2::invert(*flow, offsets, noise, samples, count, reinterpret_cast<avx2::Vector *>(memory));
#endif
            baseline::invert(*flow, offsets, noise, samples, count, reinterpret_cast<baseline::Vector *>(memory));
        });
    });
}
