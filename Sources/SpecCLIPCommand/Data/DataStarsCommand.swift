import ArgumentParser
import Datasets
import Foundation
import Instruments
import Spectra
import Support
import Tables

struct DataStarsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stars",
        abstract: "Make a data set of your own spectra and labels (HDF5).",
        usage: "specclip data stars <catalogue> --output <file> [<options>]",
        discussion: """
            The catalogue (CSV, ECSV, FITS, VOTable, Avro, Parquet, HDF5, NPZ) has a column
            'file', the spectrum of each star, and columns of labels. Stars that share a
            group (a plate, a field) or lie within 3" of each other never part: groups make
            the folds, of which one is the test split; of the others some decide when to
            stop, some tell how far off answers are, the rest is to train on.

            EXAMPLE
              specclip data stars labels.csv --labels teff,logg,fe_h=feh --group planid \\
                  --instrument optical --fold 1/5 --apart 0.2 -o fold1.h5
            """)

    @Argument(help: "The catalogue.") var catalogue: String
    @Option(help: ArgumentHelp("Folder of the spectra (default: that of the catalogue).", valueName: "folder"))
    var spectra: String?
    @Option(help: ArgumentHelp("Labels: names, each with its column where that is another.", valueName: "a,b=c"))
    var labels: String
    @Option(help: ArgumentHelp("Whose grid the spectra are brought to.", valueName: "name")) var instrument = "optical"
    @Option(help: ArgumentHelp("Column of what stars are called by (default: file).", valueName: "column"))
    var identifier: String?
    @Option(help: ArgumentHelp("Column of what stars share, such as a plate.", valueName: "column")) var group: String?
    @Option(help: ArgumentHelp("Column of redshifts: spectra are brought to rest.", valueName: "column"))
    var redshift: String?
    @Option(help: ArgumentHelp("The same of radial velocities, km/s.", valueName: "column")) var velocity: String?
    @Option(help: ArgumentHelp("Which fold of how many is the test split; 0/n: none.", valueName: "k/n"))
    var fold = "1/5"
    @Option(help: ArgumentHelp("Share of the other folds that decides when to stop.", valueName: "share"))
    var validation = 0.1
    @Option(help: ArgumentHelp("Share of the other folds that tells how far off answers are.", valueName: "share"))
    var calibration = 0.0
    @Option(help: ArgumentHelp("Share of the groups that are in no split at all.", valueName: "share")) var apart = 0.0
    @Option(help: "Seed of the folds.") var seed: UInt64 = 0
    @Option(help: ArgumentHelp("Lists the files of each split, and those kept apart (CSV).", valueName: "file"))
    var list: String?
    @Option(name: [.short, .long], help: ArgumentHelp("The data set to write (.h5).", valueName: "file")) var output:
        String
    @Flag(name: [.short, .long], help: "Replace an output file that exists.") var force = false

    func run() throws {
        let url = try OutputCheck.url(output, extensions: ["h5", "hdf5"], force: force)
        let instrument = try Instrument.named(instrument)
        let names = LabelColumns.parsed(labels)
        let numbers = fold.split(separator: "/").compactMap { Int($0) }
        guard numbers.count == 2, numbers[1] >= 1, (0...numbers[1]).contains(numbers[0]) else {
            throw ValidationError("--fold \(fold): give k/n, such as 1/5; 0/5 for no test split, 1/1 for nothing else")
        }
        guard (0..<1).contains(apart), min(validation, calibration) >= 0, validation + calibration < 1 else {
            throw ValidationError(
                "--apart \(apart), --validation \(validation), --calibration \(calibration): give shares that leave some"
            )
        }
        guard redshift == nil || velocity == nil else {
            throw ValidationError("--redshift and --velocity say the same: give one")
        }
        let source = URL(fileURLWithPath: catalogue)
        let motion = redshift.map(LabelledCatalogue.Motion.redshift) ?? velocity.map(LabelledCatalogue.Motion.velocity)
        let stars = try LabelledCatalogue(source, labels: names, identifier: identifier, group: group, motion: motion)
        let folder = spectra.map { URL(fileURLWithPath: $0) } ?? source.deletingLastPathComponent()
        let folds = LabelledCatalogue.Folds(
            count: numbers[1], test: numbers[0], validation: validation, calibration: calibration, apart: apart,
            seed: seed)
        let places = stars.places(folds)
        if let list {
            let rows = zip(stars.stars, places).map { star, place in
                [
                    star.file, star.identifier, place?.split.rawValue ?? "apart", place.map { "\($0.fold)" } ?? "",
                    star.group,
                ].joined(separator: ",") + "\n"
            }
            try AtomicFile.write("file,identifier,split,fold,group\n" + rows.joined(), to: URL(fileURLWithPath: list))
        }
        let writer = try PairedDataSetWriter(
            creating: url, instruments: [instrument], labels: kept(names.map(\.name), atRest: motion != nil),
            tier: "own-labels", force: force)
        let line = ProgressLine("stars", unit: "spectra")
        var left: [String] = []
        let kept = stars.stars.indices.filter { places[$0] != nil }
        Interruption.listen()
        for start in stride(from: 0, to: kept.count, by: 256) {
            let part = Array(kept[start..<min(start + 256, kept.count)])
            let rows = concurrentMap(part) { index in
                Result {
                    var row = try row(stars.stars[index], in: folder, instrument)
                    row.labels[LabelledCatalogue.foldLabel] = places[index].map { Double($0.fold) }
                    return row
                }
            }
            for (index, result) in zip(part, rows) {
                do {
                    try writer.append(split: places[index]?.split ?? .train, rows: [try result.get()])
                } catch let error as Diagnostic {
                    left.append("\(error)")
                }
            }
            line.update(start + part.count, of: kept.count)
            if Interruption.isRequested { throw ExitCode(130) }
        }
        line.finish()
        writer.provenance = try JSONText.encode(
            [
                "catalogue": source.lastPathComponent, "labels": labels, "group": group ?? "", "fold": fold,
                "apart": "\(apart)", "seed": "\(seed)", "rest": motion == nil ? "" : redshift ?? velocity ?? "",
            ])
        try writer.finish()
        for note in stars.notes { Program.note("specclip: " + note) }
        for problem in left.prefix(10) { Program.note("specclip: left out: " + problem) }
        if left.count > 10 { Program.note("specclip: left out: \(left.count - 10) more") }
        print(try DataSetReport(PairedDataSet(opening: url), shown: output).summary)
        if !left.isEmpty { throw ExitCode.failure }
    }

    private func row(_ star: LabelledCatalogue.Star, in folder: URL, _ instrument: Instrument) throws -> PairedRow {
        let url = folder.appending(path: star.file)
        let spectra = try SpectrumReader.read(url, as: instrument)
        guard spectra.count == 1 else {
            throw Diagnostic(url, problem: "holds \(spectra.count) spectra", remedy: "name one: \(star.file)#1")
        }
        var (spectrum, labels) = (spectra[0], star.labels)
        if let stretch = star.stretch {
            spectrum.wavelength = spectrum.wavelength.map { $0 / stretch }
            labels[RadialVelocity.label] = 0
        }
        let prepared = try instrument.prepare(spectrum)
        return PairedRow(
            sourceID: star.identifier, flux: [instrument.dataSetKey: prepared.flux],
            ivar: prepared.ivar.map { [instrument.dataSetKey: $0] } ?? [:], labels: labels)
    }

    /// Spectra at rest have a velocity, which is 0, whatever the catalogue says.
    private func kept(_ names: [String], atRest: Bool) -> [String] {
        let rest = atRest && !names.contains(RadialVelocity.label) ? [RadialVelocity.label] : []
        return names.filter { $0 != LabelledCatalogue.foldLabel } + rest + [LabelledCatalogue.foldLabel]
    }
}
