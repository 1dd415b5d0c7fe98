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

// The only operations that change a tensor. Every view of the memory sees the change. A leaf that requires a gradient can
// be changed inside `withoutGradient` only.
extension Tensor {
    /// self += scale · other; between integer tensors the scale must be whole.
    public func addInPlace(_ other: Tensor, scale: Double = 1) {
        // libtorch takes no floating-point scale, not even 1.0, between integers.
        let factor = Int(exactly: scale).map(Argument.int) ?? .double(scale)
        ATen.addInPlace.perform(.tensor(self), .tensor(other), factor)
    }
    /// self *= other
    public func multiplyInPlace(_ other: Tensor) { ATen.mulInPlace.perform(.tensor(self), .tensor(other)) }
    /// self *= factor
    public func multiplyInPlace(_ factor: Double) { ATen.mulScalarInPlace.perform(.tensor(self), .double(factor)) }
    /// Overwrites the elements with those of `other`, broadcast and converted to this tensor's type and device.
    public func copyInPlace(from other: Tensor) { ATen.copyInPlace.perform(.tensor(self), .tensor(other)) }
    /// Overwrites the elements with 0.
    public func zeroInPlace() { ATen.zeroInPlace.perform(.tensor(self)) }
    /// Overwrites the elements with a number.
    public func fillInPlace(_ value: Double) { ATen.fillInPlace.perform(.tensor(self), .double(value)) }
    /// Overwrites the elements with draws from the uniform distribution on [low, high).
    public func uniformInPlace(_ low: Double, _ high: Double) {
        ATen.uniformInPlace.perform(.tensor(self), .double(low), .double(high))
    }
    /// Overwrites the elements with draws from a normal distribution.
    public func normalInPlace(mean: Double = 0, std: Double = 1) {
        ATen.normalInPlace.perform(.tensor(self), .double(mean), .double(std))
    }
    /// Overwrites every element outside the bounds with the nearer bound.
    public func clampInPlace(min: Double, max: Double) {
        ATen.clampInPlace.perform(.tensor(self), .double(min), .double(max))
    }
    /// Overwrites the elements with their inverse error function.
    public func erfinvInPlace() { ATen.erfinvInPlace.perform(.tensor(self)) }
}

extension ATen {
    static let linalgEigh = Operator("linalg_eigh")
    static let linalgSolve = Operator("linalg_solve")
    static let linalgCholesky = Operator("linalg_cholesky")
    static let linalgSolveTriangular = Operator("linalg_solve_triangular")
}

extension Tensor {
    /// Eigenvalues in ascending order and eigenvectors as columns of a symmetric matrix (LAPACK).
    /// - Returns: `[n]` and `[n, n]`.
    public func symmetricEigen() -> (values: Tensor, vectors: Tensor) {
        let results = ATen.linalgEigh.many(2, .tensor(self), .string("L"))
        return (results[0], results[1])
    }

    /// The X of A X = B for square matrices A, by LU factorisation (LAPACK).
    /// - Parameter b: `[…, n, m]`.
    public func solving(_ b: Tensor) -> Tensor { ATen.linalgSolve(.tensor(self), .tensor(b)) }

    /// The lower triangular L of A = L Lᵀ for positive definite matrices (LAPACK), `[…, n, n]`.
    public func cholesky() -> Tensor { ATen.linalgCholesky(.tensor(self), .bool(false)) }

    /// The X of A X = B for triangular matrices A.
    /// - Parameters:
    ///   - b: `[…, n, m]`.
    ///   - upper: whether it is the upper triangle that counts.
    public func solvingTriangular(_ b: Tensor, upper: Bool = false) -> Tensor {
        ATen.linalgSolveTriangular(.tensor(self), .tensor(b), .bool(upper), .bool(true), .bool(false))
    }
}
