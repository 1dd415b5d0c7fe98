import Foundation
import Instruments
import Support
import Torch

/// A model in one `.safetensors` file: weights under `model.…`, the description as JSON in the header.
///
/// Other rooms add their own part (label heads, atlas): a header entry of their name and tensors under that prefix. A part may also
/// lie in a small file of its own, an addition: it names the model that it belongs to, which lies beside it.
public struct ModelFile {
    /// Where it was read from.
    public let url: URL
    /// What the model is made of.
    public private(set) var description: ModelDescription
    /// The file that the model itself is in: that of an addition lies beside it.
    public let modelURL: URL
    private let file: SafetensorsFile
    /// What is added to the model in `file`; nil where all is in one file.
    private let addition: SafetensorsFile?

    /// Header entry of an addition: the file name and the content hash of its model.
    private static let additionEntry = "addition-to"
    private struct Base: Codable {
        var file: String
        var content: String
    }

    /// - Throws: `Diagnostic` when it is no model of ours, `Diagnostic` when it is no safetensors file.
    public init(contentsOf url: URL) throws {
        self.url = url
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw Diagnostic(
                url.path, problem: "no such model file; train one (make demo) or give --model FILE.safetensors")
        }
        let opened = try SafetensorsFile(contentsOf: url)
        if let text = opened.metadata[Self.additionEntry] {
            modelURL = try Self.model(text, of: url)
            (file, addition) = (try SafetensorsFile(contentsOf: modelURL), opened)
        } else {
            (modelURL, file, addition) = (url, opened, nil)
        }
        guard let text = file.metadata["specclip"] else {
            throw Diagnostic(
                url.path, problem: "the header has no 'specclip' entry: not a model written by specclip")
        }
        do {
            description = try JSONDecoder().decode(ModelDescription.self, from: Data(text.utf8))
        } catch {
            throw Diagnostic(
                url.path,
                problem: "the 'specclip' entry of the header cannot be read (\(error)); get the file anew")
        }
        guard (1...ModelDescription.currentFormat).contains(description.format) else {
            throw Diagnostic(
                url.path, problem: "format \(description.format) is newer than this program; update specclip")
        }
        for index in description.branches.indices {
            description.branches[index].instrument = description.branches[index].instrument.completed
        }
        if let problem = description.problem {
            throw Diagnostic(url.path, problem: "the header describes no possible model: \(problem)")
        }
    }

    /// The aligned model with its weights, ready to read stars.
    public func model(on device: Device = .cpu) throws -> SpecCLIPModel {
        let model: SpecCLIPModel
        do {
            model = try catchingTorchErrors { Initializer.$isSkipped.withValue(true) { SpecCLIPModel(description) } }
        } catch {
            throw Diagnostic(url.path, problem: "this model cannot be made here: \(error)")
        }
        try load(model, part: "model")
        try model.to(device)
        model.evaluate()
        return model
    }

    /// The model that an addition belongs to.
    private static func model(_ text: String, of url: URL) throws -> URL {
        guard let base = try? JSONDecoder().decode(Base.self, from: Data(text.utf8)),
            base.file == URL(fileURLWithPath: base.file).lastPathComponent
        else {
            throw Diagnostic(url, field: additionEntry, problem: "names no model", remedy: "get the file anew")
        }
        let model = url.deletingLastPathComponent().appending(path: base.file)
        guard FileManager.default.fileExists(atPath: model.path) else {
            throw Diagnostic(
                url, problem: "is an addition to \(base.file), which does not lie beside it",
                remedy: "put both into one folder")
        }
        guard ContentHash.of(model) == base.content else {
            throw Diagnostic(
                url, problem: "is an addition to another version of \(base.file) than lies beside it",
                remedy: "get both anew")
        }
        return model
    }

    /// A part's own header entry.
    public func header(_ part: String) -> String? { addition?.metadata[part] ?? file.metadata[part] }

    /// What the header says of a part's modules, by the instrument's `embeddingKey`; none where the file has no such part.
    /// - Parameters:
    ///   - part: its name.
    ///   - problem: what to say of a header that cannot be read.
    ///   - remedy: what to do then.
    ///   - isPossible: whether what it says of a module makes sense.
    /// - Throws: `Diagnostic` for a header that cannot be read, or says what cannot be.
    package func modules<About: Decodable>(
        of part: String, problem: String = "cannot be read", remedy: String = "get the file anew",
        where isPossible: (About) -> Bool = { _ in true }
    ) throws -> [String: About] {
        guard let text = header(part) else { return [:] }
        guard let found = try? JSONDecoder().decode([String: About].self, from: Data(text.utf8)),
            found.values.allSatisfy(isPossible)
        else { throw Diagnostic(url, field: part, problem: problem, remedy: remedy) }
        return found
    }

    /// Loads the tensors of a part into a module, without copying what is mapped; names and shapes must agree.
    public func load(_ module: Module, part: String) throws {
        let state = try tensors(part)
        do {
            try module.load(state, strict: true, sharing: true)
        } catch {
            throw Diagnostic(url.path, problem: "\(error)")
        }
        // A damaged weight would turn every answer into NaN.
        for (name, tensor) in state where tensor.dtype.isFloatingPoint {
            guard tensor.isAllFinite else {
                throw Diagnostic(
                    url.path,
                    problem: "\(part).\(name) holds numbers that are not finite: the file is damaged; get it anew")
            }
        }
    }

    /// The tensors under a prefix, by their remaining names.
    public func tensors(_ part: String) throws -> [String: Tensor] {
        // A part is in one file as a whole, that of its header entry.
        let whole = String(part.prefix { $0 != "." })
        let holder = addition.flatMap { $0.metadata[whole] == nil ? nil : $0 } ?? file
        var found: [String: Tensor] = [:]
        for name in holder.names where name.hasPrefix(part + ".") {
            found[String(name.dropFirst(part.count + 1))] = try holder.tensor(name)
        }
        return found
    }

    /// Writes a part into a file of its own, an addition to the model, which must lie beside it to be read.
    public func write(addition part: ModelFilePart, to url: URL) throws {
        let base = Base(file: modelURL.lastPathComponent, content: ContentHash.of(modelURL))
        let text = try JSONText.encode(base, pretty: false)
        try SafetensorsFile.write(
            part.tensors.map { (part.name + "." + $0.0, $0.1) },
            metadata: [Self.additionEntry: text, part.name: part.header], to: url)
    }

    /// Writes what is added to the model once more, with another part in place of its own of that name: into a file of its own where this
    /// is an addition, else with the model.
    /// - Parameters:
    ///   - part: the part.
    ///   - dropped: names of parts that are left out: what they say does not hold beside this one.
    ///   - url: where to.
    public func write(adding part: ModelFilePart, without dropped: [String] = [], to url: URL) throws {
        guard let addition else { return try write(with: part, without: dropped, to: url) }
        try Self.write(
            (try addition.names.map { ($0, try addition.tensor($0)) }, addition.metadata), with: part, without: dropped,
            to: url)
    }

    /// Everything in both files: tensors by name, and header entries.
    private func contents() throws -> (tensors: [(String, Tensor)], metadata: [String: String]) {
        guard let addition else { return (try file.names.map { ($0, try file.tensor($0)) }, file.metadata) }
        var metadata = file.metadata.merging(addition.metadata) { $1 }
        metadata[Self.additionEntry] = nil
        let parts = Set(addition.metadata.keys)
        let kept = file.names.filter { name in !parts.contains { name.hasPrefix($0 + ".") } }
        return (
            try kept.map { ($0, try file.tensor($0)) } + addition.names.map { ($0, try addition.tensor($0)) }, metadata
        )
    }

    /// Writes a copy of this file with another part, in place of its own of that name, atomically.
    /// - Parameters:
    ///   - part: the part.
    ///   - dropped: names of parts that are left out.
    ///   - url: where to.
    public func write(with part: ModelFilePart, without dropped: [String] = [], to url: URL) throws {
        var contents = try contents()
        contents.metadata["specclip"] = try Self.header(description)
        try Self.write(contents, with: part, without: dropped, to: url)
    }

    /// Writes tensors and header entries with a part in place of their own of that name.
    private static func write(
        _ contents: (tensors: [(String, Tensor)], metadata: [String: String]), with part: ModelFilePart,
        without dropped: [String], to url: URL
    ) throws {
        let gone = dropped + [part.name]
        var metadata = contents.metadata.filter { !gone.contains($0.key) }
        metadata[part.name] = part.header
        let kept = contents.tensors.filter { tensor in !gone.contains { tensor.0.hasPrefix($0 + ".") } }
        try SafetensorsFile.write(
            kept + part.tensors.map { (part.name + "." + $0.0, $0.1) }, metadata: metadata, to: url)
    }

    /// Writes a copy of this file with its weights in another type, atomically: half precision halves the file, and is
    /// turned back into single precision when a model is made. Vectors (biases, means, scales) stay as they are: they weigh
    /// nothing, and the mean of log Teff in half precision is off by up to 10 K.
    public func write(as dtype: DType, to url: URL) throws {
        let (all, metadata) = try contents()
        // What is in double precision needs it.
        let tensors = all.map { name, tensor in
            let isWeight = tensor.dtype.isFloatingPoint && tensor.dtype != .float64 && tensor.rank > 1
            return (name, isWeight ? tensor.to(dtype) : tensor)
        }
        for (name, tensor) in tensors where tensor.dtype == dtype {
            // float16 ends at 65504.
            guard tensor.isAllFinite else {
                throw Diagnostic(
                    self.url.path, problem: "\(name) does not fit into \(dtype); use bfloat16 or float32")
            }
        }
        try SafetensorsFile.write(tensors, metadata: metadata, to: url)
    }

    /// The description as it stands in files of today's layout.
    private static func header(_ description: ModelDescription) throws -> String {
        var description = description
        description.format = ModelDescription.currentFormat
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(description), as: UTF8.self)
    }

    /// Writes a model, with the parts of other rooms, atomically.
    /// - Parameters:
    ///   - model: with its weights.
    ///   - provenance: how it was made, in place of what its description says.
    ///   - parts: what other rooms add to the file.
    ///   - url: the file.
    public static func write(
        _ model: SpecCLIPModel, provenance: [String: String]? = nil, parts: [ModelFilePart] = [], to url: URL
    ) throws {
        var description = model.descriptionOfModel
        if let provenance { description.provenance = provenance }
        var metadata = ["specclip": try header(description)]
        var tensors = model.stateDictionary().map { ("model." + $0.0, $0.1) }
        for part in parts {
            metadata[part.name] = part.header
            tensors += part.tensors.map { (part.name + "." + $0.0, $0.1) }
        }
        try SafetensorsFile.write(tensors, metadata: metadata, to: url)
    }
}

