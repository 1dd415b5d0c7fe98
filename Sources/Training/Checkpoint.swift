import Foundation
import Support
import Torch

/// Where a run stands: the numbers that decide what the next step does.
struct TrainingPosition: Codable, Equatable {
    var step = 0
    /// Lowest validation loss so far.
    var best = Double.infinity
    /// Validations since then.
    var waited = 0
    var isFinished = false

    enum CodingKeys: String, CodingKey { case step, best, waited, isFinished }

    init() {}

    /// The position in a checkpoint's header; `nil` when that is none of ours.
    init?(_ header: [String: String]) {
        guard [Checkpoint.format, Checkpoint.formerFormat].contains(header["format"]), let text = header["position"],
            let position = try? JSONDecoder().decode(Self.self, from: Data(text.utf8))
        else { return nil }
        self = position
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        step = try container.decode(Int.self, forKey: .step)
        best = try container.decodeIfPresent(Double.self, forKey: .best) ?? .infinity
        waited = try container.decode(Int.self, forKey: .waited)
        isFinished = try container.decode(Bool.self, forKey: .isFinished)
    }

    /// JSON has no infinity: a run without validation yet leaves `best` out.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(step, forKey: .step)
        if best.isFinite { try container.encode(best, forKey: .best) }
        try container.encode(waited, forKey: .waited)
        try container.encode(isFinished, forKey: .isFinished)
    }
}

/// The whole state of a run in one safetensors file: model, optimiser moments, random generator, position.
///
/// Frozen parameters are left out: they come from a file that the settings name, and no step changes them.
///
/// Written to a temporary file and renamed, so that a kill at any moment leaves the former checkpoint whole.
struct Checkpoint {
    static let format = "specclip-checkpoint-2"
    /// Of runs that knew their data by tier and counts, and validated on the first rows: they can be found finished, but
    /// not gone on with.
    static let formerFormat = "specclip-checkpoint-1"
    let file: URL

    func save(_ model: Module, optimizer: AdamW, position: TrainingPosition, settings: String) throws {
        try write(model.trainedState(), optimizer: optimizer.state(), position: position, settings: settings)
    }

    /// - Parameters:
    ///   - model: its state by path.
    ///   - optimizer: as `AdamW.state()` gives it.
    func write(
        _ model: [(String, Tensor)], optimizer: [(String, Tensor)], position: TrainingPosition, settings: String
    ) throws {
        var tensors = model.map { ("model." + $0.0, $0.1) }
        tensors += optimizer.map { ("optimizer." + $0.0, $0.1) }
        tensors.append(("generator", Generator.state()))
        let metadata = [
            "format": Self.format,
            "position": String(decoding: try JSONEncoder().encode(position), as: UTF8.self),
            "settings": settings,
        ]
        try SafetensorsFile.write(tensors, metadata: metadata, to: file)
    }

    /// Puts the saved state back; `nil` when there is no checkpoint yet.
    func restore(_ model: Module, optimizer: AdamW, settings: String, folder: String) throws -> TrainingPosition? {
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        let saved: SafetensorsFile
        do {
            saved = try SafetensorsFile(contentsOf: file)
        } catch let error as Diagnostic {
            throw Diagnostic.checkpoint(file: file.path, problem: error.problem)
        }
        guard let position = TrainingPosition(saved.metadata) else {
            throw Diagnostic.checkpoint(file: file.path, problem: "this is not a training checkpoint")
        }
        let former = saved.metadata["settings"]
        if saved.metadata["format"] == Self.formerFormat, former != settings || !position.isFinished {
            throw Diagnostic.earlierVersion(folder: folder)
        }
        if let former, former != settings {
            throw Diagnostic.settingsDiffer(folder: folder, difference: difference(former, settings))
        }
        // Cloned, because the file may be replaced by the next checkpoint while its map is still in use.
        var state: [String: Tensor] = [:]
        for name in saved.names { state[name] = try saved.tensor(name).clone() }
        do {
            try model.load(trainedState: Self.subset(state, prefix: "model."))
            try optimizer.load(state: Self.subset(state, prefix: "optimizer."))
            if let generator = state["generator"] { try Generator.restore(generator) }
        } catch {
            throw Diagnostic.checkpoint(file: file.path, problem: "\(error)")
        }
        return position
    }

    private static func subset(_ state: [String: Tensor], prefix: String) -> [String: Tensor] {
        var found: [String: Tensor] = [:]
        for (name, tensor) in state where name.hasPrefix(prefix) {
            found[String(name.dropFirst(prefix.count))] = tensor
        }
        return found
    }
}

extension Module {
    /// The state dictionary without frozen parameters.
    func trainedState() -> [(String, Tensor)] {
        let frozen = frozenPaths
        return stateDictionary().filter { !frozen.contains($0.0) }
    }

    /// Takes over what `trainedState()` gave. Frozen parameters, which earlier versions wrote as well, stay as they are.
    func load(trainedState state: [String: Tensor]) throws {
        let frozen = frozenPaths
        let own = stateDictionary().filter { frozen.contains($0.0) }
        try load(state.merging(own) { _, own in own }, strict: true)
    }

    private var frozenPaths: Set<String> {
        Set(parameters().filter { !$0.parameter.isTrainable }.map(\.path))
    }
}

/// The first line in which two settings texts differ, as "was …, now …".
func difference(_ former: String, _ now: String) -> String {
    let (old, new) = (former.split(separator: "\n"), now.split(separator: "\n"))
    func short(_ line: Substring) -> String {
        let line = line.trimmingCharacters(in: CharacterSet(charactersIn: " ,{"))
        return line.count > 80 ? line.prefix(80) + "…" : line
    }
    for (a, b) in zip(old, new) where a != b { return "was \(short(a)), now \(short(b))" }
    return "\(old.count) settings then, \(new.count) now"
}
