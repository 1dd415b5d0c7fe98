// From spectra to a star read, in five functions: a tutorial that runs (half a minute on two cores).
//
//   tutorial [FOLDER]
//
// What SpecCLIP does: an encoder for each instrument learns what spectra look like; an alignment puts the encoders' features
// into one embedding, where the same star lands at the same place whichever instrument saw it; heads read labels from there.
// (Zhao et al. 2025, arXiv 2507.01939.) The stars here come from formulas, so that nothing is downloaded.

import Datasets
import Foundation
import Instruments
import Simulation
import SpecCLIP
import Spectra
import StarReading
import Torch
import Training

let folder = URL(fileURLWithPath: CommandLine.arguments.dropFirst().first ?? "tutorial", isDirectory: true)

/// 1. Spectra: pairs of one star as LAMOST and Gaia XP see it, prepared for a model, with labels, in an HDF5 file.
///
/// Every spectrum of a star is in the same split. Your own pairs: `PairedDataSetWriter`, a row for each star.
func makeSpectra() throws -> PairedDataSet {
    let url = folder.appending(path: "pairs.h5")
    if !FileManager.default.fileExists(atPath: url.path) {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try PairMaker(.procedural, options: PairOptions(limit: 1200)).write(to: url)
    }
    let data = try PairedDataSet(opening: url)
    print("\(data.count(.train)) stars to learn from, \(data.count(.test)) kept apart; labels \(data.labelNames)")
    return data
}

/// 2. What is trained: a YAML file says it all. This is the preset `tiny`, made shorter still.
func makeContext() throws -> StageContext {
    var configuration = try Configuration(named: "tiny")
    configuration.shorten(to: "pairs.h5", steps: 300)
    return StageContext(configuration, dataFolder: folder, folder: folder.appending(path: "run")) { Printer($0) }
}

/// 3. Pre-training: each instrument's encoder learns from its spectra alone, by filling in what is hidden from it or by
/// squeezing them through a bottleneck. No labels, no other instrument.
func pretrain(_ context: StageContext) throws {
    for (instrument, configuration) in try context.configuration.resolvedInstruments() {
        let stage = Pretraining(instrument, configuration, context: context)
        let outcome = try stage.run()
        print("\(instrument.title): validation loss \(outcome.bestValidation) → \(stage.output.lastPathComponent)")
    }
}

/// 4. Alignment: the encoders stay as they are; projections learn to put a star's two spectra together and other stars
/// apart, and decoders to give its spectra back from there. Then heads learn to read labels from the embedding.
func align(_ context: StageContext) throws -> URL {
    let outcome = try Alignment(context: context).run()
    print("aligned: validation loss \(outcome.bestValidation)")
    let labels = LabelFitting(context: context)
    _ = try labels.run()
    return labels.output
}

/// 5. A star read: labels with errors, its look-alikes among known stars, the spectrum the other instrument would see.
func readStars(_ model: URL, _ data: PairedDataSet) throws {
    let reader = try StarReader(contentsOf: model)
    let truth = try data.labels("teff", split: .test)
    let rows = try data.spectra(.lamostLRS, split: .test, range: 0..<5)
    let stars = try (0..<5).map {
        try Observation(row: $0, of: rows, .lamostLRS, name: "pairs.h5#\($0)", sourceID: "test-\($0)")
    }
    for (row, star) in try reader.read(ObservedStar.apart(stars)).enumerated() {
        guard let teff = star.estimates.first(where: { $0.label.name == "teff" }) else { continue }
        print(String(format: "star %d: Teff %.0f ± %.0f K (%.0f)", row, teff.value, teff.error ?? .nan, truth[row]))
    }
    let embeddings = try reader.embed(stars)
    let known = try LookAlikes(data, .test, among: "gaia-xp", with: reader)
    let found = try known.nearest(to: embeddings, of: stars, top: 3)
    print("star 0 by LAMOST is most like rows \(found[0].map(\.row)) as Gaia saw them; its own is row 0")
    let flux = try reader.translate(stars, embeddings, to: .gaiaXP)
    print("star 0 as Gaia would see it at 400 nm: \(flux[32])")
}

/// Prints how far a training has come.
final class Printer: ProgressSink {
    private let name: String

    init(_ name: String) { self.name = name }

    func report(_ row: MetricsRow, of steps: Int, secondsLeft: Double?) {
        guard row.split == .validation, let loss = row.losses["loss"] else { return }
        print("  \(name) \(row.step)/\(steps): \(loss)")
    }

    func note(_ text: String) {}
}

do {
    let data = try makeSpectra()
    let context = try makeContext()
    try pretrain(context)
    let model = try align(context)
    try readStars(model, data)
} catch {
    FileHandle.standardError.write(Data("tutorial: \(error)\n".utf8))
    exit(1)
}
