// Threads, seeds, versions, and CUDA loaded on demand.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <torch/headeronly/version.h>

#include <atomic>
#include <mutex>

#include "Support.hpp"

namespace ctorch {

extern std::atomic<bool> autogradHasRun;

namespace {
thread_local std::string lastError;

// OpenMP keeps the thread count per calling thread, and Swift's tasks move between threads: each thread takes the
// count over when it sees that the generation has moved on.
std::atomic<int> threadCount{0};
std::atomic<int> threadGeneration{0};
thread_local int adoptedGeneration = 0;

// libtorch asks once whether CUDA is there and remembers the answer, so nothing may ask before the library is loaded.
std::atomic<bool> cudaLoaded{false};
std::mutex cudaLoading;

#ifdef __APPLE__
constexpr const char *cudaLibrary = "libtorch_cuda.dylib";
#else
constexpr const char *cudaLibrary = "libtorch_cuda.so";
#endif
}  // namespace

void remember(const char *message) noexcept {
    try {
        lastError = message;
    } catch (...) {
    }
}

void adoptThreadCount() {
    int generation = threadGeneration.load(std::memory_order_acquire);
    if (generation == adoptedGeneration) return;
    adoptedGeneration = generation;
    at::set_num_threads(threadCount.load(std::memory_order_relaxed));
}

}  // namespace ctorch

using namespace ctorch;

const char *ctorch_last_error(void) { return lastError.c_str(); }

const char *ctorch_version(void) { return TORCH_VERSION; }

const char *ctorch_cpu_capability(void) {
    static const std::string capability = at::get_cpu_capability();
    return capability.c_str();
}

int ctorch_threads(void) {
    int count = 1;
    guarded([&] {
        adoptThreadCount();
        count = at::get_num_threads();
    });
    return count;
}

int ctorch_set_threads(int count) {
    return guarded([&] {
        TORCH_CHECK(count > 0, "the number of threads must be positive, not ", count);
        threadCount = count;
        threadGeneration.fetch_add(1, std::memory_order_release);
        adoptThreadCount();
    });
}

int ctorch_set_own_threads(int count) {
    return guarded([&] {
        TORCH_CHECK(count > 0, "the number of threads must be positive, not ", count);
        {
            // libtorch gives threads that are new to it the number that any thread has set last: from here on all are told
            // ours.
            static std::mutex first;
            std::lock_guard<std::mutex> lock(first);
            if (threadGeneration == 0) {
                threadCount = at::get_num_threads();
                threadGeneration.fetch_add(1, std::memory_order_release);
            }
        }
        adoptThreadCount();
        at::set_num_threads(count);
    });
}

namespace {
/// The default generator of a CUDA device, or of the CPU for -1.
at::Generator generatorOf(int32_t device) {
    if (device < 0) return at::detail::getDefaultCPUGenerator();
    TORCH_CHECK(cudaLoaded, "CUDA is not loaded");
    return at::globalContext().defaultGenerator(c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(device)));
}
}  // namespace

int ctorch_seed(uint64_t seed) {
    return guarded([&] {
        // at::manual_seed would ask whether CUDA is there, and libtorch would remember the answer for ever.
        for (int32_t device = -1; device < ctorch_cuda_device_count(); ++device) {
            auto generator = generatorOf(device);
            std::lock_guard<std::mutex> lock(generator.mutex());
            generator.set_current_seed(seed);
        }
    });
}

int ctorch_generator_state(int32_t device, ctorch_tensor *state) {
    *state = nullptr;
    return guarded([&] {
        auto generator = generatorOf(device);
        std::lock_guard<std::mutex> lock(generator.mutex());
        *state = lend(generator.get_state());
    });
}

int ctorch_set_generator_state(int32_t device, ctorch_tensor state) {
    return guarded([&] {
        auto generator = generatorOf(device);
        std::lock_guard<std::mutex> lock(generator.mutex());
        generator.set_state(borrow(state));
    });
}

int ctorch_load_cuda(void) {
    return guarded([&] {
        std::lock_guard<std::mutex> lock(cudaLoading);
        if (cudaLoaded) return;
        // The autograd engine starts one thread per device on its first run; a device that appears later has none.
        TORCH_CHECK(!autogradHasRun, "CUDA must be loaded before the first backward pass");
        Dl_info info;
        TORCH_CHECK(dladdr(reinterpret_cast<const void *>(&at::get_num_threads), &info) && info.dli_fname,
                    "the folder of libtorch_cpu cannot be found");
        std::string path = info.dli_fname;
        path = path.substr(0, path.find_last_of('/') + 1) + cudaLibrary;
        if (!dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
            const char *reason = dlerror();
            TORCH_CHECK(false, reason ? reason : path.c_str());
        }
        // The hooks are fixed when first asked for, which a convolution on the CPU does.
        TORCH_CHECK(at::detail::getCUDAHooks().hasCUDART(), "CUDA must be loaded before the first operation");
        cudaLoaded = true;
    });
}

bool ctorch_cuda_is_loaded(void) { return cudaLoaded; }

int ctorch_cuda_device_count(void) {
    int count = 0;
    if (cudaLoaded) guarded([&] { count = static_cast<int>(at::detail::getCUDAHooks().deviceCount()); });
    return count;
}

bool ctorch_mps_is_available(void) {
#ifdef __APPLE__
    bool available = false;
    guarded([&] { available = at::globalContext().hasMPS(); });
    return available;
#else
    return false;
#endif
}
