import ArgumentParser
import Datasets
import Evaluation
import Foundation
import Spectra
import StarReading
import Support
import Tables

/// `specclip spectra report`.
struct SpectraReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Measure how right the spectra are that a model draws.",
        usage: "specclip spectra report <data.h5> [<options>]",
        discussion: """
            For stars that were kept apart: what is observed beside what was drawn from other \
            instruments' spectra, from labels, from both, from nothing, and from every other \
            tenth of the spectrum itself. Printed are the median log likelihood per star beside \
            that of nothing known, the energy score, and the shares of observed pixels within \
            the 68 and 95 % intervals, with the least and the greatest share of any tenth of the \
            wavelengths in any quarter of S/N. Random sums of pixels are held to the same.

            Beside them: spectra of the 50 nearest training stars, by the encoder's summary of \
            the other instrument's spectrum; a Gaussian about a quadratic function of the labels; \
            any training star.

            EXAMPLE
              specclip spectra report pairs.h5 --to gaia-xp -m model-spectra.safetensors
            """)

    @Argument(help: ArgumentHelp("The data set (HDF5).", valueName: "data.h5")) var data: String
    @Option(help: ArgumentHelp("The instrument whose spectra are drawn (default: all).", valueName: "name"))
    var to: String?
    @Option(help: ArgumentHelp("The split that is looked at.", valueName: "split")) var split: Split = .test
    @Option(help: ArgumentHelp("At most so many stars, evenly sampled.", valueName: "n")) var limit = 2000
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        if limit < 10 { throw ValidationError("--limit \(limit): must be at least 10") }
    }

    func run() throws {
        let reader = try model.reader(compute)
        let set = try PairedDataSet(opening: URL(fileURLWithPath: data))
        let targets = try to.map { [try reader.instrument(named: $0, option: "--to")] } ?? reader.instruments
        let drawn = try targets.filter { set.has($0) }.map { target in
            (target, try reader.generator(of: target).orThrow(target, reader))
        }
        guard !drawn.isEmpty else {
            throw Diagnostic(
                data, field: "instruments", problem: "holds none of those asked for",
                remedy: "the model reads " + reader.instruments.map(\.name).joined(separator: ", "))
        }
        Program.progress("reading the stars of \(set.url.lastPathComponent)")
        let evaluation = try SpectrumEvaluation(reader, set, split: split, limit: limit)
        let scores = try drawn.flatMap { try evaluation.scores(of: $0.0, by: $0.1) }
        if json { return print(try JSONText.encode(scores)) }
        print(SpectrumScore.table(scores).text(.table), terminator: "")
    }
}

extension SpectrumGenerator? {
    /// - Throws: `Diagnostic` that says how to get one.
    func orThrow(_ target: Instrument, _ reader: StarReader) throws -> SpectrumGenerator {
        guard let self else {
            throw Diagnostic(
                reader.file.url, problem: "draws no spectra of \(target.name) as distributions",
                remedy: "make them with `specclip spectra fit`")
        }
        return self
    }
}
