import ArgumentParser
import Foundation
import Instruments
import SpecCLIP
import Spectra
import StarReading
import Support

struct PrepareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare",
        abstract: "Write spectra as a model sees them: normalised, on the grid.",
        usage: "specclip prepare --output <file> [<options>] <input> ...",
        discussion: """
            Exactly what 'embed' feeds a model, for programs of your own: optical divided by its own level, 4076 pixels; \
            lamost-lrs divided by its continuum, 1462; gaia-xp divided by its flux at 550 nm, 343. One file holds \
            spectra of one instrument.

            OUTPUT, BY EXTENSION
              .npz   wavelength [m] in Å, flux [n, m] float32, source_id [n], file [n];
                     for any number of spectra: they do not stay in memory
              .fits  columns file, source_id, instrument, wavelength, flux (vectors)
              .csv   long form, one pixel a line: file, source_id, wavelength, flux

            SAMPLED
            --sampled writes Gaia XP spectra before any model sees them: coefficients turned \
            into flux and its errors in W m⁻² nm⁻¹, as GaiaXPy's calibrate does, to .fits, \
            .ecsv, .csv or .npz: source_id, flux and flux_error, arrays of 343 (336 to 1020 nm) \
            or on --sampling, then with their wavelengths in nm. --correlation adds how errors \
            of samples go together: the upper triangle (0,1), (0,2), (1,2), (0,3), ….

            EXAMPLES
              specclip prepare --instrument optical spec-*.fits -o stars.npz
              specclip prepare XP_SAMPLED.csv -o xp.fits
              specclip prepare --sampled XP_CONTINUOUS_RAW.csv -o sampled.ecsv
            """)

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Prepare for the instruments of this model file (default: those built in).", valueName: "file"))
    var model: String?

    @Flag(help: "Write sampled Gaia XP spectra, not what a model sees.") var sampled = false

    @Option(help: ArgumentHelp("Where --sampled samples, in nm: 400:900:1nm.", valueName: "from:to:step"))
    var sampling: String?

    @Flag(help: "Write correlations of the sampled errors, too (58,653 numbers a star).") var correlation = false

    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Output") var rows: ResultOptions

    func validate() throws {
        if sampling != nil, !sampled { throw ValidationError("--sampling goes with --sampled") }
        if correlation, !sampled { throw ValidationError("--correlation goes with --sampled") }
    }

    func run() throws {
        if sampled { return try writeSampled() }
        let url = try rows.output.requiredURL(extensions: SpectrumFile.extensions)
        let modelURL = model.map { URL(fileURLWithPath: $0) }
        let known = try modelURL.map { try ModelFile(contentsOf: $0).description.instruments } ?? Instrument.known
        let instrument = try chosen(among: known)
        let pixels = instrument.grid.count
        let output = try RowOutput(
            StarCatalogue.vectors("flux", [], [], width: pixels), to: url,
            settings: ["prepare", modelURL.map(ContentHash.of) ?? "", input.settings, instrument.name],
            restart: rows.restart, as: SpectrumFile.format(instrument))
        let stars = try StarInput(input, among: known, doing: "prepare", into: output)
        try stars.forEachBatch { batch in
            if let other = batch.first(where: { $0.instrument != instrument }) {
                output.discard()
                throw Diagnostic(
                    other.name, problem: "is a spectrum of \(other.instrument.name) among those of \(instrument.name)",
                    remedy: "write a file for each, with --instrument")
            }
            try output.append(
                StarCatalogue.vectors("flux", batch, batch.flatMap(\.prepared.flux), width: pixels),
                at: batch.map(\.position))
        }
        try output.finish(isEmpty: stars.count == 0)
        try stars.finish()
    }

    private func writeSampled() throws {
        let url = try rows.output.requiredURL(extensions: SampledSpectra.extensions)
        var options = try input.reading.options()
        options.xpSampling = try sampling.map { try XPSampling(parsing: $0) }
        options.correlatesXP = correlation
        let settings = "\(input.settings) \(sampling ?? "")" + (correlation ? " correlation" : "")
        try SampledSpectra(input.units().flatMap(\.paths), options, settings: settings).write(
            to: url, restart: rows.restart)
    }

    /// The instrument of the file: the one asked for, else that of the first spectrum that can be read.
    private func chosen(among known: [Instrument]) throws -> Instrument {
        struct Found: Error {}
        if let name = input.instrument { return try StarReader.instrument(named: name, among: known) }
        var found: Instrument?
        for path in try input.units().flatMap(\.paths) where found == nil {
            guard !ObservationStream.isPipe(path) else {
                throw Diagnostic(
                    path, problem: "is a pipe, which can be read only once",
                    remedy: "say whose spectra they are: --instrument")
            }
            let stream = try ObservationStream(
                ObservationInput([path], split: input.split, reading: try input.reading.options()), among: known)
            do {
                try stream.forEachBatch(of: 1) { batch in
                    found = batch.first?.instrument
                    throw Found()
                }
            } catch is Found {}
        }
        // Where none can be read, the command says so, spectrum by spectrum.
        return found ?? known[0]
    }
}
