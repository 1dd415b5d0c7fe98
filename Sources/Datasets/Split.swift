import Foundation
import Support

/// The parts of a data set: what is fitted, what decides when to stop, what tells how far off the answers are, what is reported.
public enum Split: String, Sendable, Codable, CaseIterable {
    case train
    case validation
    /// Few data sets have it; in those that have not, the validation split stands in.
    case calibration
    case test
}

/// Assigns sources to splits by a hash of their identifier, so that every spectrum of a star lands in the same split,
/// in every file made with the same seed and whatever the order of the rows.
public struct SplitAssignment: Sendable, Codable, Hashable {
    /// Share of the sources held out for validation, 0…1.
    public var validation: Double
    /// Share of the sources held out for test, 0…1.
    public var test: Double
    /// Share of the sources that tell how far off answers are, 0…1.
    public var calibration: Double
    /// Seed of the hash.
    public var seed: UInt64

    /// Shares of sources; the rest is for training.
    public init(validation: Double = 0.15, test: Double = 0.15, calibration: Double = 0, seed: UInt64 = 0) {
        self.validation = validation
        self.test = test
        self.calibration = calibration
        self.seed = seed
    }

    /// The split of a source.
    public func split(of sourceID: String) -> Split {
        let place = StableHash.unit(sourceID, seed: seed)
        if place < test { return .test }
        if place < test + calibration { return .calibration }
        return place < test + calibration + validation ? .validation : .train
    }
}

/// A condition on a label, such as `logg<3.5`: which stars of a data set are meant.
public struct LabelCondition: Sendable, Hashable {
    /// How a label is compared with the number.
    public enum Comparison: String, Sendable, CaseIterable {
        case atLeast = ">="
        case atMost = "<="
        case above = ">"
        case below = "<"
    }

    /// Name under `labels/` of a data set.
    public let label: String
    /// How it is compared.
    public let comparison: Comparison
    /// What it is compared with, in the label's own unit.
    public let number: Double

    /// Reads `label`, comparison and number, spaces allowed between them; `nil` where the text is nothing like that.
    public init?(_ text: String) {
        for comparison in Comparison.allCases {
            guard let found = text.range(of: comparison.rawValue) else { continue }
            let name = text[..<found.lowerBound].trimmingCharacters(in: .whitespaces)
            guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }),
                let number = Double(text[found.upperBound...].trimmingCharacters(in: .whitespaces)), number.isFinite
            else { return nil }
            self.label = name
            self.comparison = comparison
            self.number = number
            return
        }
        return nil
    }

    /// The same, of what a user gave.
    /// - Parameters:
    ///   - text: label, comparison and number.
    ///   - field: where it was given.
    /// - Throws: `Diagnostic` where the text is nothing like that.
    public init(_ text: String, of field: String) throws {
        guard let condition = Self(text) else {
            throw Diagnostic(
                "\(field) \(text.prefix(80))", problem: "is no condition", remedy: "give one such as 'teff<5000'")
        }
        self = condition
    }

    /// Whether a value meets it; an unknown one (NaN) does not.
    public func holds(for value: Double) -> Bool {
        switch comparison {
        case .atLeast: value >= number
        case .atMost: value <= number
        case .above: value > number
        case .below: value < number
        }
    }
}

extension PairedDataSet {
    /// Rows of a split whose labels meet all conditions, ascending.
    /// - Throws: `Diagnostic` for labels that the data set does not have.
    public func rows(where conditions: [LabelCondition], split: Split) throws -> [Int] {
        try conditions.reduce(Array(0..<count(split))) { rows, condition in
            let values = try labels(condition.label, split: split)
            return rows.filter { condition.holds(for: values[$0]) }
        }
    }
}
