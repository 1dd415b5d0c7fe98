import ArgumentParser
import Figures
import Foundation
import Portraits
import Spectra
import StarReading
import Tables
import Support

struct TranslateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "translate",
        abstract: "Predict the spectrum that another instrument would see.",
        usage: "specclip translate --to <name> [<options>] <input> ...",
        discussion: """
            The flux is as the target instrument prepares it: gaia-xp divided by the flux at 550 nm, optical \
            divided by its own level, at rest. Its error is that of what is predicted, without the \
            noise that an observation would have: what the source cannot tell (dust, from a \
            normalised spectrum) makes it wide. A star that the target did observe is denoised, and \
            its gaps are filled. Pixels of which nothing was learned are NaN.

            OUTPUT, BY EXTENSION
              .npz   wavelength [m] in Å, flux and flux_error [n, m] float32, source_id
                     and file [n], with --samples k also sample_1 … sample_k [n, m]
              .fits  columns file, source_id, instrument, wavelength, flux, flux_error,
                     samples (vectors)
              .csv   long form, one pixel a line: file, source_id, wavelength, flux, …
              .parquet, and .hats (or a folder's name with its slash): a catalogue that
                     LSDB opens; spectrum is a structure of lists wavelength, flux,
                     ivar, mask, sample_1, …

            EXAMPLES
              specclip translate star.fits --to gaia-xp -o xp.csv
              specclip translate star.fits --to gaia-xp --given a_k=0.1 --samples 20 -o xp.npz
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Model") var cut: WidthOptions
    @OptionGroup(title: "Input") var input: InputOptions
    @Option(help: ArgumentHelp("The instrument to predict: gaia-xp or optical, say.", valueName: "name")) var to: String
    @OptionGroup var given: GivenLabels
    @OptionGroup var samples: SampleOptions
    @OptionGroup var picture: SpectraFigureOptions
    @OptionGroup(title: "Output") var rows: ResultOptions
    @OptionGroup(title: "Catalogues") var catalogue: CatalogueOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        let extensions = SpectrumFile.extensions + ["hats"]
        _ = try rows.output.requiredURL(extensions: extensions)
        let drawing = try picture.prepared(force: rows.output.force)
        let reader = try model.reader(compute, cut)
        let target = try reader.instrument(named: to, option: "--to")
        let pixels = target.grid.count
        let generator = try reader.generator(of: target)
        if generator == nil, !given.given.isEmpty || samples.samples > 0 || drawing != nil {
            _ = try generator.orThrow(target, reader)
        }
        let known = try generator.map(given.values) ?? []
        let names = generator == nil ? ["flux"] : samples.names
        let output = try RowOutput(
            StarCatalogue.vectors(names.map { ($0, []) }, [], width: pixels),
            of: CatalogueRun(
                "translate", model: reader.file.url, input,
                choices: [
                    "\(target.name) \(cut.width ?? 0) \(given.settings) \(names.count)",
                    generator.map { "\($0.about)" } ?? "",
                ], extensions: extensions, to: rows, catalogue),
            as: SpectrumFile.format(target))
        let stars = try StarInput(input, among: reader.instruments, doing: "translate", into: output)
        var drawn: [(title: String, spectrum: Card.Translation)] = []
        try stars.forEachBatch(of: generator == nil ? 256 : Self.block) { batch in
            let columns = try reader.translation(
                batch, to: target, by: generator, given: known, samples: samples.samples)
            try output.append(
                StarCatalogue.vectors(columns, batch, width: pixels), at: batch.map(\.position), of: batch)
            if let generator, drawing != nil, drawn.count < SpectraFigureOptions.most {
                let some = Array(batch.prefix(SpectraFigureOptions.most - drawn.count))
                drawn += try pictured(some, reader, by: generator, of: target, known)
            }
        }
        // At the end, so that a model without decoders has its one line of error alone.
        if generator == nil {
            Program.note("the model tells no errors of \(target.name) spectra; `specclip spectra fit` would")
        }
        try output.finish(isEmpty: stars.count == 0)
        if let (place, gnuplot) = drawing, !drawn.isEmpty {
            try TranslationFigure(drawn).write(to: place, force: rows.output.force, gnuplot: gnuplot)
        }
        try stars.finish()
    }

    /// Stars at once: each has hundreds of samples.
    private static let block = 32

    /// Some stars as a picture shows them, with what the target itself observed.
    private func pictured(
        _ stars: [Observation], _ reader: StarReader, by generator: SpectrumGenerator, of target: Instrument,
        _ known: [(label: StellarLabel, value: Double)]
    ) throws -> [(title: String, spectrum: Card.Translation)] {
        try stars.compactMap { star in
            let found = try reader.distributions([star], by: generator, to: target, given: known)
            guard let own = found.first?.spectra else { return nil }
            var spectrum = try Card.Translation(own, star: 0, of: target)
            if star.instrument == target { spectrum.observed = star.prepared.flux.map { Double($0) } }
            return (title: URL(fileURLWithPath: star.name).lastPathComponent, spectrum: spectrum)
        }
    }
}
