// Any ATen operator, through the c10 dispatcher: arguments are boxed as the operator's schema asks.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/jit_type.h>

#include <vector>

#include "Support.hpp"

using c10::IValue;
using c10::TypeKind;

namespace {

/// What one parameter of a schema takes, looked up once per operator.
struct Parameter {
    TypeKind kind;                      // with Optional taken off
    TypeKind element = TypeKind::AnyType;  // of a list
    bool optionalElement = false;
    std::optional<IValue> standard;     // the schema's default
    std::string name;
};

Parameter describe(const c10::Argument &argument) {
    auto type = argument.type();
    if (auto optional = type->cast<c10::OptionalType>()) type = optional->getElementType();
    Parameter parameter{type->kind()};
    if (auto list = type->cast<c10::ListType>()) {
        auto element = list->getElementType();
        if (auto optional = element->cast<c10::OptionalType>()) {
            element = optional->getElementType();
            parameter.optionalElement = true;
        }
        parameter.element = element->kind();
    }
    if (argument.default_value()) parameter.standard = *argument.default_value();
    parameter.name = argument.name();
    return parameter;
}

IValue integers(const ctorch_argument &argument, const Parameter &parameter) {
    auto values = static_cast<const int64_t *>(argument.list);
    if (parameter.element == TypeKind::FloatType) {
        c10::List<double> list;
        for (int64_t i = 0; i < argument.count; ++i) list.push_back(static_cast<double>(values[i]));
        return list;
    }
    c10::List<int64_t> list;
    list.reserve(argument.count);
    for (int64_t i = 0; i < argument.count; ++i) list.push_back(values[i]);
    return list;
}

IValue tensors(const ctorch_argument &argument, const Parameter &parameter) {
    auto values = static_cast<const ctorch_tensor *>(argument.list);
    if (parameter.optionalElement) {
        c10::List<std::optional<at::Tensor>> list;
        list.reserve(argument.count);
        for (int64_t i = 0; i < argument.count; ++i) {
            list.push_back(values[i] ? std::make_optional(ctorch::borrow(values[i])) : std::nullopt);
        }
        return list;
    }
    c10::List<at::Tensor> list;
    list.reserve(argument.count);
    for (int64_t i = 0; i < argument.count; ++i) list.push_back(ctorch::borrow(values[i]));
    return list;
}

IValue box(const ctorch_argument &argument, const Parameter &parameter) {
    switch (argument.kind) {
        case CTORCH_NONE: return IValue();
        case CTORCH_TENSOR: return ctorch::borrow(argument.tensor);
        case CTORCH_INTEGER:
            if (parameter.kind == TypeKind::FloatType) return static_cast<double>(argument.integer);
            if (parameter.kind == TypeKind::ListType) return c10::List<int64_t>({argument.integer});
            return argument.integer;
        case CTORCH_REAL:
            TORCH_CHECK(parameter.kind == TypeKind::FloatType || parameter.kind == TypeKind::NumberType,
                        "argument '", parameter.name, "' does not take a floating-point number");
            return argument.real;
        case CTORCH_BOOLEAN: return argument.integer != 0;
        case CTORCH_INTEGERS: return integers(argument, parameter);
        case CTORCH_REALS: {
            c10::List<double> list;
            auto values = static_cast<const double *>(argument.list);
            for (int64_t i = 0; i < argument.count; ++i) list.push_back(values[i]);
            return list;
        }
        case CTORCH_TENSORS: return tensors(argument, parameter);
        case CTORCH_STRING: return std::string(static_cast<const char *>(argument.list));
        case CTORCH_DEVICE:
            return c10::Device(static_cast<c10::DeviceType>(argument.integer),
                               static_cast<c10::DeviceIndex>(argument.count));
    }
    TORCH_CHECK(false, "argument '", parameter.name, "' has an unknown kind");
}

/// Appends what an operator returned, lists flattened.
void unbox(IValue &value, std::vector<std::pair<ctorch_value, at::Tensor>> &results) {
    ctorch_value result{};
    at::Tensor tensor;
    if (value.isTensor()) {
        result.kind = CTORCH_TENSOR;
        tensor = std::move(value).toTensor();
    } else if (value.isTensorList()) {
        for (at::Tensor element : value.toTensorVector()) {
            result.kind = CTORCH_TENSOR;
            results.emplace_back(result, std::move(element));
        }
        return;
    } else if (value.isInt() || value.isSymInt()) {
        result.kind = CTORCH_INTEGER;
        result.integer = value.toInt();
        result.real = static_cast<double>(result.integer);
    } else if (value.isDouble()) {
        result.kind = CTORCH_REAL;
        result.real = value.toDouble();
        result.integer = 0;
    } else if (value.isBool()) {
        result.kind = CTORCH_BOOLEAN;
        result.integer = value.toBool();
        result.real = static_cast<double>(result.integer);
    } else {
        TORCH_CHECK(value.isNone(), "the operator returned a ", value.tagKind(), ", which has no C counterpart");
    }
    results.emplace_back(result, std::move(tensor));
}

}  // namespace

struct ctorch_operator {
    c10::OperatorHandle handle;
    std::vector<Parameter> parameters;
};

const ctorch_operator *ctorch_operator_find(const char *name, const char *overload) {
    const ctorch_operator *found = nullptr;
    ctorch::guarded([&] {
        auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
        auto entry = std::make_unique<ctorch_operator>(ctorch_operator{handle, {}});
        for (const auto &argument : handle.schema().arguments()) entry->parameters.push_back(describe(argument));
        found = entry.release();
    });
    return found;
}

int ctorch_call(const ctorch_operator *callee, const ctorch_argument *arguments, size_t count, ctorch_value *results,
                size_t capacity, size_t *result_count) {
    *result_count = 0;
    return ctorch::guarded([&] {
        ctorch::adoptThreadCount();
        const auto &parameters = callee->parameters;
        TORCH_CHECK(count <= parameters.size(), "takes ", parameters.size(), " arguments, not ", count);
        torch::jit::Stack stack;
        stack.reserve(parameters.size());
        for (size_t i = 0; i < parameters.size(); ++i) {
            if (i < count) {
                stack.push_back(box(arguments[i], parameters[i]));
            } else {
                TORCH_CHECK(parameters[i].standard, "argument '", parameters[i].name, "' is missing");
                stack.push_back(*parameters[i].standard);
            }
        }
        callee->handle.callBoxed(stack);
        std::vector<std::pair<ctorch_value, at::Tensor>> values;
        values.reserve(stack.size());
        for (auto &value : stack) unbox(value, values);
        TORCH_CHECK(values.size() <= capacity, "returned ", values.size(), " results where ", capacity, " fit");
        for (auto &[value, tensor] : values) {
            value.tensor = ctorch::lend(std::move(tensor));
            results[(*result_count)++] = value;
        }
    });
}
