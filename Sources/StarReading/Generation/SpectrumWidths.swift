import Foundation
import Posteriors
import Torch

/// By how much distributions of spectra are stretched so that intervals hold what they say: by what is known of a star, by how bright it
/// is, and by wavelength.
///
/// What is multiplied at each wavelength are deviations of the logarithm of the flux. Of the numbers of a spectrum that is a linear map,
/// up to what the components cannot follow, so that mixtures of Gaussians stay such.
struct SpectrumWidths: Sendable, Hashable {
    /// What a distribution is made of.
    enum Kind: Int, CaseIterable {
        /// Nothing, other instruments' spectra, labels, both.
        case nothing, others, labels, both
        /// The rest of the spectrum itself, for what is missing at shorter wavelengths, at longer ones, and between.
        case below, above, between

        /// - Parameters:
        ///   - seesOthers: whether other instruments' spectra are known.
        ///   - knowsLabels: whether labels are.
        init(seesOthers: Bool, knowsLabels: Bool) {
            self = knowsLabels ? (seesOthers ? .both : .labels) : seesOthers ? .others : .nothing
        }

        var seesOthers: Bool { self == .others || self == .both }
        var knowsLabels: Bool { self == .labels || self == .both }
        /// Whether it is a part of a spectrum that is known, beside all else.
        var seesItself: Bool { self == .below || self == .above || self == .between }
    }

    /// Parts of the pixels, each with a factor of its own.
    static let parts = 10

    /// Logarithms of the signal to noise that there are factors for, ascending.
    var levels: [Double]
    /// By kind, level, and part of the wavelengths.
    private(set) var factors: [[[Double]]]

    /// Distributions as they were learned.
    init(levels: [Double]) {
        self.levels = levels
        factors = Kind.allCases.map { _ in Self.unstretched(levels: levels.count) }
    }

    private static func unstretched(levels: Int) -> [[Double]] {
        [[Double]](repeating: [Double](repeating: 1, count: parts), count: levels)
    }

    /// The factors of a kind, by level and part.
    subscript(kind: Kind) -> [[Double]] {
        get { factors[kind.rawValue] }
        set { factors[kind.rawValue] = newValue }
    }

    /// Whether it has a factor for all that may be asked for.
    var isComplete: Bool {
        !levels.isEmpty && factors.count == Kind.allCases.count
            && factors.allSatisfy { $0.count == levels.count && $0.allSatisfy { $0.count == Self.parts } }
            && (levels + factors.joined().joined()).allSatisfy(\.isFinite)
    }

    /// The factors of a star.
    /// - Parameters:
    ///   - kind: what is known of it.
    ///   - level: logarithm of its signal to noise; nil where unknown: then those of all levels count alike.
    func factors(_ kind: Kind, level: Double?) -> [Double] {
        let own = self[kind]
        guard let level else {
            return (0..<Self.parts).map { part in own.reduce(0) { $0 + $1[part] } / Double(own.count) }
        }
        guard let next = levels.firstIndex(where: { $0 > level }) else { return own[own.count - 1] }
        guard next > 0 else { return own[0] }
        let share = (level - levels[next - 1]) / (levels[next] - levels[next - 1])
        return zip(own[next - 1], own[next]).map { $0 + share * ($1 - $0) }
    }

    /// The factors of a star once a part of its spectrum is seen; nil where that is all of it.
    /// - Parameters:
    ///   - seen: the share of the pixels of each part that are seen; NaN where nothing is known of the part.
    ///   - level: logarithm of its signal to noise; nil where unknown.
    func factors(seen: [Double], level: Double?) -> [Double]? {
        // Of a spectrum of which nothing is seen the distribution stays what it was.
        guard let first = seen.firstIndex(where: { $0 >= 0.5 }), let last = seen.lastIndex(where: { $0 >= 0.5 }),
            seen.contains(where: { $0 < 0.5 })
        else { return nil }
        let (below, above, between) = (
            factors(.below, level: level), factors(.above, level: level), factors(.between, level: level)
        )
        return seen.indices.map { part in
            seen[part] < 0.5 ? (part < first ? below : part > last ? above : between)[part] : 1
        }
    }

    /// Which part each pixel belongs to, 1 there and 0 elsewhere, `[P, parts]`.
    static func membership(pixels: Int) -> Tensor {
        Tensor(
            (0..<pixels).flatMap { pixel in (0..<parts).map { $0 == pixel * parts / pixels ? Float(1) : 0 } },
            shape: [pixels, parts])
    }

    /// What multiplies the numbers of spectra whose parts are stretched by factors, `[B, K, K]`.
    /// - Parameters:
    ///   - factors: `[B, parts]`.
    ///   - parts: what each part adds (`SpectrumBasis.stretches`), `[parts, K, K]`.
    static func stretch(_ factors: Tensor, of parts: Tensor) -> Tensor {
        let size = parts.size(1)
        return factors.matmul(parts.reshaped([parts.size(0), size * size])).reshaped([factors.size(0), size, size])
    }

    /// Where parts have their middles, as weights of the factors at each pixel, `[parts, P]`: straight lines between the middles.
    static func weights(pixels: Int) -> Tensor {
        let rows = (0..<parts).flatMap { part in
            (0..<pixels).map { pixel -> Float in
                let place = (Double(pixel) + 0.5) / Double(pixels) * Double(parts) - 0.5
                return Float(max(0, 1 - abs(min(max(place, 0), Double(parts - 1)) - Double(part))))
            }
        }
        return Tensor(rows, shape: [parts, pixels])
    }
}

extension SpectrumWidths: Codable {
    private enum CodingKeys: CodingKey { case levels, factors }

    /// Reads as well what earlier versions wrote: one factor for all that are known alike, or none for what a part of a spectrum tells.
    init(from decoder: any Decoder) throws {
        if let plain = try? decoder.singleValueContainer().decode([Double].self) {
            self.init(levels: [0])
            factors.replaceSubrange(
                0..<min(plain.count, factors.count), with: plain.map { [[Double](repeating: $0, count: Self.parts)] })
            if plain.count < 4 { factors = [] }
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(levels: try container.decode([Double].self, forKey: .levels))
        factors = try container.decode([[[Double]]].self, forKey: .factors)
        if factors.count == 4 {
            factors += Kind.allCases.filter(\.seesItself).map { _ in Self.unstretched(levels: levels.count) }
        }
    }
}
