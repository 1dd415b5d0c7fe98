import Foundation
import StarReading
import Statistics
import Support

/// How two sides differ in a label over some stars: second minus first.
public struct Offset: Codable, Sendable, Hashable {
    /// Median and robust σ of the differences with their bootstrap errors, in the label's unit.
    public let residuals: ResidualStatistics
    /// What the stated errors do not explain; nil where none are stated.
    public let excess: ExcessScatter?
    /// Share of stars that differ by more than 3 σ from the median; of a Gaussian 0.27 %.
    public let outliers: Double?

    /// - Parameters:
    ///   - differences: second minus first, one a star; NaN where unknown.
    ///   - errors: 1 σ of them as stated; NaN where nothing is.
    ///   - groups: what is drawn together.
    ///   - resamples: bootstrap samples.
    public init(_ differences: [Double], errors: [Double], groups: [String], resamples: Int = 200) {
        let known = differences.indices.filter { differences[$0].isFinite }
        let delta = known.map { differences[$0] }
        let own = known.map { groups[$0] }
        let stated = known.map { errors[$0] }
        let found = ResidualStatistics(delta, groups: own, resamples: resamples)
        residuals = found
        excess = ExcessScatter(delta, errors: stated, groups: own, resamples: min(100, resamples))
        if let sigma = found.sigma, let bias = found.bias, sigma > 0 {
            outliers = Double(delta.filter { abs($0 - bias) > 3 * sigma }.count) / Double(delta.count)
        } else {
            outliers = nil
        }
    }
}

/// How two tables of the same stars differ in a label: over all stars, and in bins of what the stars are.
public struct LabelComparison: Codable, Sendable {
    /// What bins are of.
    public struct Quantity: Codable, Sendable {
        /// Such as `teff` or `snr`.
        public let name: String
        /// Its unit; may be empty.
        public let unit: String
        /// Of equally many stars each, from low to high.
        public let bins: [Bin]
    }

    /// Stars between two values of a quantity.
    public struct Bin: Codable, Sendable {
        /// The least, the median and the largest value.
        public let lower: Double, centre: Double, upper: Double
        /// How the sides differ there.
        public let offset: Offset
    }

    /// Values that bins are made of, one a star.
    public struct Circumstance: Sendable {
        /// What it is called.
        public var name: String
        /// Its unit; may be empty.
        public var unit: String
        /// One a star; NaN leaves a star out.
        public var values: [Double]

        /// A quantity of stars.
        public init(name: String, unit: String, values: [Double]) {
            (self.name, self.unit, self.values) = (name, unit, values)
        }
    }

    /// Which label.
    public let label: StellarLabel
    /// Over all stars.
    public let all: Offset
    /// In bins.
    public let quantities: [Quantity]

    /// - Parameters:
    ///   - label: what is compared.
    ///   - differences: second minus first, one a star; NaN where unknown.
    ///   - errors: 1 σ of the differences as stated; NaN where nothing is.
    ///   - groups: what stars share, one a star; bootstrap samples draw groups.
    ///   - circumstances: what bins are made of.
    ///   - bins: of each.
    ///   - resamples: bootstrap samples.
    public init(
        _ label: StellarLabel, differences: [Double], errors: [Double], groups: [String],
        circumstances: [Circumstance], bins: Int = 5, resamples: Int = 200
    ) {
        self.label = label
        all = Offset(differences, errors: errors, groups: groups, resamples: resamples)
        quantities = circumstances.compactMap { circumstance in
            let known = differences.indices.filter { differences[$0].isFinite && circumstance.values[$0].isFinite }
                .sorted { circumstance.values[$0] < circumstance.values[$1] }
            // A bin of a few stars tells nothing.
            let count = min(bins, known.count / 10)
            guard count > 1 else { return nil }
            return Quantity(
                name: circumstance.name, unit: circumstance.unit,
                bins: (0..<count).map { bin in
                    let part = Array(known[bin * known.count / count..<(bin + 1) * known.count / count])
                    let values = part.map { circumstance.values[$0] }
                    return Bin(
                        lower: values[0], centre: median(values), upper: values[values.count - 1],
                        offset: Offset(
                            part.map { differences[$0] }, errors: part.map { errors[$0] },
                            groups: part.map { groups[$0] }, resamples: resamples))
                })
        }
    }
}
