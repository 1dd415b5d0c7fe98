import ArgumentParser
import Foundation
import SpecCLIP
import Spectra

struct PrepareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare",
        abstract: "Write spectra as a model sees them: normalised, on the grid.",
        usage: "specclip prepare --output <file> [<options>] <input> ...",
        discussion: """
            Exactly what 'embed' feeds a model, for programs of your own: lamost-lrs divided by its continuum, \
            1462 pixels; gaia-xp divided by its flux at 550 nm, 343 pixels. One file holds spectra of one instrument.

            OUTPUT, BY EXTENSION
              .npz   wavelength [m] in Å, flux [n, m] float32, source_id [n], file [n];
                     for any number of spectra: they do not stay in memory
              .fits  columns file, source_id, instrument, wavelength, flux (vectors)
              .csv   long form, one pixel a line: file, source_id, wavelength, flux

            EXAMPLES
              specclip prepare --instrument lamost-lrs spec-*.fits -o stars.npz
              specclip prepare XP_SAMPLED.csv -o xp.fits
            """)

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Prepare for the instruments of this model file (default: those built in).", valueName: "file"))
    var model: String?

    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() throws {
        let url = try output.requiredURL(extensions: SpectrumFile.extensions)
        let known = try model.map { try ModelFile(contentsOf: URL(fileURLWithPath: $0)).description.instruments }
        let stars = try StarInput(input, among: known ?? Instrument.builtIn, doing: "prepare")
        var file: (instrument: Instrument, sink: any SpectrumSink)?
        try stars.forEachBatch { batch in
            guard let first = batch.first else { return }
            let open = try file ?? (first.instrument, try SpectrumFile.create(url, first.instrument))
            file = open
            if let other = batch.first(where: { $0.instrument != open.instrument }) {
                throw CommandError(
                    subject: other.name,
                    problem: "is a spectrum of \(other.instrument.name) among those of \(open.instrument.name)",
                    remedy: "write a file for each, with --instrument")
            }
            try open.sink.append(batch, batch.flatMap(\.prepared.flux))
        }
        try file?.sink.finish()
        try stars.finish()
    }
}
