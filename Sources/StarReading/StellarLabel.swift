import Foundation
import Synchronization

/// A quantity that is read from a star: its name in catalogues, its unit, how many digits it deserves.
public struct StellarLabel: Codable, Sendable, Hashable {
    /// Column name: `teff`, `logg`, `fe_h`, …; its error is `e_` + name.
    public let name: String
    /// As printed in a table's head.
    public let title: String
    /// As set in figures: `*T*_{eff}` is an italic T with a subscript.
    public let symbol: String
    /// `K`, `dex`, `mag`, `km/s`, or empty.
    public let unit: String
    /// Digits after the decimal point.
    public let digits: Int
    /// Whether models work with its log10: what a spectrum tells of a temperature is a share of it, not so many kelvin.
    public let isLogarithmic: Bool

    /// The label of a column name; unknown names keep their name, without a unit.
    public init(named name: String) {
        self = Self.registered.withLock { $0[name] } ?? Self.known[name] ?? StellarLabel(name)
    }

    /// The label that a table's column is called after, whatever its spelling: `feh`, `FE_H` and `[Fe/H]` are `fe_h`.
    public static func resembling(_ name: String) -> StellarLabel {
        func plain(_ text: String) -> String { text.lowercased().filter { $0.isLetter || $0.isNumber } }
        let wanted = plain(name)
        return registered.withLock { $0[name] } ?? known.values.first { plain($0.name) == wanted }
            ?? StellarLabel(name)
    }

    /// A label.
    public init(
        _ name: String, title: String? = nil, symbol: String? = nil, unit: String = "", digits: Int = 3,
        isLogarithmic: Bool = false
    ) {
        self.name = name
        self.title = title ?? name
        self.symbol = symbol ?? self.title
        self.unit = unit
        self.digits = digits
        self.isLogarithmic = isLogarithmic
    }

    /// Makes a label known by its column name, with the unit and digits it deserves. Columns that nobody registered can be
    /// learned and read as well.
    public static func register(_ label: StellarLabel) { registered.withLock { $0[label.name] = label } }

    private static let registered = Mutex<[String: StellarLabel]>([:])

    /// A value in the form in which models learn it.
    package func learned(_ value: Double) -> Double { isLogarithmic ? log10(value) : value }

    /// How fast the learned form grows with the value: d learned / d value.
    func slope(at value: Double) -> Double { isLogarithmic ? 1 / (value * log(10)) : 1 }

    /// A value in its unit, from the form in which models learn it.
    func value(learned: Double) -> Double { isLogarithmic ? pow(10, learned) : learned }

    /// One row a label.
    private static let known: [String: StellarLabel] = {
        var labels = [
            StellarLabel("teff", title: "Teff", symbol: "*T*_{eff}", unit: "K", digits: 0, isLogarithmic: true),
            StellarLabel("logg", title: "log g", symbol: "log *g*", unit: "dex", digits: 2),
            StellarLabel("fe_h", title: "[Fe/H]", unit: "dex", digits: 2),
            StellarLabel("alpha_m", title: "[α/M]", unit: "dex", digits: 2),
            StellarLabel("a_fe", title: "[α/Fe]", unit: "dex", digits: 2),
            StellarLabel("a_k", title: "A_K", symbol: "*A*_{K}", unit: "mag", digits: 2),
            StellarLabel("e_bp_rp", title: "E(BP-RP)", unit: "mag", digits: 2),
            StellarLabel("rv", title: "RV", unit: "km/s", digits: 1),
        ]
        let elements = [
            "C", "N", "O", "Na", "Mg", "Al", "Si", "P", "S", "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Co", "Ni", "Cu",
            "Zn",
            "Y", "Zr", "Ba", "La", "Ce", "Nd", "Eu",
        ]
        labels += elements.map { StellarLabel("\($0.lowercased())_fe", title: "[\($0)/Fe]", unit: "dex", digits: 2) }
        labels.append(StellarLabel("cn_fe", title: "[C+N/Fe]", unit: "dex", digits: 2))
        return Dictionary(uniqueKeysWithValues: labels.map { ($0.name, $0) })
    }()
}

extension StellarLabel {
    private enum CodingKeys: String, CodingKey { case name, title, symbol, unit, digits, isLogarithmic }

    /// Reads a label as model files have it. Files of before keep no word about symbols, nor about logarithms, of which only
    /// Teff had one.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        title = try container.decode(String.self, forKey: .title)
        symbol = try container.decodeIfPresent(String.self, forKey: .symbol) ?? Self.known[name]?.symbol ?? title
        unit = try container.decode(String.self, forKey: .unit)
        digits = try container.decode(Int.self, forKey: .digits)
        isLogarithmic = try container.decodeIfPresent(Bool.self, forKey: .isLogarithmic) ?? (name == "teff")
    }

    /// Writes a label with what it takes to read it anywhere.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(title, forKey: .title)
        if symbol != (Self.known[name]?.symbol ?? title) { try container.encode(symbol, forKey: .symbol) }
        try container.encode(unit, forKey: .unit)
        try container.encode(digits, forKey: .digits)
        if isLogarithmic != (name == "teff") { try container.encode(isLogarithmic, forKey: .isLogarithmic) }
    }
}

/// A label's value for one star with its 1σ error, in the label's unit.
public struct LabelEstimate: Sendable, Hashable {
    /// What was read.
    public let label: StellarLabel
    /// Its value, in the label’s unit.
    public let value: Double
    /// One standard deviation, calibrated on the validation split; nil from a regressor that gives none.
    public let error: Double?
    /// 16th and 84th percentile of the posterior; nil where only a Gaussian or a value is known.
    public var interval: ClosedRange<Double>?
}
