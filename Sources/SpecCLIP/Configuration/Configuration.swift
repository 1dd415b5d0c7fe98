import Foundation
import Instruments
import Simulation
import Spectra
import Support
import Training
import Yams

/// A whole training as one YAML file: instruments with their encoders, the alignment, the label heads.
///
/// Each stage reads its own section, so that one file tells how a model came to be. Unknown keys are errors.
public struct Configuration: Codable, Sendable {
    /// Name of the preset or project; the run folder's default name.
    public var name: String
    /// Fixes initial weights, order of rows, masks and dropout.
    public var seed: UInt64
    /// Numbers in the shared embedding.
    public var embedding: Int
    /// Numbers that each instrument keeps to itself, behind the shared ones; none when absent.
    public var privateEmbedding: Int?
    /// Data set with the pairs, unless a stage names its own; relative to the data folder.
    public var data: String
    /// One section per instrument, by its name.
    public var instruments: [String: InstrumentConfiguration]
    /// How instruments are aligned.
    public var align: AlignConfiguration
    /// The label heads.
    public var labels: LabelsConfiguration

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, seed, embedding, privateEmbedding, data, instruments, align, labels
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        name = try fields(.name, default: "model")
        seed = try fields(.seed, default: 42)
        embedding = try fields(.embedding, default: 768)
        privateEmbedding = try fields(.privateEmbedding, default: nil)
        data = try fields(.data, default: "pairs.h5")
        instruments = try fields.required(.instruments)
        align = try fields(.align, default: AlignConfiguration())
        labels = try fields(.labels, default: LabelsConfiguration())
    }

    /// Reads YAML text. With `extends: small` it says only what differs from that preset.
    /// - Parameters:
    ///   - yaml: the text.
    ///   - source: the file's name, for the error line.
    public init(yaml: String, source: String) throws {
        self = try decodeYAML(Configuration.self, PresetExtension.completed(yaml, source: source), source: source)
        try check(source)
    }

    /// A preset by name, or the YAML file at a path.
    public init(named nameOrPath: String) throws {
        if let preset = Preset(rawValue: nameOrPath) {
            self = try Configuration(yaml: preset.yaml, source: "preset \(nameOrPath)")
            return
        }
        let url = URL(fileURLWithPath: nameOrPath)
        guard let text = try? String(contentsOf: url, encoding: .utf8) else {
            throw Diagnostic(
                nameOrPath, problem: "no such file; give a YAML file or one of the presets \(Preset.names)")
        }
        self = try Configuration(yaml: text, source: nameOrPath)
    }

    /// The instruments, built-in or defined in the file, in the order of their names.
    public func resolvedInstruments() throws -> [(instrument: Instrument, configuration: InstrumentConfiguration)] {
        try instruments.sorted { $0.key < $1.key }.map { name, configuration in
            (try configuration.definition(of: name) ?? Instrument.named(name), configuration)
        }
    }

    /// The instrument of a name, or all of them where none is named.
    /// - Throws: `Diagnostic`, naming those the configuration has.
    public func resolvedInstruments(
        named name: String?
    ) throws -> [(instrument: Instrument, configuration: InstrumentConfiguration)] {
        let all = try resolvedInstruments()
        guard let name else { return all }
        let found = all.filter { $0.instrument.name == name }
        guard !found.isEmpty else { throw Diagnostic.unknownInstrument(name, known: all.map(\.instrument.name)) }
        return found
    }

    /// The model that the alignment makes; decoders that its objective does not train are left out.
    public func alignedModel(provenance: [String: String] = [:]) throws -> ModelDescription {
        let objective = align.objective
        let branches = try resolvedInstruments().map { instrument, part in
            BranchDescription(
                instrument: instrument, encoder: part.encoder, projection: part.projection,
                decoder: objective.reconstruction > 0 ? part.decoder : nil,
                crossDecoder: objective.prediction > 0 ? part.crossDecoder : nil, reconstruction: part.reconstruction)
        }
        return ModelDescription(
            embedding: embedding, privateEmbedding: privateEmbedding, branches: branches, provenance: provenance)
    }

    /// Names and sizes that only make sense together.
    private func check(_ source: String) throws {
        let known = Instrument.known.map(\.name)
        for (name, part) in instruments where part.definition == nil && !known.contains(name) {
            let remedy = nearest(to: name, among: known).map { "did you mean '\($0)'?" } ?? "give its `definition`"
            throw Diagnostic(source, problem: "instruments.\(name): no such instrument; \(remedy)")
        }
        for (instrument, part) in try resolvedInstruments() {
            let sections = [("pretrain", part.pretrain.augment)] + part.finetune.map { ("finetune", $0.augment) }
            if let (section, augment) = sections.first(where: { $1?.observing != nil || $1?.velocity ?? 0 > 0 }),
                let problem = ObservingConditions.problem(observing: instrument)
            {
                let part = augment?.observing != nil ? "observing" : "velocity"
                throw Diagnostic(
                    source, problem: "instruments.\(instrument.name).\(section).augment.\(part): \(problem)")
            }
        }
        try checkAlignment(source)
        for name in labels.heads.keys where instruments[name] == nil {
            throw Diagnostic(
                source,
                problem:
                    "labels.heads.\(name): no such instrument; known are \(instruments.keys.sorted().joined(separator: ", "))"
            )
        }
    }

    /// What alignment makes and whether its objective can train that.
    private func checkAlignment(_ source: String) throws {
        let model = try alignedModel()
        if let problem = model.problem ?? align.objective.problem(aligning: model) {
            throw Diagnostic(source, problem: problem)
        }
    }

    /// Aligns with another objective, as though its name stood in the configuration: weights given there stay.
    /// - Parameters:
    ///   - kind: the objective.
    ///   - source: the configuration's name, for the error line.
    /// - Throws: `Diagnostic` when the model lacks what this objective needs.
    public mutating func replaceObjective(with kind: AlignmentObjective.Kind, source: String) throws {
        align.objective = align.objective.replacingKind(kind)
        try checkAlignment(source)
    }

    /// Makes every stage use one data set.
    public mutating func replaceData(with path: String) {
        data = path
        align.data = nil
        for name in instruments.keys {
            instruments[name]?.pretrain.data = nil
            for index in instruments[name]?.finetune.indices ?? 0..<0 { instruments[name]?.finetune[index].data = nil }
        }
        for name in labels.heads.keys { labels.heads[name]?.data = nil }
    }

    /// A short training on one data set, for demonstrations and tests: half a minute on two cores for the tiny preset.
    ///
    /// Batches become small: within the same time, many steps that see little teach more than few that see much.
    /// Encoders that cost more per spectrum get fewer (`EncoderSizes.cost`): a transformer a sixth.
    public mutating func shorten(to data: String, steps: Int = 400, batch: Int = 64) {
        replaceData(with: data)
        func short(_ options: TrainingOptions, share: Int = 1) -> TrainingOptions {
            var options = options
            let steps = options.limit(steps: steps / share)
            options.batch = min(options.batch, share == 1 ? batch : batch / 2)
            options.warmup = min(options.warmup, steps / 20)
            options.validateEvery = min(options.validateEvery ?? .max, max(1, steps / 3))
            return options
        }
        align.training = short(align.training)
        for (name, var part) in instruments {
            let cost = part.encoder.sizes.cost
            part.pretrain.training = short(part.pretrain.training, share: cost)
            for index in part.finetune.indices {
                part.finetune[index].training = short(part.finetune[index].training, share: cost)
            }
            instruments[name] = part
        }
        for (name, var head) in labels.heads {
            head.training = short(head.training)
            labels.heads[name] = head
        }
    }

    static func explain(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context):
            return "'\(path(context)).\(key.stringValue)' is missing; give it a value"
        case .typeMismatch(let type, let context): return "\(path(context)): expected \(type); check the value"
        case .valueNotFound(let type, let context): return "\(path(context)): expected \(type), found nothing"
        case .dataCorrupted(let context) where context.codingPath.isEmpty:
            return "not valid YAML: \(context.underlyingError.map { "\($0)" } ?? context.debugDescription)"
                .split(separator: "\n").joined(separator: " ")
        case .dataCorrupted(let context): return "\(path(context)): \(context.debugDescription)"
        @unknown default: return "\(error)"
        }
    }
}

