import Foundation

/// A quantity that is read from a star: its name in catalogues, its unit, how many digits it deserves.
public struct StellarLabel: Codable, Sendable, Hashable {
    /// Column name: `teff`, `logg`, `fe_h`, …; its error is `e_` + name.
    public let name: String
    /// As printed in a table's head.
    public let title: String
    /// `K`, `dex`, `mag`, `km/s`, or empty.
    public let unit: String
    /// Digits after the decimal point.
    public let digits: Int

    /// The label of a column name; unknown names keep their name, without a unit.
    public init(named name: String) {
        let known = Self.known[name]
        self.name = name
        title = known?.title ?? name
        unit = known?.unit ?? ""
        digits = known?.digits ?? 3
    }

    /// Whether models work with its log10: what a spectrum tells of a temperature is a share of it, not so many kelvin.
    var isLogarithmic: Bool { name == "teff" }

    /// A value in the form in which models learn it.
    func learned(_ value: Double) -> Double { isLogarithmic ? log10(value) : value }

    /// How fast the learned form grows with the value: d learned / d value.
    func slope(at value: Double) -> Double { isLogarithmic ? 1 / (value * log(10)) : 1 }

    /// A value in its unit, from the form in which models learn it.
    func value(learned: Double) -> Double { isLogarithmic ? pow(10, learned) : learned }

    private static let known: [String: (title: String, unit: String, digits: Int)] = {
        var known = [
            "teff": ("Teff", "K", 0), "logg": ("log g", "dex", 2), "fe_h": ("[Fe/H]", "dex", 2),
            "alpha_m": ("[α/M]", "dex", 2), "a_fe": ("[α/Fe]", "dex", 2), "a_k": ("A_K", "mag", 2),
            "e_bp_rp": ("E(BP-RP)", "mag", 2), "rv": ("RV", "km/s", 1),
        ]
        for element in ["C", "N", "O", "Mg", "Al", "Si", "Ca", "Ti", "Cr", "Mn", "Ni"] {
            known[element.lowercased() + "_fe"] = ("[\(element)/Fe]", "dex", 2)
        }
        return known
    }()
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
