import Foundation
import SpecCLIP
import Statistics
import Support

/// What leads from what a model reads of stars to the scale of a survey: for each label a smooth function of Teff, log g and
/// [Fe/H] that is added to it. It is stored in the model file.
public struct LabelScale: Codable, Sendable {
    /// What a correction is made of.
    public enum Form: String, Codable, Sendable, CaseIterable {
        case none, constant, linear, quadratic, cubic

        /// Degree of the polynomial.
        var degree: Int { [.none: 0, .constant: 0, .linear: 1, .quadratic: 2, .cubic: 3][self] ?? 0 }
    }

    /// What is added to one label.
    public struct Correction: Codable, Sendable {
        /// Which.
        public let label: StellarLabel
        /// Of which form the function is.
        public let form: Form
        /// Coefficients of the terms of ``LabelScale/terms(_:degree:)``, in the label's unit: of the function, then of those that
        /// resampled stars give, whose scatter is its uncertainty.
        let coefficients: [[Double]]
        /// Scatter between the scales that the stated errors of both sides do not explain, in the label's unit; nil where one
        /// of them states none, 0 where there is none.
        public let excess: Double?
        /// Median and robust σ of second minus first on stars that the function had not seen, before and after, in its unit.
        public let before: [Double], after: [Double]
        /// Stars that it was learned from.
        public let stars: Int

        /// What is added, and the standard deviation of that, at a place.
        func value(at terms: [Double]) -> (shift: Double, error: Double) {
            func sum(_ weights: [Double]) -> Double { zip(weights, terms).reduce(0) { $0 + $1.0 * $1.1 } }
            let spread = standardError(coefficients.dropFirst().map(sum)) ?? 0
            return (sum(coefficients[0]), (spread * spread + (excess ?? 0) * (excess ?? 0)).squareRoot())
        }
    }

    /// What it is called.
    public let name: String
    /// The instrument that it holds for, as the column `instrument` of a catalogue has it.
    public let instrument: String
    /// Files of what was compared.
    public let first: String, second: String
    /// Labels that the functions are of, as the model reads them, with the centre and spread of the stars, as they are learned.
    public let inputs: [StellarLabel]
    let centre: [Double], spread: [Double]
    /// Between which values the stars lie, in their unit.
    public let ranges: [ClosedRange<Double>]
    /// Some of the stars, standardised, and how far from one of them others may be.
    let references: [[Double]]
    let reach: Double
    /// Stars and groups of these.
    public let stars: Int, groups: Int
    /// The labels.
    public let corrections: [Correction]

    /// Monomials of standardised inputs up to a degree, the constant first.
    static func terms(_ inputs: [Double], degree: Int) -> [Double] {
        var (all, last): ([Double], [(value: Double, from: Int)]) = ([1], [(1, 0)])
        for _ in 0..<degree {
            last = last.flatMap { term in (term.from..<inputs.count).map { (term.value * inputs[$0], $0) } }
            all += last.map(\.value)
        }
        return all
    }

    /// The place at which a star is corrected: its own, or where it is unlike those learned from, the edge of these.
    func place(of values: [Double]) -> (standardised: [Double], isBeyond: Bool) {
        guard zip(inputs, values).allSatisfy({ $0.learned($1).isFinite }) else { return (values, true) }
        let clipped = zip(values, ranges).map { min(max($0, $1.lowerBound), $1.upperBound) }
        let isOutside = clipped != values
        let own = clipped.indices.map { (inputs[$0].learned(clipped[$0]) - centre[$0]) / spread[$0] }
        var (nearest, least) = (own, Double.infinity)
        for other in references {
            var square = 0.0
            for axis in own.indices { square += (own[axis] - other[axis]) * (own[axis] - other[axis]) }
            if square < least { (nearest, least) = (other, square) }
        }
        let away = least.squareRoot()
        guard away > reach, away.isFinite else { return (own, isOutside) }
        return (zip(nearest, own).map { $0 + ($1 - $0) * reach / away }, true)
    }

    /// What is added to each label of a star, in the order of `corrections`, with its error; NaN where an input is missing.
    /// - Parameter values: of `inputs`.
    package func shifts(of values: [Double]) -> (shifts: [(shift: Double, error: Double)], isBeyond: Bool) {
        let (place, isBeyond) = place(of: values)
        guard values.allSatisfy(\.isFinite) else { return (corrections.map { _ in (.nan, .nan) }, true) }
        return (corrections.map { $0.value(at: Self.terms(place, degree: $0.form.degree)) }, isBeyond)
    }

