/// What torch.save writes for tensors and their storages, checked before anything is read.
enum PickledTensors {
    private typealias Problem = Unpickler.Problem

    /// `("storage", type, key, location, count)`, given as a persistent id.
    static func storage(_ reference: PickleValue) throws -> PickleValue {
        guard let fields = reference.values, fields.count >= 5, fields[0].string == "storage",
            case .global(_, let type) = fields[1], let key = fields[2].string, let count = fields[4].int
        else { throw Problem(text: "a storage is described in an unknown way") }
        guard !key.isEmpty, key.utf8.count < 64,
            key.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
        else { throw Problem(text: "'\(key.prefix(40))' is no name of a storage") }
        guard let dtype = dtypes[type] else {
            throw Problem(text: "storages of type \(type.prefix(40)) cannot be read")
        }
        guard count >= 0 else { throw Problem(text: "storage \(key) has \(count) elements") }
        return .storage(PickledStorage(key: key, dtype: dtype, count: count))
    }

    private static let dtypes: [String: DType] = [
        "FloatStorage": .float32, "DoubleStorage": .float64, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
        "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8,
        "ByteStorage": .uint8, "BoolStorage": .bool, "UntypedStorage": .uint8,
    ]

    /// The name of the storage class of a type.
    static func storageName(of dtype: DType) -> String {
        dtypes.first { $0.value == dtype && $0.key != "UntypedStorage" }?.key ?? "ByteStorage"
    }

    /// A tensor from `(storage, offset, shape, strides, …)`, which must lie within its storage.
    static func view(_ fields: [PickleValue]) throws -> PickledTensor {
        guard fields.count >= 4, case .storage(let storage) = fields[0], let offset = fields[1].int,
            let shape = integers(fields[2]), let strides = integers(fields[3])
        else { throw Problem(text: "a tensor is described in an unknown way") }
        guard shape.count == strides.count, shape.count <= 16, offset >= 0, (shape + strides).allSatisfy({ $0 >= 0 })
        else { throw Problem(text: "a tensor of shape \(shape) has strides \(strides) and offset \(offset)") }
        var (last, count) = (offset, 1)
        for (size, stride) in zip(shape, strides) {
            let (reach, tooFar) = max(0, size - 1).multipliedReportingOverflow(by: stride)
            let (next, tooLong) = last.addingReportingOverflow(reach)
            let (product, tooMany) = count.multipliedReportingOverflow(by: size)
            guard !tooFar, !tooLong, !tooMany else { throw Problem(text: "a tensor of shape \(shape) is impossible") }
            (last, count) = (next, product)
        }
        guard count == 0 || last < storage.count else {
            throw Problem(
                text: "a tensor of shape \(shape) reaches element \(last) of a storage of \(storage.count)")
        }
        // A stride of 0 repeats elements without end; weights never do.
        guard count <= storage.count else {
            throw Problem(text: "a tensor of shape \(shape) claims more elements than its storage of \(storage.count)")
        }
        return PickledTensor(storage: storage, offset: offset, shape: shape, strides: strides)
    }

    private static func integers(_ value: PickleValue) -> [Int]? {
        guard let values = value.values else { return nil }
        let integers = values.compactMap(\.int)
        return integers.count == values.count ? integers : nil
    }
}
