import ArgumentParser
import Foundation
import PublishedModels
import SpecCLIP
import Support
import Torch
import Training

/// `specclip convert`.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Take a model from PyTorch, or back to it.",
        usage: "specclip convert <in> <out> [<options>]",
        discussion: """
            Reads checkpoints of the published SpecCLIP program (encoders and aligned
            models; .ckpt, .pt, also in .gz or .xz) without Python and without running
            anything in them, and writes a model file. The other way it writes a state
            dictionary with the published names, for torch.load(weights_only=True).

            What names and shapes do not tell (attention heads) comes from the modules
            pickled in the file, else from the hyper-parameters of --backbone files, else
            from flags. Every inference is printed with its source.

            EXAMPLES
              specclip convert specclip_model_predrecon_mlp.ckpt specclip.safetensors
              specclip convert specclip.safetensors for-pytorch.ckpt
              specclip convert specclip.safetensors half.safetensors --precision float16
            """)

    @Argument(help: "A checkpoint or a model file.") var input: String
    @Argument(help: "What to write: .safetensors from PyTorch, .ckpt or .pt to it.") var out: String

    @Option(
        help: ArgumentHelp("Checkpoint of an encoder, for its hyper-parameters; may be repeated.", valueName: "file"))
    var backbone: [String] = []
    @Option(help: ArgumentHelp("Attention heads of transformer encoders.", valueName: "n")) var heads: Int?
    @Option(help: ArgumentHelp("Attention heads of the alignment heads.", valueName: "n")) var projectionHeads: Int?
    @Option(help: ArgumentHelp("Pixels that neighbouring sections share.", valueName: "n")) var overlap: Int?
    @Option(
        help: ArgumentHelp(
            "Type of the weights of a model file that is copied: float32, float16 or bfloat16.", valueName: "type"))
    var precision: WeightPrecision?
    @Flag(name: [.short, .long], help: "Replace an output file that exists.") var force = false
    @Flag(name: [.short, .long], help: "Do not print what was inferred.") var quiet = false

    func validate() throws {
        for (name, value) in [("heads", heads), ("projection-heads", projectionHeads)] {
            if let value, value < 1 { throw ValidationError("--\(name) \(value): must be at least 1") }
        }
        if let overlap, overlap < 0 { throw ValidationError("--overlap \(overlap): must not be negative") }
    }

    func run() throws {
        let source = URL(fileURLWithPath: input)
        let target = try OutputCheck.url(out, extensions: ["safetensors", "ckpt", "pt"], force: force)
        guard source.standardizedFileURL != target.standardizedFileURL else {
            throw Diagnostic(out, problem: "is the input itself", remedy: "name another output file")
        }
        if let precision {
            guard [source, target].allSatisfy({ $0.pathExtension == "safetensors" }) else {
                throw Diagnostic(
                    "--precision", problem: "is for a copy of a model file",
                    remedy: "give two .safetensors files")
            }
            try ModelFile(contentsOf: source).write(as: precision.dtype, to: target)
            return print(out)
        }
        let notes =
            target.pathExtension == "safetensors"
            ? try fromPyTorch(source, to: target) : try toPyTorch(source, to: target)
        if !quiet { for note in notes { Program.note("  " + note) } }
        print(out)
    }

    private func fromPyTorch(_ source: URL, to target: URL) throws -> [String] {
        let hints = PublishedHints(
            backbones: backbone.map { URL(fileURLWithPath: $0) }, heads: heads, projectionHeads: projectionHeads,
            overlap: overlap)
        let converted = try PublishedModel.read(source, hints: hints)
        try ModelFile.write(converted.model, to: target)
        return converted.notes
    }

    private func toPyTorch(_ source: URL, to target: URL) throws -> [String] {
        let file = try ModelFile(contentsOf: source)
        var notes = try PublishedModel.write(try file.model(), to: target)
        if file.header("labels") != nil { notes.append("left out: label heads (no published class is like them)") }
        return notes
    }
}

/// Types that weights are stored in.
enum WeightPrecision: String, CaseIterable, ExpressibleByArgument {
    case float32, float16, bfloat16

    var dtype: DType {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        }
    }
}
