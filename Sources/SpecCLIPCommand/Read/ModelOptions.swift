import ArgumentParser
import Foundation
import SpecCLIP
import Spectra
import Torch

/// The model a command reads stars with.
struct ModelOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The model file (.safetensors); by default the one that comes with the program.", valueName: "file"))
    var model: String?

    /// - Throws: `CommandError` where no file is named and none comes with the program.
    func url() throws -> URL { try model.map { URL(fileURLWithPath: $0) } ?? ShippedModel.url() }
}

/// The model that comes with the program.
enum ShippedModel {
    static let name = "specclip-small.safetensors"

    /// Where it lies: what the environment names, beside the program and in the folders above it (a build within the
    /// repository), or where data of programs are installed.
    static func url(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        executable: URL? = Bundle.main.executableURL
    ) throws -> URL {
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
            throw CommandError(
                subject: name, problem: "does not lie beside the program",
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

/// A model that is loaded and ready.
struct LoadedModel {
    let file: ModelFile
    let model: SpecCLIPModel
    let device: Device

    init(_ options: ModelOptions, _ compute: ComputeOptions, _ cut: WidthOptions? = nil) throws {
        device = try compute.prepare()
        file = try ModelFile(contentsOf: try options.url())
        model = try catchingTorchErrors { [file, device] in try file.model(on: device) }
        guard let width = cut?.width else { return }
        let full = file.description.embedding ?? 0
        guard width <= full else {
            throw CommandError(
                subject: "--width \(width)",
                problem: full == 0 ? "the model is not aligned" : "the model's embeddings have \(full) numbers",
                remedy: full == 0 ? "leave it out" : "give 1 to \(full)")
        }
        model.openWidth = width
    }

    /// Embeddings of stars, `[stars, d]` on the CPU, in their order, whatever their instruments.
    func embed(_ stars: [Star]) throws -> Tensor {
        var parts: [Tensor] = []
        var order: [Int] = []
        for instrument in model.instruments {
            let own = stars.indices.filter { stars[$0].instrument == instrument }
            guard !own.isEmpty else { continue }
            parts.append(try embed(own.map { stars[$0] }, of: instrument))
            order += own
        }
        let all = parts.count == 1 ? parts[0] : Tensor.cat(parts, dim: 0)
        guard order != Array(stars.indices) else { return all }
        var place = [Int64](repeating: 0, count: order.count)
        for (row, star) in order.enumerated() { place[star] = Int64(row) }
        return all.indexSelect(0, Tensor(place, shape: [place.count]))
    }

    private func embed(_ stars: [Star], of instrument: Instrument) throws -> Tensor {
        let input = try flux(stars, of: instrument)
        return try catchingTorchErrors { try withoutGradient { try model.embed(input, from: instrument) } }.to(.cpu)
    }

    /// Prepared spectra of one instrument, `[stars, pixels]` on the model's device.
    func flux(_ stars: [Star], of instrument: Instrument) throws -> Tensor {
        var flux: [Float] = []
        flux.reserveCapacity(stars.count * instrument.grid.count)
        for star in stars { flux += star.prepared.flux }
        return try Tensor(flux, shape: [stars.count, instrument.grid.count]).to(device)
    }
}
