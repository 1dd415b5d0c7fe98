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
        var flux: Tensor, features: Tensor
        /// What was removed, km/s, to be added to the velocities that are read from the features.
        var velocities: [Double]
    }

    /// The label that tells how fast a star recedes, km/s.
    static let label = "rv"

    /// The features of prepared spectra.
    let features: (Tensor) throws -> Tensor
    /// The radial velocities that these tell, km/s.
    let velocity: (Tensor) throws -> [Double]

    /// Velocities beyond are in no training: a spectrum that seems to have one stays as it was observed.
    private static let fastest = 600.0
    /// Less than this is left where it is, km/s: a seventieth of a pixel of the LRS.
    private static let enough = 1.0
    private static let passes = 5
    /// Samples whose median is a velocity.
    private static let draws = 101

    /// - Parameters:
    ///   - flux: prepared spectra as observed, `[B, pixels]`.
    ///   - moved: the spectra of some rows with so much velocity removed, `[rows, pixels]`.
    package func callAsFunction(_ flux: Tensor, moved: ([Int], [Double]) throws -> Tensor) throws -> Result {
        var found = Result(
            flux: flux, features: try features(flux), velocities: [Double](repeating: 0, count: flux.size(0)))
        let observed = found
        var rows = Array(found.velocities.indices)
        for _ in 0..<Self.passes {
            let steps = zip(rows, try velocity(try select(found.features, rows))).filter { abs($1) >= Self.enough }
            for (row, step) in steps { found.velocities[row] += step }
            rows = steps.map(\.0).filter { abs(found.velocities[$0]) <= Self.fastest }
            guard !rows.isEmpty else { break }
            let again = try moved(rows, rows.map { found.velocities[$0] }).to(flux.device)
            found.flux = try replacing(rows, of: found.flux, with: again)
            found.features = try replacing(rows, of: found.features, with: try features(again))
        }
        let lost = found.velocities.indices.filter { !(abs(found.velocities[$0]) <= Self.fastest) }
        guard !lost.isEmpty else { return found }
        for row in lost { found.velocities[row] = 0 }
        found.flux = try replacing(lost, of: found.flux, with: try select(observed.flux, lost))
        found.features = try replacing(lost, of: found.features, with: try select(observed.features, lost))
        return found
    }

    /// As above, where only prepared spectra are left of what was observed.
    package func callAsFunction(_ flux: Tensor, of instrument: Instrument) throws -> Result {
        let (values, pixels) = (flux.floats(), flux.size(1))
        return try self(flux) { rows, velocities in
            let moved = zip(rows, velocities).flatMap { row, velocity in
                instrument.atRest(Array(values[row * pixels..<(row + 1) * pixels]), removing: velocity)
            }
            return Tensor(moved, shape: [rows.count, pixels])
        }
    }

    private func select(_ tensor: Tensor, _ rows: [Int]) throws -> Tensor {
        tensor.indexSelect(0, try Tensor(rows.map(Int64.init), shape: [rows.count]).to(tensor.device))
    }

    private func replacing(_ rows: [Int], of tensor: Tensor, with others: Tensor) throws -> Tensor {
        var places = Array(0..<tensor.size(0))
        for (other, row) in rows.enumerated() { places[row] = tensor.size(0) + other }
        return try select(Tensor.cat([tensor, others], dim: 0), places)
    }
}

extension RestFrame {
    /// The rest frame of a model's posterior; nil where that tells no velocity.
    init?(_ model: SpecCLIPModel, _ instrument: Instrument, _ sampler: EnsembleSampler, labels: [StellarLabel]) {
        guard let place = labels.firstIndex(where: { $0.name == Self.label }) else { return nil }
        features = { flux in
            let device = model.parameters().first?.parameter.value.device ?? .cpu
            let input = try flux.to(device)
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
