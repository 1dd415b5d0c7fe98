import ArgumentParser
import Foundation
import StarReading
import Support

/// The model a command reads stars with.
struct ModelOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The model: a file (.safetensors), or small, abundances or small-v1, which come with the program (default: small).",
            valueName: "file"))
    var model: String?

    /// - Throws: `Diagnostic` where no file is named and none comes with the program.
    func url() throws -> URL { try model.map(ShippedModel.url(of:)) ?? ShippedModel.url() }
}

/// The models that come with the program.
enum ShippedModel {
    /// Without a path or an ending these names mean a model that comes with the program, where no file is called so.
    private static let names = ["small", "abundances", "small-v1"]

    /// The file that a user means.
    static func url(of model: String) throws -> URL {
        let url = URL(fileURLWithPath: model)
        guard names.contains(model), !FileManager.default.fileExists(atPath: url.path) else { return url }
        return try Self.url(named: model, environment: [:])
    }

    /// Where one lies: what the environment names, beside the program and in the folders above it (a build within the
    /// repository), or where data of programs are installed.
    static func url(
        named model: String = "small", environment: [String: String] = ProcessInfo.processInfo.environment,
        executable: URL? = Bundle.main.executableURL
    ) throws -> URL {
        let name = "specclip-\(model).safetensors"
        if let named = environment["SPECCLIP_MODEL"], !named.isEmpty { return URL(fileURLWithPath: named) }
        var folders: [URL] = []
        if var folder = executable?.resolvingSymlinksInPath().deletingLastPathComponent() {
            for _ in 0..<6 {
                folders += [folder.appending(path: "Models"), folder.appending(path: "share/specclip")]
                folder.deleteLastPathComponent()
            }
        }
        folders += ["/usr/local/share/specclip", "/usr/share/specclip"].map { URL(fileURLWithPath: $0) }
        let found = folders.map { $0.appending(path: name) }.first { FileManager.default.fileExists(atPath: $0.path) }
        guard let found else {
            throw Diagnostic(
                name, problem: "does not lie beside the program",
                remedy: "give --model FILE, or name it in the environment variable SPECCLIP_MODEL")
        }
        return found
    }
}

/// How much of an embedding is used.
struct WidthOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Use the first k numbers of embeddings alone (for models aligned with clip-ordered).", valueName: "k"))
    var width: Int?

    func validate() throws {
        if let width, width < 1 { throw ValidationError("--width \(width): must be at least 1") }
    }
}

extension ModelOptions {
    /// The reader of this model.
    func reader(
        _ compute: ComputeOptions, _ cut: WidthOptions? = nil, draws: Int? = nil, scale: String? = nil
    ) throws -> StarReader {
        try StarReader(contentsOf: url(), device: compute.prepare(), draws: draws, width: cut?.width, scale: scale)
    }
}
