import Foundation
import Support

/// How the flux of an instrument is brought to a common scale before a model sees it.
public enum Normalisation: Sendable, Codable, Hashable {
    /// Divided by a fitted continuum.
    case continuum(ContinuumRecipe)
    /// Divided by the flux at the grid pixel nearest to `wavelength` (Å).
    case pixel(wavelength: Double)
    /// Left as it is.
    case none

    private enum CodingKeys: String, CodingKey, CaseIterable { case continuum, pixel, none }
    private enum WrappedKey: String, CodingKey { case wrapped = "_0" }
    private struct Pixel: Codable { var wavelength: Double }
    private struct Empty: Codable {}

    /// Reads `continuum: {}` (or with numbers of the recipe), `pixel: { wavelength: 5500 }` or `none: {}`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if container.contains(.pixel) {
            self = .pixel(wavelength: try container.decode(Pixel.self, forKey: .pixel).wavelength)
        } else if container.contains(.continuum) {
            // Files have the recipe under a key that Swift's own coding gives it.
            let section = try container.nestedContainer(keyedBy: WrappedKey.self, forKey: .continuum)
            self = .continuum(
                try section.contains(.wrapped)
                    ? section.decode(ContinuumRecipe.self, forKey: .wrapped)
                    : section.allKeys.isEmpty
                        ? ContinuumRecipe() : container.decode(ContinuumRecipe.self, forKey: .continuum))
        } else if container.contains(.none) {
            self = .none
        } else {
            let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
            throw Diagnostic.invalid(
                path: path,
                problem: "no such normalisation; known are "
                    + CodingKeys.allCases.map(\.rawValue).joined(separator: ", "))
        }
    }

    /// Writes the form that files have had from the first.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .continuum(let recipe):
            var section = container.nestedContainer(keyedBy: WrappedKey.self, forKey: .continuum)
            try section.encode(recipe, forKey: .wrapped)
        case .pixel(let wavelength): try container.encode(Pixel(wavelength: wavelength), forKey: .pixel)
        case .none: try container.encode(Empty(), forKey: .none)
        }
    }

    /// How flux is scaled, in words.
    public var text: String {
        if case .none = self { "as it is" } else { "divided by its \(divisor)" }
    }

    /// What flux is divided by, for axes.
    public var divisor: String {
        switch self {
        case .continuum: "continuum"
        case .pixel(let wavelength): String(format: "flux at %g Å", wavelength)
        case .none: "1"
        }
    }
}
