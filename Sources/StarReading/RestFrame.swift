import Posteriors
import SpecCLIP
import Spectra
import Torch

/// Brings spectra to rest by the radial velocity that is read from them, before anything else is.
///
/// A network that has seen stars at all velocities still answers a little differently at each. At rest it answers one
/// question only: labels move with a star's velocity no more than by the error of that velocity. What remains of it is
/// read again until there is nothing left to remove.
struct RestFrame {
    /// Spectra at rest.
    struct Result {
        /// Prepared spectra, `[B, pixels]`, and their features, `[B, F]`.
        var spectra: SpectrumBatch, features: Tensor
        /// What was removed, km/s, to be added to the velocities that are read from the features.
        var velocities: [Double]
    }

    /// The features of prepared spectra.
    let features: (SpectrumBatch) throws -> Tensor
    /// The radial velocities that these tell, km/s.
    let velocity: (Tensor) throws -> [Double]

    /// Velocities beyond are in no training: a spectrum that seems to have one stays as it was observed.
    static let fastest = 600.0
    /// Less than this is left where it is, km/s: a seventieth of a pixel of the LRS.
    private static let enough = 1.0
    private static let passes = 5
    /// Samples whose median is a velocity.
    private static let draws = 101

    /// - Parameters:
    ///   - spectra: prepared, as observed.
    ///   - moved: some of them with so much velocity removed.
    func callAsFunction(
        _ spectra: SpectrumBatch, moved: ([Int], [Double]) throws -> SpectrumBatch
    ) throws -> Result {
        var found = Result(
            spectra: spectra, features: try features(spectra),
            velocities: [Double](repeating: 0, count: spectra.count))
        let observed = found
        var rows = Array(found.velocities.indices)
        for _ in 0..<Self.passes {
            let steps = zip(rows, try velocity(try select(found.features, rows))).filter { abs($1) >= Self.enough }
            for (row, step) in steps { found.velocities[row] += step }
            rows = steps.map(\.0).filter { abs(found.velocities[$0]) <= Self.fastest }
            guard !rows.isEmpty else { break }
            let again = try moved(rows, rows.map { found.velocities[$0] }).to(spectra.flux.device)
            found.spectra = try Self.replacing(rows, of: found.spectra, with: again)
            found.features = try Self.replacing(rows, of: found.features, with: try features(again))
        }
        let lost = found.velocities.indices.filter { !(abs(found.velocities[$0]) <= Self.fastest) }
        guard !lost.isEmpty else { return found }
        for row in lost { found.velocities[row] = 0 }
        found.spectra = try Self.replacing(
            lost, of: found.spectra, with: observed.spectra.rows(try Self.index(lost, observed.features.device)))
        found.features = try Self.replacing(lost, of: found.features, with: try select(observed.features, lost))
        return found
    }

    /// As above, where only prepared spectra are left of what was observed.
    func callAsFunction(_ spectra: SpectrumBatch, of instrument: Instrument) throws -> Result {
        let (values, pixels) = (spectra.flux.floats(), spectra.flux.size(1))
        return try self(spectra) { rows, velocities in
            let moved = zip(rows, velocities).flatMap { row, velocity in
                instrument.atRest(Array(values[row * pixels..<(row + 1) * pixels]), removing: velocity)
            }
            // What is known of the pixels stays where it was: a shift is a few pixels at most.
            var batch = spectra.rows(try Self.index(rows, spectra.flux.device))
            batch.flux = Tensor(moved, shape: [rows.count, pixels])
            return batch
        }
    }

    private func select(_ tensor: Tensor, _ rows: [Int]) throws -> Tensor {
        tensor.indexSelect(0, try Self.index(rows, tensor.device))
    }

    private static func index(_ rows: [Int], _ device: Device) throws -> Tensor {
        try Tensor(rows.map(Int64.init), shape: [rows.count]).to(device)
    }

    /// A tensor with other rows in place of some.
    static func replacing(_ rows: [Int], of tensor: Tensor, with others: Tensor) throws -> Tensor {
        Tensor.cat([tensor, others], dim: 0).indexSelect(0, try index(places(rows, of: tensor.size(0)), tensor.device))
    }

    private static func replacing(
        _ rows: [Int], of spectra: SpectrumBatch, with others: SpectrumBatch
    ) throws -> SpectrumBatch {
        spectra.appending(others).rows(try index(places(rows, of: spectra.count), spectra.flux.device))
    }

    /// Where each row is found when others stand behind all.
    private static func places(_ rows: [Int], of count: Int) -> [Int] {
        var places = Array(0..<count)
        for (other, row) in rows.enumerated() { places[row] = count + other }
        return places
    }
}

extension RestFrame {
    /// The rest frame of a model's posterior; nil where that tells no velocity.
    init?(_ model: SpecCLIPModel, _ instrument: Instrument, _ sampler: EnsembleSampler, labels: [StellarLabel]) {
        guard let place = labels.firstIndex(where: { $0.name == RadialVelocity.label }) else { return nil }
        let device = model.device
        features = { spectra in
            let input = try spectra.to(device)
            return try catchingTorchErrors { try withoutGradient { try model.features(input, from: instrument) } }
        }
        velocity = { features in
            let samples = try PosteriorSamples(sampler, given: features, draws: Self.draws, labels: labels)
            return (0..<samples.stars).map { star in
                samples.sortedDraws(ofStar: star, label: place).map { Double($0[Self.draws / 2]) } ?? .nan
            }
        }
    }
}
