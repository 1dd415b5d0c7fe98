// A C interface to libtorch: one entry that calls any ATen operator by name, and the few things that are not operators.
//
// Conventions
//  * Functions that return `int` return 0 on success; otherwise `ctorch_last_error()` holds the reason (per thread).
//    No C++ exception leaves this library.
//  * A `ctorch_tensor` owns one reference to a tensor; give it back with `ctorch_release`. NULL is the undefined tensor.
//  * Handles may be used and released on any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctorch_tensor_impl *ctorch_tensor;
typedef struct ctorch_operator ctorch_operator;

/// What an argument or a result of an operator holds.
typedef enum ctorch_kind {
    CTORCH_NONE = 0,
    CTORCH_TENSOR,    // tensor
    CTORCH_INTEGER,   // integer
    CTORCH_REAL,      // real
    CTORCH_BOOLEAN,   // integer, 0 or 1
    CTORCH_INTEGERS,  // list of int64_t
    CTORCH_REALS,     // list of double
    CTORCH_TENSORS,   // list of ctorch_tensor; NULL elements are undefined
    CTORCH_STRING,    // list points to a NUL-terminated string
    CTORCH_DEVICE     // integer is the c10 device type, count the index
} ctorch_kind;

/// One argument of an operator. Lists and tensors are borrowed for the length of the call.
typedef struct ctorch_argument {
    ctorch_kind kind;
    int64_t count;
    int64_t integer;
    double real;
    ctorch_tensor tensor;
    const void *list;
} ctorch_argument;

/// One result of an operator; a tensor in it is owned by the caller.
typedef struct ctorch_value {
    ctorch_kind kind;
    int64_t integer;
    double real;
    ctorch_tensor tensor;
} ctorch_value;

/// Why the last failing call on this thread failed; valid until the next failing call on this thread.
const char *ctorch_last_error(void);

/// Finds an operator by qualified name ("aten::add") and overload ("Tensor", or ""); lives for ever. NULL when unknown.
const ctorch_operator *ctorch_operator_find(const char *name, const char *overload);

/// Calls an operator. `arguments` are converted as its schema says, missing trailing ones take their defaults.
/// Results, lists flattened, go to `results`; more than `capacity` of them is an error, and then none is returned.
int ctorch_call(const ctorch_operator *callee, const ctorch_argument *arguments, size_t count, ctorch_value *results,
                size_t capacity, size_t *result_count);

// MARK: tensors

void ctorch_release(ctorch_tensor tensor);
/// Wraps memory of the caller's; `release(context)` is called once, when the last user of the memory is gone, or when
/// this call fails. The shape is row-major.
int ctorch_wrap(void *memory, const int64_t *shape, size_t rank, int32_t dtype, void (*release)(void *), void *context,
                ctorch_tensor *result);
int64_t ctorch_rank(ctorch_tensor tensor);
void ctorch_shape(ctorch_tensor tensor, int64_t *shape);
int64_t ctorch_size(ctorch_tensor tensor, int64_t dimension);
int64_t ctorch_count(ctorch_tensor tensor);
int32_t ctorch_dtype(ctorch_tensor tensor);
void ctorch_device(ctorch_tensor tensor, int32_t *type, int32_t *index);
bool ctorch_is_contiguous(ctorch_tensor tensor);
bool ctorch_same_storage(ctorch_tensor first, ctorch_tensor second);
/// The first element in memory; meaningful on the CPU only.
int ctorch_data(ctorch_tensor tensor, void **pointer);

// MARK: autograd

bool ctorch_requires_grad(ctorch_tensor tensor);
bool ctorch_is_leaf(ctorch_tensor tensor);
int ctorch_set_requires_grad(ctorch_tensor tensor, bool required);
/// The accumulated gradient, or NULL.
int ctorch_grad(ctorch_tensor tensor, ctorch_tensor *gradient);
/// `gradient` may be NULL to drop it.
int ctorch_set_grad(ctorch_tensor tensor, ctorch_tensor gradient);
/// `gradient` may be NULL for a scalar.
int ctorch_backward(ctorch_tensor tensor, ctorch_tensor gradient, bool keep_graph);
/// Switches recording of the graph on this thread and returns the former setting.
bool ctorch_set_grad_enabled(bool enabled);

// MARK: runtime

const char *ctorch_version(void);
/// For example "AVX512" or "DEFAULT".
const char *ctorch_cpu_capability(void);
int ctorch_threads(void);
int ctorch_set_threads(int count);
/// Sets the number of threads for operations of the calling thread alone, until somebody sets it for all.
int ctorch_set_own_threads(int count);
/// Seeds the default generators of the CPU and, once loaded, of every CUDA device.
int ctorch_seed(uint64_t seed);
/// The state of the default generator of a CUDA device, or of the CPU if `device` is -1, as a uint8 tensor.
int ctorch_generator_state(int32_t device, ctorch_tensor *state);
int ctorch_set_generator_state(int32_t device, ctorch_tensor state);
/// Loads libtorch_cuda from the folder that holds libtorch_cpu.
int ctorch_load_cuda(void);
bool ctorch_cuda_is_loaded(void);
/// The number of usable CUDA devices; 0 until loaded.
int ctorch_cuda_device_count(void);
bool ctorch_mps_is_available(void);

// MARK: samples of normalizing flows

#define CTORCH_FLOW_MAX_BINS 64

/// A stack of autoregressive transforms, each a masked network that gives every label a shift, a scale and, with bins, a
/// rational-quadratic spline. Pointers are borrowed.
typedef struct ctorch_flow {
    int64_t labels, hidden, layers, transforms;
    /// Of the splines; 0 for none.
    int64_t bins;
    /// The splines bend -bound … bound, a bin has at least the share `least` of that, and the numbers that shape them are
    /// multiplied by `gain` first.
    float bound, least, gain;
    /// Whether the labels change their order from transform to transform.
    bool reverses;
    /// [labels]: hidden units of a layer, in order, that the network of a label may read.
    const int64_t *ends;
    /// For each transform: input layer [hidden, labels], further layers [hidden, hidden] each, output [labels, outputs,
    /// hidden], where the outputs of a label are shift, log scale, widths, heights and inner slopes.
    const float *weights;
    /// [labels]: samples are scaled by `std` and shifted by `mean` at the end.
    const float *mean, *std;
} ctorch_flow;

/// Numbers that the network gives for a label.
int64_t ctorch_flow_outputs(int64_t bins);
/// Weights of one transform.
int64_t ctorch_flow_weights(const ctorch_flow *flow);
/// Numbers that are added in the layers of all transforms, in the order of the weights; they hold what the context says.
int64_t ctorch_flow_offsets(const ctorch_flow *flow);
/// Turns noise [count, labels] into samples [count, labels]; the offsets are those of one context. On one thread.
int ctorch_flow_invert(
    const ctorch_flow *flow, const float *offsets, const float *noise, float *samples, int64_t count);

#ifdef __cplusplus
}
#endif
