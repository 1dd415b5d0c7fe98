import Datasets
import Foundation
import Instruments
import Spectra
import Support

/// Tier `miles-mixtures`: many stars to train on, made from the few of MILES; validation and test are real MILES stars.
///
/// An interpolated spectrum is the mean star at its labels, and a model trained on mean stars trusts every line too
/// much. So each mixture also gets what sets a real star near these labels apart from the mean: its residual against
/// the interpolation from all other stars, by a random factor.
struct MILESMixtureSource: PairSource {
    let instruments: [Instrument]
    let labelNames = ["teff", "logg", "fe_h", "rv"]
    let notes: [String]
    private let mixer: Mixer
    private let heldOut: [(star: LibraryStar, split: Split)]
    private let options: PairOptions

    /// Training rows where none are asked for.
    private static let defaultCount = 30_000

    /// - Parameter instrument: whose grid and normalisation the stars get; of one that knows masks, also which pixels there are.
    init(_ store: LibraryStore, _ options: PairOptions, of instrument: Instrument = .lamostLRS) throws {
        self.options = options
        instruments = [instrument]
        let splits = options.splits
        let stars = try MILESLibrary.stars(store)
        mixer = Mixer(stars.filter { splits.split(of: $0.id) == .train }, instrument, seed: options.seed)
        heldOut = stars.filter { !$0.labels.isEmpty }.map { ($0, splits.split(of: $0.id)) }.filter { $0.1 != .train }
        notes = [
            "train: local linear interpolation among \(mixer.interpolator.count) MILES stars of the training split at labels "
                + "scattered around theirs, plus 0 to \(Mixer.scatter) times the residual of a star near them; one row in "
                + "\(Int(1 / Mixer.realShare)) is a MILES star itself. validation, test: real MILES stars, once each.",
            "Noise-free, at rest, FWHM 2.5 Å as published: velocities, broadening and noise are for the training to add. "
                + "`rv` is 0. Split by a hash of the star's number, as in real-miles.",
        ]
    }

    /// The held-out stars come first, so that a limit is one of the mixtures.
    var count: Int { options.limit ?? heldOut.count + Self.defaultCount }

    func rows(_ wanted: [Int]) throws -> [PairCandidate] {
        concurrentMap(wanted) { row in
            guard row < heldOut.count else { return .row(mixer.row(row - heldOut.count), .train) }
            let (star, split) = heldOut[row]
            guard let prepared = try? instruments[0].prepare(star.spectrum) else {
                return .skipped("cannot be normalised")
            }
            let labels = star.labels.merging(["rv": 0]) { $1 }
            let shown = mixer.paired(star.id, prepared.flux, known: prepared.mask.map { !$0 }, labels)
            return .row(shown, split)
        }
    }
}

/// Mixes library stars.
private struct Mixer: Sendable {
    /// Share of rows that are a library star as it is: the only hot, cool and rare ones there are.
    static let realShare = 0.2
    /// The most of a residual that is added.
    static let scatter = 1.2
    /// Residuals come from one of so many stars nearest to the labels.
    private static let neighbours = 12
    /// A residual of more than this rms is a mistake of the interpolation, not a trait of the star.
    private static let largestResidual: Float = 0.08

    let interpolator: LocalLinearInterpolator
    private let stars: [(labels: [String: Double], prepared: PreparedSpectrum, id: String)]
    private let instrument: Instrument
    /// Pixels that nearly all stars have; mixtures have these.
    private let known: [Bool]
    /// Stars with all three labels, in the interpolator's order.
    private let anchors: [LocalLinearInterpolator.Labels]
    private let residuals: [[Float]?]
    private let seed: UInt64

    init(_ library: [LibraryStar], _ instrument: Instrument, seed: UInt64) {
        (self.instrument, self.seed) = (instrument, seed)
        stars = concurrentMap(library.filter { !$0.labels.isEmpty }) { star in
            (try? instrument.prepare(star.spectrum)).map { (star.labels, $0, star.id) }
        }.compactMap(\.self)
        let masks = stars.map(\.prepared.mask)
        known = (0..<instrument.grid.count).map { pixel in 20 * masks.count { $0[pixel] } < masks.count }
        let complete = stars.compactMap { star in
            LocalLinearInterpolator.Labels(star.labels).map { (labels: $0, flux: star.prepared.flux) }
        }
        let anchors = complete.map(\.labels)
        let interpolator = LocalLinearInterpolator(labels: anchors, spectra: complete.map(\.flux), leastWeight: 1.5)
        residuals = concurrentMap(Array(complete.indices)) { index in
            guard let mean = interpolator.predict(anchors[index], excluding: index) else { return nil }
            let residual = zip(complete[index].flux, mean).map { $0 - $1 }
            let square = residual.reduce(0) { $0 + $1 * $1 } / Float(residual.count)
            return square.squareRoot() < Self.largestResidual ? residual : nil
        }
        self.anchors = anchors
        self.interpolator = interpolator
    }

    func row(_ index: Int) -> PairedRow {
        var generator = SeededGenerator(seed: seed, source: "mixture-\(index)")
        if generator.uniform() >= Self.realShare, let (labels, flux) = mixture(&generator) {
            return paired(
                "mixture-\(index)", flux, known: known,
                ["teff": labels.teff, "logg": labels.logg, "fe_h": labels.feH, "rv": 0])
        }
        let star = stars[Int.random(in: 0..<stars.count, using: &generator)]
        return paired(
            "mixture-\(index)-\(star.id)", star.prepared.flux, known: star.prepared.mask.map { !$0 },
            star.labels.merging(["rv": 0]) { $1 })
    }

    /// A row of one spectrum; for an instrument that knows masks with inverse variances of what has no noise: 10⁶ where a
    /// pixel is there, else 0.
    func paired(_ id: String, _ flux: [Float], known: [Bool], _ labels: [String: Double]) -> PairedRow {
        let key = instrument.dataSetKey
        return PairedRow(
            sourceID: id, flux: [key: flux],
            ivar: instrument.leastCoverage == nil ? [:] : [key: known.map { $0 ? 1e6 : 0 }], labels: labels)
    }

    /// A star at labels one kernel width or so from a library star's; nil where the library covers none of ten tries.
    private func mixture(
        _ generator: inout SeededGenerator
    ) -> (labels: LocalLinearInterpolator.Labels, flux: [Float])? {
        let kernel = interpolator.kernel
        for _ in 0..<10 {
            let anchor = anchors[Int.random(in: 0..<anchors.count, using: &generator)]
            let labels = LocalLinearInterpolator.Labels(
                teff: anchor.teff * pow(10, kernel.x * generator.gaussian()),
                logg: anchor.logg + kernel.y * generator.gaussian(), feH: anchor.feH + kernel.z * generator.gaussian())
            guard var flux = interpolator.predict(labels) else { continue }
            let near = interpolator.nearest(labels, count: Self.neighbours).compactMap { residuals[$0] }
            if let residual = near.randomElement(using: &generator) {
                let factor = Float(generator.uniform() * Self.scatter)
                for i in flux.indices { flux[i] += factor * residual[i] }
            }
            return (labels, flux)
        }
        return nil
    }
}
