import Datasets
import Foundation
import Instruments
import Spectra
import Support

/// Makes many stars of the few of a library: at labels near theirs, and with what sets a real star apart from the mean.
struct StarMixer: Sendable {
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
    let instrument: Instrument
    /// Pixels that nearly all stars have; mixtures have these.
    private let known: [Bool]
    /// Stars with all three labels, in the interpolator's order.
    private let anchors: [LocalLinearInterpolator.Labels]
    private let residuals: [[Float]?]
    private let ids: [String]
    /// The place of each of them, by identifier.
    private let places: [String: Int]
    private let seed: UInt64

    init(_ library: [LibraryStar], _ instrument: Instrument, seed: UInt64) {
        (self.instrument, self.seed) = (instrument, seed)
        stars = concurrentMap(library.filter { !$0.labels.isEmpty }) { star in
            (try? instrument.prepare(star.spectrum)).map { (star.labels, $0, star.id) }
        }.compactMap(\.self)
        let masks = stars.map(\.prepared.mask)
        known = (0..<instrument.grid.count).map { pixel in 20 * masks.count { $0[pixel] } < masks.count }
        let complete = stars.compactMap { star in
            LocalLinearInterpolator.Labels(star.labels).map { (labels: $0, flux: star.prepared.flux, id: star.id) }
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
        ids = complete.map(\.id)
        places = Dictionary(zip(ids, ids.indices)) { first, _ in first }
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

    /// A row of one spectrum; for an instrument that knows masks with inverse variances of what has no noise.
    func paired(_ id: String, _ flux: [Float], known: [Bool], _ labels: [String: Double]) -> PairedRow {
        let key = instrument.dataSetKey
        return PairedRow(
            sourceID: id, flux: [key: flux],
            ivar: instrument.leastCoverage == nil ? [:] : [key: Self.certainty(known)], labels: labels)
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
            if let flux = spectrum(at: labels, &generator) { return (labels, flux) }
        }
        return nil
    }

    /// A star of these labels, prepared, at rest and without noise; nil where the library does not cover them.
    func spectrum(at labels: LocalLinearInterpolator.Labels, _ generator: inout SeededGenerator) -> [Float]? {
        guard let mean = interpolator.predict(labels) else { return nil }
        return adding(trait(near: labels, &generator), to: mean)
    }

    // MARK: - One star by several spectrographs

    /// What sets a star apart from the mean star of its labels: the residual of a library star, by a factor. Mixers of one library
    /// on the grids of several spectrographs make the same star of it.
    struct Trait: Sendable {
        var donor: String
        var factor: Float
    }

    /// The trait of a new star of these labels; nil where no star near them has a residual.
    /// - Parameter isUsable: which stars, by identifier, may give it.
    func trait(
        near labels: LocalLinearInterpolator.Labels, _ generator: inout SeededGenerator,
        where isUsable: (String) -> Bool = { _ in true }
    ) -> Trait? {
        let near = interpolator.nearest(labels, count: Self.neighbours)
            .filter { residuals[$0] != nil && isUsable(ids[$0]) }
        guard let donor = near.randomElement(using: &generator) else { return nil }
        return Trait(donor: ids[donor], factor: Float(generator.uniform() * Self.scatter))
    }

    /// Whether a library star, by identifier, has a residual to give.
    func hasResidual(of donor: String) -> Bool { residual(of: donor) != nil }

    /// The star of these labels with a trait; nil where the library does not cover them.
    func spectrum(at labels: LocalLinearInterpolator.Labels, with trait: Trait?) -> [Float]? {
        interpolator.predict(labels).map { adding(trait, to: $0) }
    }

    private func residual(of donor: String) -> [Float]? { places[donor].flatMap { residuals[$0] } }

    private func adding(_ trait: Trait?, to mean: [Float]) -> [Float] {
        guard let trait, let residual = residual(of: trait.donor) else { return mean }
        return zip(mean, residual).map { $0 + trait.factor * $1 }
    }

    /// Inverse variances of a mixture.
    var certainty: [Float] { Self.certainty(known) }

    /// Inverse variances of what has no noise: 10⁶ where a pixel is there, else 0.
    private static func certainty(_ known: [Bool]) -> [Float] { known.map { $0 ? 1e6 : 0 } }
}

/// A spectrograph that observes stars of a mixer: velocity, broadening, noise; half the spectra through a window, where a part
/// of the range is enough.
struct MixedStars: Sendable {
    let mixer: StarMixer
    private let augmentation: Augmentation

    init(mixer: StarMixer, _ conditions: ObservingConditions) {
        self.mixer = mixer
        var augmentation = Augmentation()
        (augmentation.observing, augmentation.windows) = (conditions, 0.5)
        self.augmentation = augmentation
    }

    var instrument: Instrument { mixer.instrument }

    /// A new star of these labels as it is seen; nil where the library does not cover them.
    func observe(
        _ labels: LocalLinearInterpolator.Labels, using generator: inout SeededGenerator
    ) -> ObservingConditions.Observation? {
        mixer.spectrum(at: labels, &generator).flatMap { observe($0, using: &generator) }
    }

    /// A spectrum of the mixer as it is seen.
    func observe(_ flux: [Float], using generator: inout SeededGenerator) -> ObservingConditions.Observation? {
        let seen = augmentation(flux, ivar: mixer.certainty, of: instrument, using: &generator)
        guard let ivar = seen.ivar, let snr = seen.snr, let velocity = seen.labels[RadialVelocity.label] else {
            return nil
        }
        return .init(flux: seen.flux, noiseless: seen.clean, ivar: ivar, velocity: velocity, snr: snr)
    }
}
