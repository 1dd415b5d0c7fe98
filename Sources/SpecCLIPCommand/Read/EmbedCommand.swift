import ArgumentParser
import Foundation
import Spectra

struct EmbedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Write the embeddings of spectra.",
        usage: "specclip embed --output <file> [<options>] <input> ...",
        discussion: """
            OUTPUT, BY EXTENSION
              .npz   one float32 array [n, d] per instrument, named lamost_lrs or
                     gaia_xp, rows in the order of the input; source_id [n] and
                     file [n]. Where the instruments' stars differ, these two carry
                     the instrument's name before theirs.
              .fits  columns file, source_id, instrument, embedding (vector)
              .csv   columns file, source_id, instrument, embedding_0, …

            EXAMPLES
              specclip embed spec-*.fits -o stars.npz
              specclip embed pairs.h5 --split test -o test.npz
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Model") var cut: WidthOptions
    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        let url = try output.requiredURL(extensions: ["npz", "fits", "csv"])
        let loaded = try LoadedModel(model, compute, cut)
        let stars = try StarInput(input, among: loaded.model.instruments, doing: "embed")
        var parts: [String: EmbeddedStars] = [:]
        var all = EmbeddedStars()
        try stars.forEachBatch { batch in
            let embeddings = try loaded.embed(batch)
            let (width, values) = (embeddings.shape[1], embeddings.floats())
            for (row, star) in batch.enumerated() {
                let own = values[row * width..<row * width + (cut.width ?? width)]
                if url.pathExtension.lowercased() == "npz" {
                    parts[star.instrument.embeddingKey, default: EmbeddedStars()].append(star, own)
                } else {
                    all.append(star, own)
                }
            }
        }
        if stars.count > 0 {
            if url.pathExtension.lowercased() == "npz" {
                try NPZ.write(arrays: EmbeddedStars.arrays(parts), to: url)
            } else {
                try all.table.write(to: url)
            }
        }
        try stars.finish()
    }
}

/// Embeddings that have been computed, with what identifies them.
struct EmbeddedStars {
    private var files: [String] = []
    private var sourceIDs: [String] = []
    private var instruments: [String] = []
    private var values: [Float] = []
    private var width = 0

    mutating func append(_ star: Star, _ embedding: ArraySlice<Float>) {
        files.append(star.name)
        sourceIDs.append(star.sourceID)
        instruments.append(star.instrument.name)
        values += embedding
        width = embedding.count
    }

    var table: OutputTable {
        OutputTable(columns: [
            .init(name: "file", values: .text(files)), .init(name: "source_id", values: .text(sourceIDs)),
            .init(name: "instrument", values: .text(instruments)),
            .init(name: "embedding", values: .vectors(values, width: width)),
        ])
    }

    /// The arrays of an `.npz`: one per instrument, and the identifiers, once where all instruments saw the same stars.
    static func arrays(_ parts: [String: EmbeddedStars]) -> [(name: String, array: NPYArray)] {
        let sorted = parts.sorted { $0.key < $1.key }
        var arrays = sorted.map { key, part in
            (name: key, array: NPYArray(.float32(part.values), shape: [part.files.count, part.width]))
        }
        let isShared = Set(sorted.map(\.value.sourceIDs)).count == 1 && Set(sorted.map(\.value.files)).count == 1
        for (key, part) in isShared ? Array(sorted.prefix(1)) : sorted {
            let prefix = isShared ? "" : key + "_"
            arrays.append((prefix + "source_id", NPYArray(.string(part.sourceIDs))))
            arrays.append((prefix + "file", NPYArray(.string(part.files))))
        }
        return arrays
    }
}