    /// Brings what was read of a star onto the scale: values and intervals are shifted, and widened by the uncertainty of the
    /// shift.
    func apply(to star: inout StarLabels) {
        let values = inputs.map { input in star.estimates.first { $0.label.name == input.name }?.value ?? .nan }
        let (shifts, isBeyond) = shifts(of: values)
        for (correction, (shift, error)) in zip(corrections, shifts) {
            guard let place = star.estimates.firstIndex(where: { $0.label.name == correction.label.name }) else {
                continue
            }
            let own = star.estimates[place]
            func wider(_ side: Double) -> Double { (side * side + error * error).squareRoot() }
            var interval: ClosedRange<Double>?
            if let old = own.interval, shift.isFinite, own.value.isFinite {
                let value = own.value + shift
                interval =
                    value - wider(own.value - old.lowerBound)...value + wider(old.upperBound - own.value)
            }
            star.estimates[place] = LabelEstimate(
                label: own.label, value: own.value + shift, error: own.error.map(wider), interval: interval)
        }
        star.adaptedFlags[name] = isBeyond ? .extrapolated : []
    }

    var isConsistent: Bool {
        let width = inputs.count
        return !name.isEmpty && !corrections.isEmpty && centre.count == width && spread.count == width
            && ranges.count == width && spread.allSatisfy { $0 > 0 && $0.isFinite } && centre.allSatisfy(\.isFinite)
            && reach > 0 && references.allSatisfy { $0.count == width && $0.allSatisfy(\.isFinite) }
            && corrections.allSatisfy { correction in
                let terms = Self.terms(centre, degree: correction.form.degree).count
                return !correction.coefficients.isEmpty
                    && correction.coefficients.allSatisfy { $0.count == terms && $0.allSatisfy(\.isFinite) }
                    && correction.before.count == 2 && correction.after.count == 2
            }
    }
}

// MARK: - Files

extension LabelScale {
    static let part = "scales"

    /// The scales that a model file knows.
    /// - Throws: `Diagnostic` for a file that contradicts itself.
    public static func all(in file: ModelFile) throws -> [LabelScale] {
        guard let text = file.header(part) else { return [] }
        guard let found = try? JSONDecoder().decode([LabelScale].self, from: Data(text.utf8)) else {
            throw Diagnostic(file.url, field: part, problem: "cannot be read", remedy: "get the file anew")
        }
        if let bad = found.first(where: { !$0.isConsistent }) {
            throw Diagnostic(
                file.url, field: part, problem: "\(bad.name) contradicts itself: the file is damaged",
                remedy: "get it anew")
        }
        return found
    }

    /// Those of one name, by the instrument that each holds for.
    /// - Throws: `Diagnostic` that lists the known names.
    static func named(_ name: String, in file: ModelFile) throws -> [String: LabelScale] {
        let all = try all(in: file)
        let own = all.filter { $0.name.lowercased() == name.lowercased() }
        guard own.isEmpty else { return Dictionary(own.map { ($0.instrument, $0) }) { $1 } }
        let known = Set(all.map(\.name)).sorted()
        throw Diagnostic(
            file.url, field: "--scale \(name)", problem: "is no scale that the model knows",
            remedy: known.isEmpty
                ? "it knows none: add one with 'specclip compare'" : "it knows \(known.joined(separator: ", "))")
    }

    /// Writes a copy of a model with this scale; others stay, one of the same name and instrument is replaced.
    /// - Parameters:
    ///   - file: the model.
    ///   - url: the file.
    ///   - alone: writes the scales alone, as an addition that is read where the model lies beside it.
    /// - Throws: `Diagnostic` for a name that a set of labels has, and for labels or an instrument that the model does not know.
    public func write(into file: ModelFile, to url: URL, alone: Bool = false) throws {
        if let taken = try AdaptationDescription.all(in: file).first(where: { $0.1.name == name }) {
            throw Diagnostic(
                "--scale \(name)", problem: "is the name of labels that the model was taught (\(taken.1.catalogue))",
                remedy: "choose another name")
        }
        let others = try Self.all(in: file).filter {
            $0.name.lowercased() != name.lowercased() || $0.instrument != instrument
        }
        let part = ModelFilePart(
            name: Self.part, header: try JSONText.encode(others + [self], pretty: false), tensors: [])
        if alone { try file.write(addition: part, to: url) } else { try file.write(with: part, to: url) }
    }
}
