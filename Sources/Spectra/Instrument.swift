import Foundation
import Support

/// What a model must know about the instrument a spectrum comes from.
///
/// A value: adding an instrument is one constant in a folder of its own (see `Instruments/`), or a `definition:` in a
/// configuration.
public struct Instrument: Sendable, Codable, Hashable {
    /// Name on the command line and in configurations, e.g. `lamost-lrs`.
    public var name: String
    /// Name in figures and tables, e.g. `LAMOST LRS`.
    public var title: String
    /// The wavelengths a model sees.
    public var grid: WavelengthGrid
    /// How flux is scaled.
    public var normalisation: Normalisation
    /// Prefix of its groups in paired data sets: `lamost` stands for `lamost_spectra` and `lamost_ivar`.
    public var dataSetKey: String
    /// Name of its array in embedding files, e.g. `lamost_lrs`.
    public var embeddingKey: String
    /// Unit of wavelengths in files of this instrument that do not state one (plain text tables).
    public var fileUnit: WavelengthUnit
    /// Where the instrument sees nothing within its grid (gaps between detectors, cut-out bands), Å: what files have there is
    /// no data.
    public var gaps: [ClosedRange<Double>]
    /// Resolving power λ/FWHM of its spectra: finer ones are smoothed to it before a model sees them. Nil where it is not
    /// known. No part of what an instrument is: files of before do not tell it.
    public var resolution: Double?
    /// The least of its grid that a spectrum must cover, Å: what it does not cover is masked. Nil where it must cover all.
    public var leastCoverage: Double?

    /// An instrument; wavelengths of the grid are vacuum Å.
    public init(
        name: String, title: String, grid: WavelengthGrid, normalisation: Normalisation, dataSetKey: String,
        embeddingKey: String, fileUnit: WavelengthUnit = .angstrom, gaps: [ClosedRange<Double>] = [],
        resolution: Double? = nil, leastCoverage: Double? = nil
    ) {
        self.name = name
        self.title = title
        self.grid = grid
        self.normalisation = normalisation
        self.dataSetKey = dataSetKey
        self.embeddingKey = embeddingKey
        self.fileUnit = fileUnit
        self.gaps = gaps
        self.resolution = resolution
        self.leastCoverage = leastCoverage
    }

    /// Whether two are the same to a model: all but their resolution.
    public static func == (a: Instrument, b: Instrument) -> Bool {
        a.name == b.name && a.title == b.title && a.grid == b.grid && a.normalisation == b.normalisation
            && a.dataSetKey == b.dataSetKey && a.embeddingKey == b.embeddingKey && a.fileUnit == b.fileUnit
            && a.gaps == b.gaps && a.leastCoverage == b.leastCoverage
    }

    /// Feeds some of what ``==(_:_:)`` compares: names tell nearly all instruments apart.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(embeddingKey)
    }
}

