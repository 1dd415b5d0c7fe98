import ArgumentParser
import Foundation
import OrderedBottleneck
import Tables
import Torch

/// `specclip iob compress`.
struct IOBCompressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compress",
        abstract: "Write the first k latents of every row, and what they stand for.",
        usage: "specclip iob compress <model> <data> --width <k> -o <codes.npz>",
        discussion: """
            The .npz holds `code` [rows, k]; with --reconstruct also `reconstruction`, the
            rows that these k numbers stand for, in the units of the data.

            EXAMPLE  specclip iob compress iob.safetensors xp.npz --width 6 -o xp6.npz
            """)

    @Argument(help: "The model.") var model: String
    @Argument(help: "Rows to compress.") var data: String
    @OptionGroup var rows: RowOptions
    @Option(help: ArgumentHelp("Latents to keep (default: all).", valueName: "k")) var width: Int?
    @Flag(help: "Write the rows rebuilt from the codes as well.") var reconstruct = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        _ = try compute.prepare()
        let url = try output.requiredURL(extensions: ["npz", "csv", "fits"])
        let model = try OrderedModel(contentsOf: URL(fileURLWithPath: model))
        let (rows, name) = try rows.read(data)
        try model.check(rows, data: name)
        let code = try model.compress(rows, width: width ?? model.width)
        var columns = [Column("code", .vectors(code.floats(), width: code.size(1)))]
        if reconstruct {
            let rebuilt = try model.decompress(code)
            columns.append(
                .init(
                    "reconstruction", .vectors(rebuilt.floats(), width: rebuilt.count / rebuilt.size(0))))
        }
        try TableFile.write(Table(columns), to: url)
        print(url.path)
    }
}
