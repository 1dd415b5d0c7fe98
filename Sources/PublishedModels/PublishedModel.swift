import Foundation
import SpecCLIP
import Support
import Torch

/// Models of the published program: checkpoints that PyTorch Lightning wrote, in and out.
public enum PublishedModel {
    /// A checkpoint as a model of ours.
    public struct Converted {
        /// The model with its weights, in evaluation mode.
        public let model: SpecCLIPModel
        /// What was inferred and from where, a line each.
        public let notes: [String]
    }

    /// Reads a backbone or CLIP checkpoint (`.ckpt`, `.pt`, also in `.gz` or `.xz`).
    /// - Throws: `Diagnostic` when it is no checkpoint, `Diagnostic` when its tensors are no published model or
    ///   something is missing that cannot be inferred.
    public static func read(_ url: URL, hints: PublishedHints = PublishedHints()) throws -> Converted {
        let file = try PyTorchFile(contentsOf: url)
        var told: [String] = []
        let (state, ignored) = try usedTensors(file) { told.append($0) }
        if state.first?.name == "network.0.weight" {
            throw Diagnostic(
                url.path,
                problem: "is a label regressor, not a model; put it into a converted one with `specclip labels add`")
        }
        var facts = try PublishedFacts(file, path: url.path, hints: hints)
        told.forEach { facts.note($0) }
        if !ignored.isEmpty { facts.note("left out: \(ignored.joined(separator: ", ")) (never used by any model)") }
        let (description, notes) = try describe(state, facts, file)
        if let problem = description.problem {
            throw Diagnostic(url.path, problem: "is no model that can be made here: \(problem)")
        }
        let model = try catchingTorchErrors { Initializer.$isSkipped.withValue(true) { SpecCLIPModel(description) } }
        try load(state, of: file, into: model, path: url.path)
        model.evaluate()
        return Converted(model: model, notes: notes)
    }

    /// Shapes and all else that tells the architecture; a file of ours carries its own description.
    private static func describe(
        _ state: [(name: String, tensor: PickledTensor)], _ facts: PublishedFacts, _ file: PyTorchFile
    ) throws -> (ModelDescription, [String]) {
        if let text = file.root[descriptionKey]?.string {
            do {
                let description = try JSONDecoder().decode(ModelDescription.self, from: Data(text.utf8))
                return (description, facts.notes + ["architecture: from the description in the file"])
            } catch {
                throw Diagnostic(facts.path, problem: "its description cannot be read (\(error))")
            }
        }
        let shapes = Dictionary(state.map { ($0.name, $0.tensor.shape) }) { first, _ in first }
        var inference = ArchitectureInference(shapes, facts)
        let description = try inference.description()
        return (description, inference.notes)
    }

    private static func usedTensors(
        _ file: PyTorchFile, note: (String) -> Void
    ) throws -> (state: [(name: String, tensor: PickledTensor)], ignored: [String]) {
        let all = try file.stateDictionary(note: note)
        func isUnused(_ name: String) -> Bool {
            PublishedNames.unused.contains { name.hasPrefix($0) || name.contains(".backbone.\($0)") }
        }
        return (all.filter { !isUnused($0.name) }, all.map(\.name).filter(isUnused))
    }

    /// Every tensor must have its place, and every place its tensor.
    private static func load(
        _ state: [(name: String, tensor: PickledTensor)], of file: PyTorchFile, into model: SpecCLIPModel, path: String
    ) throws {
        let names = PublishedNames(model.descriptionOfModel)
        var tensors: [String: Tensor] = [:]
        for (name, reference) in state {
            guard let ours = names.ours(name) else {
                throw Diagnostic(path, problem: "tensor '\(name)' belongs to no part of a published model")
            }
            let tensor = try file.tensor(reference)
            // Weights of all floating-point types become float32, which models compute in.
            tensors[ours] = tensor.dtype.isFloatingPoint ? tensor.to(.float32) : tensor
        }
        do {
            try model.load(tensors, strict: true, sharing: true)
        } catch {
            throw Diagnostic(path, problem: "does not fit the model its names tell of: \(error)")
        }
    }

    /// Entry of a checkpoint of ours with the JSON description.
    static let descriptionKey = "specclip"
}
