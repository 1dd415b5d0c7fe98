import ArgumentParser
import Foundation
import StarReading
import Support

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
              .parquet, and .hats (or a folder's name with its slash): a catalogue that
                     LSDB opens; embedding is a list

            EXAMPLES
              specclip embed spec-*.fits -o stars.npz
              specclip embed pairs.h5 --split test -o test.npz
              specclip embed survey.hats --shard 2/8 -o embedded.hats
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Model") var cut: WidthOptions
    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Output") var rows: ResultOptions
    @OptionGroup(title: "Catalogues") var catalogue: CatalogueOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        // Before the model is read, which takes its time.
        _ = try rows.output.requiredURL(extensions: EmbeddingFile.extensions)
        let reader = try model.reader(compute, cut)
        let width = cut.width ?? reader.embeddingWidth
        let keys = Dictionary(uniqueKeysWithValues: reader.instruments.map { ($0.name, $0.embeddingKey) })
        let output = try RowOutput(
            StarCatalogue.vectors("embedding", [], [], width: width),
            of: CatalogueRun(
                "embed", model: reader.file.url, input, choices: ["\(width)"], extensions: EmbeddingFile.extensions,
                to: rows, catalogue),
            as: EmbeddingFile.format(keys))
        let stars = try StarInput(
            input, among: reader.instruments, doing: "embed", drawingBandsOf: reader.instrumentsWithDrawnBands,
            into: output)
        // So many that products of matrices are large ones.
        try stars.forEachBatch(of: 1024) { batch in
            let embeddings = try reader.embed(batch).narrow(1, start: 0, length: width).floats()
            try output.append(
                StarCatalogue.vectors("embedding", batch, embeddings, width: width), at: batch.map(\.position),
                of: batch)
        }
        try output.finish(isEmpty: stars.count == 0)
        try stars.finish()
    }
}
