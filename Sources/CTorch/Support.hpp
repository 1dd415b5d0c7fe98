// What the C++ files of this room share: errors as values, and handles to and from at::Tensor.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <exception>
#include <string>

#include "CTorch.h"

namespace ctorch {

/// Keeps `message` for `ctorch_last_error` on this thread.
void remember(const char *message) noexcept;

/// Brings this thread to the thread count last asked for: OpenMP keeps it per thread.
void adoptThreadCount();

/// Runs `body`; an exception becomes a non-zero status and a remembered message.
template <typename Body>
int guarded(Body &&body) noexcept {
    try {
        body();
        return 0;
    } catch (const c10::Error &error) {
        remember(error.what_without_backtrace());
    } catch (const std::exception &error) {
        remember(error.what());
    } catch (...) {
        remember("an exception of unknown type");
    }
    return 1;
}

inline c10::TensorImpl *impl(ctorch_tensor handle) { return reinterpret_cast<c10::TensorImpl *>(handle); }

/// A new reference to the tensor behind a borrowed handle.
inline at::Tensor borrow(ctorch_tensor handle) {
    if (!handle) return at::Tensor();
    return at::Tensor(
        c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::unsafe_reclaim_from_nonowning(impl(handle)));
}

/// Hands a reference to the caller.
inline ctorch_tensor lend(at::Tensor tensor) {
    if (!tensor.defined()) return nullptr;
    return reinterpret_cast<ctorch_tensor>(tensor.unsafeReleaseTensorImpl());
}

}  // namespace ctorch