/// The configurations that come with the program.
public enum Preset: String, CaseIterable, Sendable {
    /// Minutes on two cores: what the demo trains.
    case tiny
    /// An hour or two on a CPU, minutes on a GPU: the model that comes with the program.
    case small
    /// The same without the labels of a survey.
    case smallMILES = "small-miles"
    /// The published sizes and schedules of the unified model, clip-pr.
    case paper
    /// The published sizes and schedules of the model with shared and private embeddings, clip-split.
    case paperSplit = "paper-split"
    /// A quarter of an hour on two cores: four instruments, from stars of which each was seen by some.
    case four

    /// All of them, for people.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// The YAML text.
    public var yaml: String {
        switch self {
        case .tiny: String(decoding: PackageResources.tiny_yaml, as: UTF8.self)
        case .small: String(decoding: PackageResources.small_yaml, as: UTF8.self)
        case .smallMILES: String(decoding: PackageResources.small_miles_yaml, as: UTF8.self)
        case .paper: String(decoding: PackageResources.paper_yaml, as: UTF8.self)
        case .paperSplit: String(decoding: PackageResources.paper_split_yaml, as: UTF8.self)
        case .four: String(decoding: PackageResources.four_yaml, as: UTF8.self)
        }
    }
}

/// Reads a configuration of any kind from YAML text.
/// - Parameters:
///   - type: what to read.
///   - text: the YAML text.
///   - source: the file's name, for the error line.
/// - Throws: `Diagnostic` naming source, field and remedy.
public func decodeYAML<Value: Decodable>(_ type: Value.Type, _ text: String, source: String) throws -> Value {
    do {
        return try FormerNames.collecting { try YAMLDecoder().decode(type, from: text) }
    } catch let error as Diagnostic {
        throw Diagnostic(source, problem: "\(error)")
    } catch let DecodingError.dataCorrupted(context) where context.underlyingError is Diagnostic {
        throw Diagnostic(source, problem: context.underlyingError.map { "\($0)" } ?? "")
    } catch let error as DecodingError {
        throw Diagnostic(source, problem: Configuration.explain(error))
    } catch {
        throw Diagnostic(source, problem: "not valid YAML: \(error)")
    }
}
