// Tensors as handles: memory, shape, and their place in the autograd graph.
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <atomic>

#include "Support.hpp"

namespace ctorch {
std::atomic<bool> autogradHasRun{false};
}

void ctorch_release(ctorch_tensor tensor) {
    if (!tensor) return;
    // The reference is dropped as the temporary goes out of scope.
    c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(ctorch::impl(tensor));
}

int ctorch_wrap(void *memory, const int64_t *shape, size_t rank, int32_t dtype, void (*release)(void *), void *context,
                ctorch_tensor *result) {
    bool handedOver = false;
    int status = ctorch::guarded([&] {
        auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype));
        std::function<void(void *)> deleter = [release, context](void *) { release(context); };
        // from_blob makes the deleter part of the storage before anything else can fail.
        at::IntArrayRef sizes(shape, rank);
        for (auto size : sizes) TORCH_CHECK(size >= 0, "negative size in shape ", sizes);
        handedOver = true;
        *result = ctorch::lend(at::from_blob(memory, sizes, deleter, options));
    });
    if (status != 0 && !handedOver) release(context);
    return status;
}

int64_t ctorch_rank(ctorch_tensor tensor) { return tensor ? ctorch::impl(tensor)->dim() : 0; }

void ctorch_shape(ctorch_tensor tensor, int64_t *shape) {
    if (!tensor) return;
    for (auto size : ctorch::impl(tensor)->sizes()) *shape++ = size;
}

int64_t ctorch_size(ctorch_tensor tensor, int64_t dimension) {
    if (!tensor) return 0;
    auto sizes = ctorch::impl(tensor)->sizes();
    auto rank = static_cast<int64_t>(sizes.size());
    if (dimension < 0) dimension += rank;
    return dimension >= 0 && dimension < rank ? sizes[dimension] : -1;
}

int64_t ctorch_count(ctorch_tensor tensor) { return tensor ? ctorch::impl(tensor)->numel() : 0; }

int32_t ctorch_dtype(ctorch_tensor tensor) {
    return tensor ? static_cast<int32_t>(c10::typeMetaToScalarType(ctorch::impl(tensor)->dtype())) : -1;
}

void ctorch_device(ctorch_tensor tensor, int32_t *type, int32_t *index) {
    *type = 0;
    *index = -1;
    if (!tensor) return;
    auto device = ctorch::impl(tensor)->device();
    *type = static_cast<int32_t>(device.type());
    *index = static_cast<int32_t>(device.index());
}

bool ctorch_is_contiguous(ctorch_tensor tensor) { return tensor && ctorch::impl(tensor)->is_contiguous(); }

bool ctorch_same_storage(ctorch_tensor first, ctorch_tensor second) {
    return first && second && ctorch::impl(first)->storage().is_alias_of(ctorch::impl(second)->storage());
}

int ctorch_data(ctorch_tensor tensor, void **pointer) {
    *pointer = nullptr;
    return ctorch::guarded([&] {
        if (tensor) *pointer = ctorch::borrow(tensor).data_ptr();
    });
}

bool ctorch_requires_grad(ctorch_tensor tensor) { return tensor && ctorch::impl(tensor)->requires_grad(); }

bool ctorch_is_leaf(ctorch_tensor tensor) {
    bool leaf = true;
    ctorch::guarded([&] {
        if (tensor) leaf = ctorch::borrow(tensor).is_leaf();
    });
    return leaf;
}

int ctorch_set_requires_grad(ctorch_tensor tensor, bool required) {
    return ctorch::guarded([&] { ctorch::borrow(tensor).set_requires_grad(required); });
}

int ctorch_grad(ctorch_tensor tensor, ctorch_tensor *gradient) {
    *gradient = nullptr;
    return ctorch::guarded([&] {
        if (tensor) *gradient = ctorch::lend(ctorch::borrow(tensor).mutable_grad());
    });
}

int ctorch_set_grad(ctorch_tensor tensor, ctorch_tensor gradient) {
    return ctorch::guarded([&] {
        auto target = ctorch::borrow(tensor);
        auto value = ctorch::borrow(gradient);
        if (value.defined()) {
            TORCH_CHECK(value.sizes() == target.sizes(), "a gradient of shape ", value.sizes(),
                        " for a tensor of shape ", target.sizes());
        }
        target.mutable_grad() = value;
    });
}

int ctorch_backward(ctorch_tensor tensor, ctorch_tensor gradient, bool keep_graph) {
    return ctorch::guarded([&] {
        ctorch::adoptThreadCount();
        ctorch::autogradHasRun = true;
        ctorch::borrow(tensor).backward(ctorch::borrow(gradient), keep_graph);
    });
}

bool ctorch_set_grad_enabled(bool enabled) {
    bool former = c10::GradMode::is_enabled();
    c10::GradMode::set_enabled(enabled);
    return former;
}
