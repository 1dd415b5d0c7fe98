extension ATen {
    static let linalgEigh = Operator("linalg_eigh")
    static let linalgSolve = Operator("linalg_solve")
}

extension Tensor {
    /// Eigenvalues in ascending order and eigenvectors as columns of a symmetric matrix (LAPACK).
    /// - Returns: `[n]` and `[n, n]`.
    public func symmetricEigen() -> (values: Tensor, vectors: Tensor) {
        let results = ATen.linalgEigh.many(2, .tensor(self), .string("L"))
        return (results[0], results[1])
    }

    /// The X of A X = B for a square A, by LU factorisation (LAPACK).
    /// - Parameter b: `[n, m]`.
    public func solving(_ b: Tensor) -> Tensor { ATen.linalgSolve(.tensor(self), .tensor(b)) }
}
