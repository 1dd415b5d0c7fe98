// Samples of normalizing flows: the one kernel of our own, since operators that go over memory for each of some thousand
// small steps take many times as long.
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
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

// All of it is inlined: no vector is ever passed between functions of different instruction sets.
#pragma clang diagnostic ignored "-Wpsabi"

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

/// Memory as `invert` asks for it, on a boundary of the widest vectors.
template <typename Body>
void withScratch(const ctorch_flow &flow, Body &&body) {
    const int64_t outputs = ctorch_flow_outputs(flow.bins);
    const int64_t features = flow.labels + flow.transforms * (flow.layers * flow.hidden + outputs) + outputs;
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
            // As libtorch's own kernels choose, so that ATEN_CPU_CAPABILITY holds here too.
            static const std::string capability = ctorch_cpu_capability();
            if (capability == "AVX512")
                return avx512::invert(
                    *flow, offsets, noise, samples, count, reinterpret_cast<avx512::Vector *>(memory));
            if (capability == "AVX2")
                return avx2::invert(*flow, offsets, noise, samples, count, reinterpret_cast<avx2::Vector *>(memory));
#endif
            baseline::invert(*flow, offsets, noise, samples, count, reinterpret_cast<baseline::Vector *>(memory));
        });
    });
}
