import Foundation
import Posteriors
import SpecCLIP
import Spectra
import Torch

/// Fills pixels that a spectrum lacks where stars differ most. An encoder that knows masks takes the mean star's pixels instead, and
/// a Balmer line of the mean star belongs to one temperature; what goes with the rest of the spectrum is a better guess, and has
/// an error by which the encoder weighs it.
///
/// The rest tells the spectrum's numbers (`SpectrumBasis`) by least squares in the logarithm of the flux, beside what is known of them
/// before: one step, where a fit in the flux takes a dozen, and near enough for what an encoder weighs.
final class MissingPixels: Sendable {
    private let generator: SpectrumGenerator
    /// The share of all by which stars differ that each pixel holds; 0 where nothing was learned.
    private let telling: [Float]
    private let pairs: PairProducts

    /// Wider gaps are parts of the range that a spectrograph does not see: encoders have learned from such spectra. A hundredth of a
    /// dex of `optical`.
    private static let widest = 100
    /// Gaps matter that hold more than this share of all by which stars differ: ten Å at Hα hold 0.4 %, elsewhere 0.05 %.
    private static let least: Float = 0.003

    init(_ generator: SpectrumGenerator) {
        self.generator = generator
        let components = generator.basis.components.value
        let squares = components.square().sum(dims: [0]) * generator.basis.known.value
        telling = (squares / squares.sum().clamp(min: 1e-30)).floats()
        pairs = PairProducts(components.transposed())
    }

    /// - Parameters:
    ///   - spectra: at rest, with errors and known pixels.
    ///   - snr: their signal to noise per pixel; NaN where unknown.
    /// - Returns: the spectra whose gaps matter, filled, and their rows; nil where there are none.
    func filled(_ spectra: SpectrumBatch, snr: [Double]) throws -> (rows: [Int], spectra: SpectrumBatch)? {
        guard let valid = try spectra.valid?.to(.cpu), let ivar = try spectra.ivar?.to(.cpu) else { return nil }
        let pixels = spectra.flux.size(1)
        let seen = valid.floats()
        let gaps = (0..<spectra.count).map { row in
            Self.gaps(seen[row * pixels..<(row + 1) * pixels]).filter { telling[$0] > 0 }
        }
        let rows = gaps.indices.filter { gaps[$0].reduce(Float(0)) { $0 + telling[$1] } > Self.least }
        guard !rows.isEmpty else { return nil }
        return try catchingTorchErrors {
            try withoutGradient {
                let flux = try spectra.flux.to(.cpu).rows(rows)
                let (seen, own) = (valid.rows(rows), ivar.rows(rows) * valid.rows(rows))
                let errors = StarReader.completed(own, flux, valid: seen, snr: rows.map { snr[$0] })
                var known = SpectrumKnowledge(stars: rows.count)
                known.add(ownSNR: rows.map { snr[$0] })
                let numbers = told(flux, errors, before: try generator.distribution(known).mixture)
                var (values, weights, marks) = (flux.floats(), own.floats(), seen.floats())
                for (place, row) in rows.enumerated() {
                    let missing = expected(
                        numbers.mean.select(0, place), numbers.covariance.select(0, place), gaps[row])
                    for (pixel, (value, variance)) in zip(gaps[row], zip(missing.flux, missing.variance)) {
                        values[place * pixels + pixel] = value
                        weights[place * pixels + pixel] = 1 / variance
                        marks[place * pixels + pixel] = 1
                    }
                }
                let shape = [rows.count, pixels]
                let batch = SpectrumBatch(
                    Tensor(values, shape: shape), ivar: Tensor(weights, shape: shape),
                    valid: Tensor(marks, shape: shape), wavelength: spectra.wavelength)
                return (rows, try batch.to(spectra.flux.device))
            }
        }
    }

    /// Mean, `[B, K]`, and covariance, `[B, K, K]`, of the numbers of spectra.
    /// - Parameters:
    ///   - flux: `[B, P]`.
    ///   - ivar: `[B, P]`; 0 where a pixel is missing.
    ///   - before: what is known without the spectrum.
    private func told(_ flux: Tensor, _ ivar: Tensor, before: Mixture) -> (mean: Tensor, covariance: Tensor) {
        let (basis, count) = (generator.basis, generator.basis.count)
        let logs = LogSpectra(flux, ivar: ivar * basis.known.value, noiseFactor: basis.noiseFactor.value)
        let weights = logs.weights(beside: basis.remainder.value) / basis.correlated.value
        let precision = pairs.sums(weights)
        let shift = (weights * (logs.values - basis.mean.value)).matmul(basis.components.value.transposed())
        let unit = Tensor.eye(count, dtype: .float64).unsqueezed(0)
        let prior = (before.covariance.to(.float64) + unit * 1e-6).solving(unit.expanded([flux.size(0), count, count]))
        let pull = shift.to(.float64).unsqueezed(-1) + prior.matmul(before.mean.to(.float64).unsqueezed(-1))
        let all = Tensor.cat([pull, unit.expanded([flux.size(0), count, count])], dim: 2)
        let found = (precision.to(.float64) + prior).solving(all).to(.float32)
        return (found.select(2, 0), found.narrow(2, start: 1, length: count))
    }

    /// What is expected of some pixels of a star, taken for log-normal, with what the components leave.
    private func expected(
        _ mean: Tensor, _ covariance: Tensor, _ pixels: [Int]
    ) -> (flux: [Float], variance: [Float]) {
        let index = Tensor(pixels.map(Int64.init), shape: [pixels.count])
        let own = generator.basis.components.value.indexSelect(1, index)
        let level = mean.unsqueezed(0).matmul(own).squeezed(0) + generator.basis.mean.value.indexSelect(0, index)
        let flux = level.clamp(max: Self.brightest).exp()
        let spread = (covariance.matmul(own) * own).sum(dims: [0])
        let variance = (spread + generator.basis.remainder.value.indexSelect(0, index)) * flux.square()
        return (flux.floats(), variance.clamp(min: 1e-8).floats())
    }

    /// Flux beside its surroundings, as a logarithm: no line is so bright.
    private static let brightest = 5.0

    /// Pixels without data between pixels that have some, in gaps that are not wide.
    private static func gaps(_ valid: ArraySlice<Float>) -> [Int] {
        var found: [Int] = []
        var last: Int?
        for (pixel, isSeen) in valid.enumerated() where isSeen > 0 {
            if let last, pixel - last - 1 <= widest { found += last + 1..<pixel }
            last = pixel
        }
        return found
    }
}
