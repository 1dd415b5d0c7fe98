import Foundation
import Posteriors
import Torch

/// By how much distributions of spectra are stretched so that intervals hold what they say: by what is known of a star, by how bright it
/// is, and by wavelength.
///
/// What is multiplied at each wavelength are deviations of the logarithm of the flux. Of the numbers of a spectrum that is a linear map,
/// up to what the components cannot follow, so that mixtures of Gaussians stay such.
struct SpectrumWidths: Sendable, Hashable {
    /// Parts of the pixels, each with a factor of its own.
    static let parts = 10

    /// Logarithms of the signal to noise that there are factors for, ascending.
    var levels: [Double]
    /// By what is known (nothing, others' spectra, labels, both), level, and part of the wavelengths.
    var factors: [[[Double]]]

    /// Distributions as they were learned.
    init(levels: [Double]) {
        self.levels = levels
        factors = [[[Double]]](
            repeating: [[Double]](repeating: [Double](repeating: 1, count: Self.parts), count: levels.count), count: 4)
    }

    /// Whether it has a factor for all that may be asked for.
    var isComplete: Bool {
        !levels.isEmpty && factors.count == 4
            && factors.allSatisfy { $0.count == levels.count && $0.allSatisfy { $0.count == Self.parts } }
            && (levels + factors.joined().joined()).allSatisfy(\.isFinite)
    }

    /// The factors of a star.
    /// - Parameters:
    ///   - kind: what is known of it.
    ///   - level: logarithm of its signal to noise; nil where unknown: then those of all levels count alike.
    func factors(_ kind: Int, level: Double?) -> [Double] {
        let own = factors[kind]
        guard let level else {
            return (0..<Self.parts).map { part in own.reduce(0) { $0 + $1[part] } / Double(own.count) }
        }
        guard let next = levels.firstIndex(where: { $0 > level }) else { return own[own.count - 1] }
        guard next > 0 else { return own[0] }
        let share = (level - levels[next - 1]) / (levels[next] - levels[next - 1])
        return zip(own[next - 1], own[next]).map { $0 + share * ($1 - $0) }
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

    /// Reads as well what earlier versions wrote: one factor for all that are known alike.
    init(from decoder: any Decoder) throws {
        if let plain = try? decoder.singleValueContainer().decode([Double].self) {
            self.init(levels: [0])
            factors = plain.map { [[Double](repeating: $0, count: Self.parts)] }
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(levels: try container.decode([Double].self, forKey: .levels))
        factors = try container.decode([[[Double]]].self, forKey: .factors)
    }
}
