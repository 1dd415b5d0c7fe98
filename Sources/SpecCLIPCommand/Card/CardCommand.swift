import ArgumentParser
import Datasets
import Figures
import Foundation
import Portraits
import StarReading
import Support
import Tables

struct CardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "card",
        abstract: "Draw a star on one page: spectrum, parameters, prediction, look-alikes.",
        usage: "specclip card --output <file> [<options>] <input> ...",
        discussion: """
            The page shows the spectrum with its continuum and bad pixels, what the model sees and how it \
            reconstructs it, the parameters with errors, the spectrum another instrument would see (beside the one it \
            did see, with --observed), and the nearest stars of a data set (with --in; otherwise of those that came with \
            the model).

            EXAMPLES
              specclip card star.fits -o star.png
              specclip card star.fits --observed xp.csv --in pairs.h5 -o star.pdf
              specclip card -m model.safetensors pairs.h5 --row 12 -o row12.svg
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Input") var input: InputOptions

    @Option(help: ArgumentHelp("Of many spectra, the one that 'predict' lists as file#N.", valueName: "N"))
    var row: Int?

    @Option(help: ArgumentHelp("What the other instrument did observe.", valueName: "file")) var observed: String?

    @Option(name: .customLong("in"), help: ArgumentHelp("A data set to find look-alikes in (HDF5).", valueName: "file"))
    var dataSet: String?

    @Option(
        name: .customLong("in-split"),
        help: ArgumentHelp("Its split (default: that of --split).", valueName: "split"))
    var searchSplit: Split?

    @Option(help: ArgumentHelp("How many look-alikes.", valueName: "n")) var top = 5

    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        guard (1...20).contains(top) else { throw ValidationError("--top \(top): a page has room for 1 to 20") }
    }

    func run() throws {
        let url = try output.requiredURL(extensions: PictureFormat.allCases.map(\.rawValue))
        let gnuplot = try Gnuplot()
        let reader = try model.reader(compute)
        let star = try theStar(reader)
        var maker = try CardMaker(star, reader)
        if let observed { try maker.add(observed: observed) }
        if let dataSet {
            try maker.addNeighbours(in: URL(fileURLWithPath: dataSet), searchSplit ?? input.split, top: top)
        } else {
            try maker.addNeighboursOfModel(top: top)
        }
        try CardFigure(maker.card).write(to: url, force: output.force, gnuplot: gnuplot)
        print(url.relativePath)
    }

    /// The one star to draw.
    private func theStar(_ reader: StarReader) throws -> Observation {
        struct Found: Error {}
        let stars = try StarInput(input, among: reader.instruments, doing: "card")
        var chosen: Observation?
        do {
            try stars.forEachBatch { batch in
                chosen = row == nil ? batch.first : batch.first { $0.name.hasSuffix("#\(row ?? 0)") }
                if chosen != nil { throw Found() }
            }
        } catch is Found {}
        guard let chosen else {
            try stars.finish()
            throw Diagnostic(
                input.inputs.joined(separator: " "), field: "--row \(row ?? 0)",
                problem: "there is no such spectrum",
                remedy: "see what 'specclip predict' lists")
        }
        return chosen
    }
}
