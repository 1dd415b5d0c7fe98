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
        guard var flux = interpolator.predict(labels) else { return nil }
        let near = interpolator.nearest(labels, count: Self.neighbours).compactMap { residuals[$0] }
        if let residual = near.randomElement(using: &generator) {
            let factor = Float(generator.uniform() * Self.scatter)
            for i in flux.indices { flux[i] += factor * residual[i] }
        }
        return flux
    }

    /// Inverse variances of a mixture.
    var certainty: [Float] { Self.certainty(known) }

    /// Inverse variances of what has no noise: 10⁶ where a pixel is there, else 0.
    private static func certainty(_ known: [Bool]) -> [Float] { known.map { $0 ? 1e6 : 0 } }
}
