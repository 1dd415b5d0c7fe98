import Spectra
import Support
import Torch

/// Spectra that are told as distributions, as columns of a table.
extension SpectrumDistribution {
    /// Names of the columns.
    /// - Parameter samples: of each spectrum.
    public static func columnNames(samples: Int) -> [String] {
        ["flux", "flux_error"] + (0..<samples).map { "sample_\($0 + 1)" }
    }

    /// The columns, each with the values of all spectra, row after row.
    /// - Parameter samples: of each spectrum.
    public func columns(samples: Int) throws -> [(name: String, values: [Float])] {
        let band = try band()
        var columns = [band.flux.floats(), band.error.floats()]
        if samples > 0 {
            let drawn = try self.samples(samples)
            columns += (0..<samples).map { drawn.select(1, $0).contiguous().floats() }
        }
        return zip(Self.columnNames(samples: samples), columns).map { (name: $0, values: $1) }
    }
}

extension StarReader {
    /// The spectra that another instrument would have taken, as columns: flux, its error where that is known, samples.
    /// - Parameters:
    ///   - observations: one row each.
    ///   - target: whose spectra are predicted.
    ///   - generator: of these; nil takes what the decoder draws, without errors.
    ///   - given: labels that are known beside, all stars the same.
    ///   - samples: of each spectrum.
    /// - Returns: columns of `target.grid.count` values an observation, row after row.
    public func translation(
        _ observations: [Observation], to target: Instrument, by generator: SpectrumGenerator?,
        given: [(label: StellarLabel, value: Double)] = [], samples: Int = 0
    ) throws -> [(name: String, values: [Float])] {
        guard let generator else { return [("flux", try translate(observations, try embed(observations), to: target))] }
        let pixels = target.grid.count
        var columns = SpectrumDistribution.columnNames(samples: samples).map {
            (name: $0, values: [Float](repeating: .nan, count: observations.count * pixels))
        }
        for (places, spectra) in try distributions(observations, by: generator, to: target, given: given) {
            for (column, own) in try spectra.columns(samples: samples).enumerated() {
                for (row, place) in places.enumerated() {
                    columns[column].values.replaceSubrange(
                        place * pixels..<(place + 1) * pixels, with: own.values[row * pixels..<(row + 1) * pixels])
                }
            }
        }
        return columns
    }
}

extension SpectrumGenerator {
    /// A label that is known of a star, as this generator takes it.
    /// - Parameters:
    ///   - name: of the label.
    ///   - value: in its unit.
    ///   - option: where it was given, for the error line.
    /// - Returns: the label, and what speaks against the value, if anything does.
    /// - Throws: `Diagnostic` for what is no label of it, or cannot be its value.
    public func given(
        _ name: String, _ value: Double, option: String
    ) throws -> (label: StellarLabel, doubt: String?) {
        guard let label = label(named: name) else {
            throw Diagnostic(
                option, problem: "no label that tells of these spectra",
                remedy: "known are " + about.labelNames.joined(separator: ", "))
        }
        guard value.isFinite else {
            throw Diagnostic(option, problem: "is no number", remedy: "give it in \(label.unit)")
        }
        guard !label.isLogarithmic || value > 0 else {
            throw Diagnostic(option, problem: "must be greater than 0", remedy: "give it in \(label.unit)")
        }
        guard let range = range(of: label), !range.contains(value) else { return (label, nil) }
        let ends = [range.lowerBound, range.upperBound].map { String(format: "%.\(label.digits)f", $0) }
        return (
            label,
            "\(option): beyond the stars that spectra were learned from (\(ends.joined(separator: " to "))); do not trust it"
        )
    }
}
