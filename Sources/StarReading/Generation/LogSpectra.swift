import Torch

/// Logarithms of spectra, in which dust and the strengths of lines add up, and how far each may be off.
struct LogSpectra {
    /// `[B, P]`.
    let values: Tensor
    /// Relative variance by the errors alone, `[B, P]`.
    private let variance: Tensor
    /// 1 where a pixel is bright enough for its logarithm to say something, else 0, `[B, P]`.
    private let isClear: Tensor

    /// S/N below which a logarithm says nothing.
    private static let faint = 3.0

    /// - Parameters:
    ///   - flux: `[B, P]`.
    ///   - ivar: inverse variance, `[B, P]`; 0 where a pixel carries no information.
    ///   - noiseFactor: by what factor stated variances are off, `[P]`.
    init(_ flux: Tensor, ivar: Tensor, noiseFactor: Tensor? = nil) {
        let positive = flux.clamp(min: 1e-3)
        let squared = positive.square() * ivar * flux.gt(0).to(.float32)
        isClear = squared.gt(Self.faint * Self.faint).to(.float32)
        let stated = squared.clamp(min: 1e-9).reciprocal()
        variance = noiseFactor.map { stated * $0 } ?? stated
        // The mean of a logarithm lies below the logarithm of the mean.
        values = positive.log() + variance * 0.5 * isClear
    }

    /// What pixels count that are off by more than their errors.
    /// - Parameter remainder: the relative variance beside that of the noise, `[P]` or `[1]`.
    func weights(beside remainder: Tensor) -> Tensor { (variance + remainder).reciprocal() * isClear }
}

/// Products of two of K regressors in each of N places, each pair once: sums of them are the matrices of least squares.
struct PairProducts {
    /// `[N, K (K + 1) / 2]`.
    private let products: Tensor
    /// Which product stands at each place of a K × K matrix, and at which places of one each product stands first.
    private let places: Tensor, lower: Tensor
    /// How often each product stands in a matrix, `[K (K + 1) / 2]`.
    private let times: Tensor
    private let count: Int

    /// - Parameter regressors: `[N, K]`.
    init(_ regressors: Tensor) {
        let count = regressors.size(1)
        self.count = count
        let triangle = (0..<count).flatMap { row in (0...row).map { (row: row, column: $0) } }
        func index(_ values: [Int]) -> Tensor { Tensor(values.map(Int64.init), shape: [values.count]) }
        products =
            regressors.indexSelect(1, index(triangle.map(\.row)))
            * regressors.indexSelect(1, index(triangle.map(\.column)))
        var places = [Int](repeating: 0, count: count * count)
        for (place, (row, column)) in triangle.enumerated() {
            places[row * count + column] = place
            places[column * count + row] = place
        }
        self.places = index(places)
        lower = index(triangle.map { $0.row * count + $0.column })
        times = Tensor(triangle.map { $0.row == $0.column ? Float(1) : 2 }, shape: [triangle.count])
    }

    /// Σ w r rᵀ over all places, `[B, N]` → `[B, K, K]`.
    func sums(_ weights: Tensor) -> Tensor {
        weights.matmul(products).indexSelect(1, places).reshaped([weights.size(0), count, count])
    }

    /// rᵀ M r at each place, of symmetric M, `[B, K, K]` → `[B, N]`.
    func forms(_ matrices: Tensor) -> Tensor {
        (matrices.reshaped([matrices.size(0), count * count]).indexSelect(1, lower) * times)
            .matmul(products.transposed())
    }
}
