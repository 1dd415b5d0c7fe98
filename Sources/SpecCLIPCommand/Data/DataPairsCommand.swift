import ArgumentParser
import Datasets
import Foundation
import Simulation
import Support
import Tables
import Torch

struct DataPairsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pairs",
        abstract: "Make a data set for training (HDF5).",
        usage: "specclip data pairs <tier> --output <file> [<options>]",
        discussion: """
            TIERS
            \(PairTier.allCases.map { "  " + padded($0.rawValue, 18) + $0.summary }.joined(separator: "\n"))

            A tier names how real the data are; it is kept in the file and stands on every result. Sources are put \
            into the splits by a hash of their identifier, so that no star is in two of them, in any file. Equal \
            seeds give equal files. Memory does not grow with the number of stars.

            EXAMPLES
              specclip data pairs semi-synthetic -o pairs.h5
              specclip data pairs procedural --count 500 -o small.h5
              specclip data pairs four-instruments --hub gaia-xp -o hub.h5
            """)

    @Argument(help: "What to make (see above).") var tier: PairTier
    @Option(name: [.short, .long], help: ArgumentHelp("The data set to write (.h5).", valueName: "file")) var output:
        String
    @Flag(name: [.short, .long], help: "Replace an output file that exists.") var force = false
    @Option(help: "Seed of noise, velocities and all else that is random.") var seed: UInt64 = 1
    @Option(
        help: ArgumentHelp("At most so many sources, evenly sampled (default: all; procedural: 2000).", valueName: "n"))
    var count: Int?
    @Option(help: ArgumentHelp("Share of sources held out for validation.", valueName: "share")) var validation = 0.15
    @Option(help: ArgumentHelp("Share of sources held out for test.", valueName: "share")) var test = 0.15
    @Option(help: ArgumentHelp("Share of sources that tell how far off answers are.", valueName: "share"))
    var calibration = 0.0
    @Option(help: ArgumentHelp("Simulated observations of each spectrum (same-spectrum).", valueName: "n"))
    var realisations = 20
    @Option(help: ArgumentHelp("Instruments that see a training star (four-instruments; default: 2).", valueName: "n"))
    var perStar: Int?
    @Option(help: ArgumentHelp("The instrument that is always one of these (four-instruments).", valueName: "name"))
    var hub: String?

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count \(count): must be at least 1") }
        if realisations < 1 { throw ValidationError("--realisations \(realisations): must be at least 1") }
        guard min(validation, test, calibration) >= 0, validation + test + calibration < 1 else {
            throw ValidationError(
                "--validation \(validation), --test \(test) and --calibration \(calibration): must be shares that leave "
                    + "some to train on")
        }
    }

    func run() throws {
        let url = try OutputCheck.url(output, extensions: ["h5", "hdf5"], force: force)
        let options = PairOptions(
            seed: seed, validation: validation, test: test, calibration: calibration, limit: count,
            realisations: realisations, instrumentsPerStar: perStar, hub: hub)
        let line = ProgressLine(tier.rawValue, unit: "sources")
        // Ctrl-C ends the work between two batches, so that nothing half-written stays behind.
        Interruption.listen()
        try PairMaker(tier, options: options).write(to: url, force: force) { done, total in
            line.update(done, of: total)
            guard !Interruption.isRequested else {
                line.finish()
                Program.note("specclip: interrupted; nothing was written")
                throw ExitCode(130)
            }
        }
        line.finish()
        print(try DataSetReport(PairedDataSet(opening: url), shown: output).summary)
    }
}

extension PairTier: ExpressibleByArgument {}
