import ArgumentParser
import Datasets
import Foundation
import Spectra
import StarReading
import Support
import Tables
import Torch

/// Which stars a command reads.
struct InputOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Spectrum files (FITS, CSV, text, also compressed; - is standard input; f.fits[2] and f.csv#7 choose an HDU and a spectrum), HATS catalogues, or one HDF5 data set.",
            valueName: "input"))
    var inputs: [String]

    @Option(help: ArgumentHelp("The split of a data set.", valueName: "split"))
    var split: Split = .test

    @Option(
        name: .customLong("where"), parsing: .singleValue,
        help: ArgumentHelp(
            "Stars of a data set with such labels only, as 'logg<3.5'; may be repeated.", valueName: "condition"))
    var conditions: [LabelCondition] = []

    @Option(help: ArgumentHelp("At most so many stars of a data set, evenly sampled.", valueName: "n"))
    var limit: Int?

    @Option(
        help: ArgumentHelp(
            "The instrument of the spectra, such as gaia-xp or optical (default: deduced from each spectrum).",
            valueName: "name"))
    var instrument: String?

    @Option(
        name: .customLong("rv"),
        help: ArgumentHelp("Radial velocity to remove first, km/s, positive when receding.", valueName: "km/s"))
    var radialVelocity = 0.0

    @OptionGroup(title: "What files do not say") var reading: ReadingArguments

    @Flag(name: .customLong("normalised"), help: "The flux is divided by its continuum already.")
    var isNormalised = false

    @Flag(
        name: .customLong("reference-rounding"),
        help: "Round as the published pipeline does where wavelengths are 32-bit.")
    var referenceRounding = false

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit \(limit): must be at least 1") }
        if !(abs(radialVelocity) < 10_000) {
            throw ValidationError("--rv \(radialVelocity): must lie between -10000 and 10000 km/s")
        }
    }

    var prepareOptions: PrepareOptions {
        PrepareOptions(
            continuumIsDivided: isNormalised, referenceRounding: referenceRounding, radialVelocity: radialVelocity)
    }

    /// The pieces of the input: files, partitions of catalogues; of a shard those that are its own.
    /// - Throws: `Diagnostic` for a catalogue of no use.
    func units(of shard: Shard? = nil) throws -> [InputUnit] {
        let all = try InputUnit.units(of: inputs)
        return shard.map { shard in all.enumerated().filter { shard.owns($0.offset) }.map(\.element) } ?? all
    }

    /// What is read, by a model that knows these instruments.
    func observations(among known: [Instrument], shard: Shard? = nil) throws -> ObservationInput {
        ObservationInput(
            units: try units(of: shard), split: split, conditions: conditions, limit: limit,
            instrument: try instrument.map { try StarReader.instrument(named: $0, among: known) },
            options: prepareOptions, reading: try reading.options())
    }

    /// What decides the rows of a command's result beside the model: interrupted work goes on only under the same.
    var settings: String {
        // Survey files are too many to be read twice: their names and sizes stand for them.
        let files = inputs.map { path in
            if ObservationStream.isDataSet(path) { return "\(path) \(ContentHash.of(URL(fileURLWithPath: path)))" }
            // Each partition knows of its own file.
            if HATSCatalogue.isCatalogue(path) { return path }
            let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            return "\(path) \(size ?? 0)"
        }
        let choice = "\(split) \(conditions) \(limit ?? 0) \(instrument ?? "") \(prepareOptions) \(reading)"
        return ([choice] + files).joined(separator: "\n")
    }
}

extension Split: ExpressibleByArgument {}

extension LabelCondition: ExpressibleByArgument {
    /// `logg<3.5` and the like.
    public init?(argument: String) { self.init(argument) }
}
