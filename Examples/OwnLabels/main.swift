// Teaches a model labels of one's own and reads a star with it: what `specclip adapt` does, from Swift (docs/adapt.md).
//
//   own-labels MODEL.safetensors TABLE LABEL SPECTRUM…
//
// TABLE has a row for each star: the column LABEL, and what tells whose spectrum is whose (file, source_id, or ra and dec).
// Writes own.safetensors beside TABLE.

import Datasets
import Foundation
import Instruments
import StarReading

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count > 3 else {
    print("usage: own-labels MODEL.safetensors TABLE LABEL SPECTRUM…")
    exit(2)
}

do {
    let reader = try StarReader(contentsOf: URL(fileURLWithPath: arguments[0]))
    let url = URL(fileURLWithPath: arguments[1])
    let table = try LabelTable(url, labels: [(name: arguments[2], column: arguments[2])])

    // What can be tried in seconds; the others change the encoder itself.
    var options = Adaptation.Options()
    options.methods = [.labels, .features]
    let work = FileManager.default.temporaryDirectory.appending(path: "own-labels-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: work) }
    let adaptation = try Adaptation(
        reader, table, catalogue: url.lastPathComponent, options: options, folder: work)

    // Spectra find their rows by themselves; those that find none are counted.
    for path in arguments.dropFirst(3) {
        let spectra = try SpectrumReader.read(URL(fileURLWithPath: path))
        try adaptation.add(spectra.map { try Observation($0, among: reader.instruments) })
    }
    for note in adaptation.matches.notes(rows: table.count) { print(note) }

    let results = try adaptation.fit()
    for label in results.flatMap(\.description.labels) {
        let scatter = label.scatter.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        print(
            label.label.name, "read by", label.chosen.title, "of", label.stars, "stars; scatter:",
            scatter.joined(separator: ", "))
    }
    let output = url.deletingLastPathComponent().appending(path: "own.safetensors")
    try adaptation.write(results, to: output)

    // The model that was written reads the new label beside the old ones.
    let own = try StarReader(contentsOf: output)
    let star = try SpectrumReader.read(URL(fileURLWithPath: arguments[3]))
    for estimate in try own.read(star).first?.estimates ?? [] {
        print(estimate.label.name, estimate.value, estimate.error ?? .nan, estimate.label.unit)
    }
} catch {
    FileHandle.standardError.write(Data("own-labels: \(error)\n".utf8))
    exit(1)
}
