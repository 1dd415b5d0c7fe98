// Element by element; shapes are broadcast against each other from the last dimension, as in NumPy. A `Double` beside an
// integer tensor gives float32.
extension Tensor {
    /// The sum, element by element.
    public static func + (a: Tensor, b: Tensor) -> Tensor { ATen.addTensor(.tensor(a), .tensor(b)) }
    /// The difference, element by element.
    public static func - (a: Tensor, b: Tensor) -> Tensor { ATen.subTensor(.tensor(a), .tensor(b)) }
    /// The product, element by element.
    public static func * (a: Tensor, b: Tensor) -> Tensor { ATen.mulTensor(.tensor(a), .tensor(b)) }
    /// The quotient, element by element.
    public static func / (a: Tensor, b: Tensor) -> Tensor { ATen.divTensor(.tensor(a), .tensor(b)) }

    /// The sum, element by element.
    public static func + (a: Tensor, b: Double) -> Tensor { ATen.addScalar(.tensor(a), .double(b)) }
    /// The difference, element by element.
    public static func - (a: Tensor, b: Double) -> Tensor { ATen.subScalar(.tensor(a), .double(b)) }
    /// The product, element by element.
    public static func * (a: Tensor, b: Double) -> Tensor { ATen.mulScalar(.tensor(a), .double(b)) }
    /// The quotient, element by element.
    public static func / (a: Tensor, b: Double) -> Tensor { ATen.divScalar(.tensor(a), .double(b)) }

    /// The sum, element by element.
    public static func + (a: Double, b: Tensor) -> Tensor { b + a }
    /// The difference, element by element.
    public static func - (a: Double, b: Tensor) -> Tensor { ATen.rsubScalar(.tensor(b), .double(a)) }
    /// The product, element by element.
    public static func * (a: Double, b: Tensor) -> Tensor { b * a }
    /// The quotient, element by element.
    public static func / (a: Double, b: Tensor) -> Tensor { ATen.reciprocal(.tensor(b)) * a }

    /// The negative, element by element.
    public static prefix func - (a: Tensor) -> Tensor { ATen.neg(.tensor(a)) }

    /// The matrix product over the last two dimensions; leading dimensions are broadcast.
    public func matmul(_ other: Tensor) -> Tensor { ATen.matmul(.tensor(self), .tensor(other)) }

    /// The larger of the two, element by element.
    public func maximum(_ other: Tensor) -> Tensor { ATen.maximum(.tensor(self), .tensor(other)) }

    /// The smaller of the two, element by element.
    public func minimum(_ other: Tensor) -> Tensor { ATen.minimum(.tensor(self), .tensor(other)) }
}

// Comparisons give bool tensors.
extension Tensor {
    /// self == other
    public func eq(_ other: Tensor) -> Tensor { ATen.eqTensor(.tensor(self), .tensor(other)) }
    /// self == other
    public func eq(_ other: Double) -> Tensor { ATen.eqScalar(.tensor(self), .double(other)) }
    /// self != other
    public func ne(_ other: Tensor) -> Tensor { ATen.neTensor(.tensor(self), .tensor(other)) }
    /// self != other
    public func ne(_ other: Double) -> Tensor { ATen.neScalar(.tensor(self), .double(other)) }
    /// self < other
    public func lt(_ other: Tensor) -> Tensor { ATen.ltTensor(.tensor(self), .tensor(other)) }
    /// self < other
    public func lt(_ other: Double) -> Tensor { ATen.ltScalar(.tensor(self), .double(other)) }
    /// self <= other
    public func le(_ other: Tensor) -> Tensor { ATen.leTensor(.tensor(self), .tensor(other)) }
    /// self <= other
    public func le(_ other: Double) -> Tensor { ATen.leScalar(.tensor(self), .double(other)) }
    /// self > other
    public func gt(_ other: Tensor) -> Tensor { ATen.gtTensor(.tensor(self), .tensor(other)) }
    /// self > other
    public func gt(_ other: Double) -> Tensor { ATen.gtScalar(.tensor(self), .double(other)) }
    /// self >= other
    public func ge(_ other: Tensor) -> Tensor { ATen.geTensor(.tensor(self), .tensor(other)) }
    /// self >= other
    public func ge(_ other: Double) -> Tensor { ATen.geScalar(.tensor(self), .double(other)) }

    /// True where both are non-zero.
    public func logicalAnd(_ other: Tensor) -> Tensor { ATen.logicalAnd(.tensor(self), .tensor(other)) }
    /// True where either is non-zero.
    public func logicalOr(_ other: Tensor) -> Tensor { ATen.logicalOr(.tensor(self), .tensor(other)) }
    /// True where zero.
    public func logicalNot() -> Tensor { ATen.logicalNot(.tensor(self)) }

    /// Whether every element is non-zero, as a bool scalar.
    public func all() -> Tensor { ATen.all(.tensor(self)) }
    /// Whether any element is non-zero, as a bool scalar.
    public func any() -> Tensor { ATen.any(.tensor(self)) }
}
