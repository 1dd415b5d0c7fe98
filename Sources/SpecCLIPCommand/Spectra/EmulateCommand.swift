import ArgumentParser
import Figures
import Foundation
import Portraits
import Spectra
import StarReading
import Support
import Tables
import Torch

/// `specclip emulate`.
struct EmulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "emulate",
        abstract: "Draw the spectrum of a star of which only labels are known.",
        usage: "specclip emulate --to <name> [--teff <K>] [--logg <dex>] … [<options>]",
        discussion: """
            Labels that are not given are left open: the spectrum is then as wide as they leave \
            it. The flux is as the instrument prepares it; the error is that of the star's own \
            spectrum, without noise. Samples are spectra that a star with these labels may have.

            OUTPUT, BY EXTENSION: see `specclip translate`.

            EXAMPLES
              specclip emulate --to optical --teff 5777 --logg 4.44 --fe-h 0 -o sun.csv
              specclip emulate --to gaia-xp --teff 4500 --given a_k=0.1 --samples 20 \\
                  -o giants.fits
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @Option(help: ArgumentHelp("The instrument: gaia-xp or optical, say.", valueName: "name")) var to: String
    @Option(help: ArgumentHelp("Effective temperature.", valueName: "K")) var teff: Double?
    @Option(help: ArgumentHelp("Surface gravity.", valueName: "dex")) var logg: Double?
    @Option(name: .customLong("fe-h"), help: ArgumentHelp("[Fe/H].", valueName: "dex")) var ironAbundance: Double?
    @Option(name: .customLong("alpha-m"), help: ArgumentHelp("[α/M].", valueName: "dex")) var alphaAbundance: Double?
    @Option(name: .customLong("a-k"), help: ArgumentHelp("Extinction A_K.", valueName: "mag")) var extinction: Double?
    @OptionGroup var given: GivenLabels
    @OptionGroup var samples: SampleOptions
    @OptionGroup var picture: SpectraFigureOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        let url = try output.requiredURL(extensions: SpectrumFile.extensions)
        let drawing = try picture.prepared(force: output.force)
        let reader = try model.reader(compute)
        let target = try reader.instrument(named: to, option: "--to")
        let generator = try reader.generator(of: target).orThrow(target, reader)
        let own: [(String, String, Double?)] = [
            ("teff", "--teff", teff), ("logg", "--logg", logg), ("fe_h", "--fe-h", ironAbundance),
            ("alpha_m", "--alpha-m", alphaAbundance), ("a_k", "--a-k", extinction),
        ]
        var known = SpectrumKnowledge(stars: 1)
        let named = try own.compactMap { name, option, value in
            try value.map { try GivenLabels.label(name, $0, generator, option: "\(option) \($0)") }
        }
        let all = try named + given.values(for: generator)
        for (label, value) in all { known.add(label, value) }
        let distribution = try generator.distribution(known)
        let spectra = try distribution.columns(samples: samples.samples)
        let name = all.isEmpty ? "any star" : all.map { "\($0.label.name)=\($0.value)" }.joined(separator: " ")
        let pixels = target.grid.count
        let table = Table(
            [
                Column("file", .text([name])), Column("source_id", .text([""])),
                Column("instrument", .text([target.name])),
            ]
                + spectra.map { Column($0.name, .vectors($0.values, width: pixels)) })
        let writer = try SpectrumFile.format(target)(url, table, table.textWidths)
        try writer.append(table)
        try writer.finish()
        guard let (place, gnuplot) = drawing else { return }
        let figure = TranslationFigure([(name, try Card.Translation(distribution, star: 0, of: target))])
        try figure.write(to: place, force: output.force, gnuplot: gnuplot)
    }
}

/// How many samples of each spectrum are written.
struct SampleOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Write so many samples of each spectrum too.", valueName: "n")) var samples = 0

    func validate() throws {
        guard (0...1000).contains(samples) else {
            throw ValidationError("--samples \(samples): must be between 0 and 1000")
        }
    }

    /// Names of the columns.
    var names: [String] { SpectrumDistribution.columnNames(samples: samples) }
}