extension Instrument {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, title, grid, normalisation, dataSetKey, embeddingKey, fileUnit, gaps, resolution, leastCoverage
    }

    /// Reads a definition strictly: `grid` must be given; keys that are left out follow from the name, and a name that is
    /// left out from where the definition stands (empty here).
    /// - Throws: `Diagnostic` for unknown keys and grids and gaps that are none.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        name = try fields(.name, default: "")
        title = try fields(.title, default: name)
        grid = try fields.required(.grid)
        normalisation = try fields(.normalisation, default: .none)
        let key = name.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined()
        dataSetKey = try fields(.dataSetKey, default: key)
        embeddingKey = try fields(.embeddingKey, default: key)
        fileUnit = try fields(.fileUnit, default: .angstrom)
        resolution = try fields(.resolution, default: nil)
        leastCoverage = try fields(.leastCoverage, default: nil)
        let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
        gaps = try fields(.gaps, default: [[Double]]()).map { gap in
            guard gap.count == 2, gap[0] < gap[1] else {
                throw Diagnostic.invalid(path: "\(path).gaps", problem: "\(gap) is no range; give two wavelengths in Å")
            }
            return gap[0]...gap[1]
        }
        guard resolution.map({ (10...1e7).contains($0) }) ?? true else {
            throw Diagnostic.invalid(
                path: "\(path).resolution", problem: "\(resolution ?? 0); give λ/FWHM, between 10 and 10 million")
        }
        guard grid.count > 1, grid.range.lowerBound > 0, grid.range.upperBound > grid.range.lowerBound else {
            throw Diagnostic.invalid(path: "\(path).grid", problem: "\(grid.text): no increasing wavelengths")
        }
        guard leastCoverage.map({ $0 > 0 && $0 <= grid.range.upperBound - grid.range.lowerBound }) ?? true else {
            throw Diagnostic.invalid(
                path: "\(path).leastCoverage", problem: "\(leastCoverage ?? 0) Å is no part of the grid")
        }
        if case .smoothed = normalisation, !grid.isLogarithmic {
            throw Diagnostic.invalid(
                path: "\(path).normalisation", problem: "smoothed needs a grid of equal steps in log10 of wavelength")
        }
        if let gap = gaps.first(where: { $0.contains(grid.range.lowerBound) && $0.contains(grid.range.upperBound) }) {
            throw Diagnostic.invalid(path: "\(path).gaps", problem: "\(gap) leaves nothing of the grid")
        }
    }

    /// Writes the definition; without gaps as before there were any.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(title, forKey: .title)
        try container.encode(grid, forKey: .grid)
        try container.encode(normalisation, forKey: .normalisation)
        try container.encode(dataSetKey, forKey: .dataSetKey)
        try container.encode(embeddingKey, forKey: .embeddingKey)
        try container.encode(fileUnit, forKey: .fileUnit)
        if !gaps.isEmpty { try container.encode(gaps.map { [$0.lowerBound, $0.upperBound] }, forKey: .gaps) }
        try container.encodeIfPresent(resolution, forKey: .resolution)
        try container.encodeIfPresent(leastCoverage, forKey: .leastCoverage)
    }

    /// Whether each pixel of the grid lies in a gap; nil where there are none.
    package var blind: [Bool]? {
        guard !gaps.isEmpty else { return nil }
        return Self.blindness.value(for: Sight(grid: grid, gaps: gaps)) {
            grid.wavelengths.map { wavelength in gaps.contains { $0.contains(wavelength) } }
        }
    }

    private struct Sight: Equatable, Sendable {
        var grid: WavelengthGrid
        var gaps: [ClosedRange<Double>]
    }

    /// Every spectrum that is read asks for it.
    private static let blindness = SharedCache<Sight, [Bool]>(capacity: 4)
}

/// How the flux of an instrument is brought to a common scale before a model sees it.
public enum Normalisation: Sendable, Codable, Hashable {
    /// Divided by a fitted continuum.
    case continuum(ContinuumRecipe)
    /// Divided by the flux at the grid pixel nearest to `wavelength` (Å).
    case pixel(wavelength: Double)
    /// Divided by its level around each pixel, that of a straight line fitted under a Gaussian of so many dex in wavelength (σ):
    /// needs no more than its own surroundings, whatever part of a spectrum is there. For logarithmic grids.
    case smoothed(width: Double)
    /// Left as it is.
    case none

    private enum CodingKeys: String, CodingKey, CaseIterable { case continuum, pixel, smoothed, none }
    private enum WrappedKey: String, CodingKey { case wrapped = "_0" }
    private struct Pixel: Codable { var wavelength: Double }
    private struct Smoothed: Codable { var width: Double }
    private struct Empty: Codable {}

    /// Reads `continuum: {}` (or with numbers of the recipe), `pixel: { wavelength: 5500 }`, `smoothed: { width: 0.012 }` or
    /// `none: {}`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if container.contains(.pixel) {
            self = .pixel(wavelength: try container.decode(Pixel.self, forKey: .pixel).wavelength)
        } else if container.contains(.smoothed) {
            let width = try container.decode(Smoothed.self, forKey: .smoothed).width
            guard width > 0, width < 1 else {
                let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
                throw Diagnostic.invalid(path: "\(path).smoothed.width", problem: "\(width); give dex, between 0 and 1")
            }
            self = .smoothed(width: width)
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
        case .smoothed(let width): try container.encode(Smoothed(width: width), forKey: .smoothed)
        case .none: try container.encode(Empty(), forKey: .none)
        }
    }

    /// Whether what is left of a spectrum's shape are its lines, around 1.
    public var leavesLinesAlone: Bool {
        switch self {
        case .continuum, .smoothed: true
        case .pixel, .none: false
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
        case .smoothed: "local level"
        case .none: "1"
        }
    }
}
