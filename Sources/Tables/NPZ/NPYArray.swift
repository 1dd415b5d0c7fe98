/// An array as NumPy's `.npy` format stores it: a shape and its values in row-major (C) order.
public struct NPYArray: Sendable, Equatable {
    /// The values, by type.
    public enum Values: Sendable, Equatable {
        /// 32-bit floating point (`<f4`).
        case float32([Float])
        /// 64-bit floating point (`<f8`).
        case float64([Double])
        /// 64-bit integers (`<i8`); narrower integers and booleans are read as these.
        case int64([Int64])
        /// Text (`<U`).
        case string([String])

        /// Number of values.
        public var count: Int {
            switch self {
            case .float32(let values): values.count
            case .float64(let values): values.count
            case .int64(let values): values.count
            case .string(let values): values.count
            }
        }
    }

    /// Length of each axis; empty for a single number.
    public var shape: [Int]
    /// The values, last axis fastest.
    public var values: Values

    /// An array; `shape` defaults to one axis.
    ///
    /// - Precondition: the product of `shape` is the number of values.
    public init(_ values: Values, shape: [Int]? = nil) {
        self.shape = shape ?? [values.count]
        self.values = values
        precondition(
            self.shape.reduce(1, *) == values.count, "shape \(self.shape) does not hold \(values.count) values")
    }

    /// The values as 64-bit numbers; nil for text.
    public var doubles: [Double]? {
        switch values {
        case .float32(let values): values.map { Double($0) }
        case .float64(let values): values
        case .int64(let values): values.map { Double($0) }
        case .string: nil
        }
    }

    /// The values as 32-bit numbers; nil for text.
    public var floats: [Float]? {
        if case .float32(let values) = values { return values }
        return doubles?.map { Float($0) }
    }

    /// The values as text; nil for numbers.
    public var strings: [String]? {
        if case .string(let values) = values { values } else { nil }
    }
}
