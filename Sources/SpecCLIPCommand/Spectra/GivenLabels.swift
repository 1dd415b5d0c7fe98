import ArgumentParser
import Foundation
import Spectra
import StarReading
import Support
import Tables

/// Labels that are known of all stars.
struct GivenLabels: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Labels that are known, such as a_k=0.1,teff=5800; may be repeated.", valueName: "label=value,..."))
    var given: [String] = []

    /// As written, for what decides a result.
    var settings: String { given.joined(separator: ",") }

    /// The labels, of those that a generator has learned.
    /// - Throws: `Diagnostic` for what is no label of it.
    func values(for generator: SpectrumGenerator) throws -> [(label: StellarLabel, value: Double)] {
        try given.flatMap { $0.split(separator: ",").map(String.init) }.map { text in
            let parts = text.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard parts.count == 2, let value = Double(parts[1]), value.isFinite else {
                throw Diagnostic("--given \(text)", problem: "is no label=value", remedy: "give teff=5800, say")
            }
            return try Self.label(parts[0], value, generator, option: "--given \(text)")
        }
    }

    /// - Parameter option: where it was given, for the error line.
    static func label(
        _ name: String, _ value: Double, _ generator: SpectrumGenerator, option: String
    ) throws -> (label: StellarLabel, value: Double) {
        let (label, doubt) = try generator.given(name, value, option: option)
        if let doubt { Program.note(doubt) }
        return (label, value)
    }
}