extension Tensor {
    /// Whether no number is NaN or infinite. By the extremes, which carry both on and need no copy; a sum would overflow
    /// in half precision, and call many sound numbers damaged.
    fileprivate var isAllFinite: Bool {
        count == 0 || (min().item().isFinite && max().item().isFinite)
    }
}

/// What another room adds to a model file.
public struct ModelFilePart {
    /// Header entry and prefix of the tensors.
    public let name: String
    /// JSON text.
    public let header: String
    /// Weights by their names within the part.
    public let tensors: [(String, Tensor)]

    /// A part of a model file.
    public init(name: String, header: String, tensors: [(String, Tensor)]) {
        self.name = name
        self.header = header
        self.tensors = tensors
    }

    /// A part whose header is made of what is known of its tensors.
    /// - Parameters:
    ///   - name: header entry and prefix of the tensors.
    ///   - about: becomes JSON text.
    ///   - tensors: weights by their names within the part.
    /// - Throws: the encoder's error, for numbers that are not finite.
    package init(name: String, about: some Encodable, tensors: [(String, Tensor)]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.init(name: name, header: String(decoding: try encoder.encode(about), as: UTF8.self), tensors: tensors)
    }

    /// A part of one module for each of several instruments. What networks weigh needs no more digits than half precision has; vectors
    /// keep theirs.
    /// - Parameters:
    ///   - name: header entry and prefix of the tensors.
    ///   - modules: with what is known of each, by the instrument's `embeddingKey`.
    package init<About: Encodable>(name: String, modules: [(key: String, about: About, module: Module)]) throws {
        try self.init(
            name: name, about: Dictionary(uniqueKeysWithValues: modules.map { ($0.key, $0.about) }),
            tensors: modules.flatMap { key, _, module in
                module.stateDictionary().map { name, tensor in
                    ("\(key).\(name)", tensor.rank > 1 ? tensor.to(.float16) : tensor)
                }
            })
    }
}
