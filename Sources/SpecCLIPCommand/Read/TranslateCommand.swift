import ArgumentParser
import Foundation
import Spectra

struct TranslateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "translate",
        abstract: "Predict the spectrum that another instrument would see.",
        usage: "specclip translate --model <file> --to <name> [<options>] <input> ...",
        discussion: """
            The flux is as the target instrument prepares it: gaia-xp divided by the flux at 550 nm, lamost-lrs \
            divided by its continuum. A star that the target did observe gives its reconstruction.

            OUTPUT, BY EXTENSION
              .npz   wavelength [m] in Å, flux [n, m] float32, source_id [n], file [n]
              .fits  columns file, source_id, instrument, wavelength, flux (vectors)
              .csv   long form, one pixel a line: file, source_id, wavelength, flux

            EXAMPLES
              specclip translate -m model.safetensors star.fits --to gaia-xp -o xp.csv
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Input") var input: InputOptions
    @Option(help: ArgumentHelp("The instrument to predict: gaia-xp or lamost-lrs.", valueName: "name")) var to: String
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        let url = try output.requiredURL(extensions: ["npz", "fits", "csv"])
        let loaded = try LoadedModel(model, compute)
        let translator = Translator(loaded)
        let target = try translator.instrument(named: to)
        let stars = try StarInput(input, among: loaded.model.instruments, doing: "translate")
        var sink = try spectrumSink(url, target)
        try stars.forEachBatch { batch in
            try sink.append(batch, try translator.spectra(batch, try loaded.embed(batch), to: target))
        }
        if stars.count > 0 { try sink.finish() }
        try stars.finish()
    }
}

/// Where predicted spectra go.
private protocol SpectrumSink {
    /// - Parameter flux: one row a star.
    mutating func append(_ stars: [Star], _ flux: [Float]) throws
    func finish() throws
}

/// The sink for the format of the file's extension.
private func spectrumSink(_ url: URL, _ target: Instrument) throws -> any SpectrumSink {
    url.pathExtension.lowercased() == "csv" ? try CSVSpectra(url, target) : HeldSpectra(url, target)
}

/// Long form, written as it comes.
private struct CSVSpectra: SpectrumSink {
    private let file: AtomicOutputFile
    private let wavelengths: [String]

    init(_ url: URL, _ target: Instrument) throws {
        file = try AtomicOutputFile(url)
        wavelengths = target.grid.wavelengths.map { fixed($0, 3) }
        try file.write("file,source_id,wavelength,flux\n")
    }

    func append(_ stars: [Star], _ flux: [Float]) throws {
        for (row, star) in stars.enumerated() {
            let start = CSV.line([star.name, star.sourceID]).dropLast() + ","
            for (pixel, wavelength) in wavelengths.enumerated() {
                try file.write("\(start)\(wavelength),\(flux[row * wavelengths.count + pixel])\n")
            }
        }
    }

    func finish() throws { try file.finish() }
}

/// Arrays, written at the end.
private struct HeldSpectra: SpectrumSink {
    private let url: URL
    private let target: Instrument
    private var files: [String] = []
    private var sourceIDs: [String] = []
    private var instruments: [String] = []
    private var flux: [Float] = []

    init(_ url: URL, _ target: Instrument) {
        self.url = url
        self.target = target
    }

    mutating func append(_ stars: [Star], _ flux: [Float]) {
        files += stars.map(\.name)
        sourceIDs += stars.map(\.sourceID)
        instruments += stars.map(\.instrument.name)
        self.flux += flux
    }

    func finish() throws {
        let wavelengths = target.grid.wavelengths
        if url.pathExtension.lowercased() == "npz" {
            try NPZ.write(
                arrays: [
                    ("wavelength", NPYArray(.float64(wavelengths))),
                    ("flux", NPYArray(.float32(flux), shape: [files.count, wavelengths.count])),
                    ("source_id", NPYArray(.string(sourceIDs))), ("file", NPYArray(.string(files))),
                ], to: url)
            return
        }
        let repeated = files.flatMap { _ in wavelengths.map { Float($0) } }
        try OutputTable(columns: [
            .init(name: "file", values: .text(files)), .init(name: "source_id", values: .text(sourceIDs)),
            .init(name: "instrument", values: .text(instruments)),
            .init(name: "wavelength", unit: "Å", values: .vectors(repeated, width: wavelengths.count)),
            .init(name: "flux", values: .vectors(flux, width: wavelengths.count)),
        ]).write(to: url)
    }
}
