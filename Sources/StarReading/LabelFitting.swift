import Datasets
import Foundation
import SpecCLIP
import Spectra
import Support
import Torch
import Training

/// Fits the label heads of an aligned model and writes the finished model file.
public struct LabelFitting {
    let context: StageContext

    /// A stage of the training that `context` describes.
    public init(context: StageContext) { self.context = context }

    /// The finished model: encoders, alignment, decoders, label heads.
    public var output: URL { context.folder.appending(path: "model.safetensors") }

    /// Fits one head after the other; interrupted, the same call goes on.
    @discardableResult
    public func run() throws -> Bool {
        let aligned = Alignment(context: context).output
        guard FileManager.default.fileExists(atPath: aligned.path) else {
            throw Diagnostic(
                aligned.path, problem: "the aligned model is missing; run `specclip align` first")
        }
        guard !context.configuration.labels.heads.isEmpty else {
            throw Diagnostic.invalid(
                path: "labels.heads", problem: "there are none to fit; add one for each instrument to read labels from")
        }
        let file = try ModelFile(contentsOf: aligned)
        let plans = try context.configuration.labels.heads.sorted { $0.key < $1.key }.map { name, configuration in
            try HeadPlan(name, configuration, instruments: file.description.instruments, context: context, to: output)
        }
        let isFinished = try plans.flatMap(\.runs).map { try $0.run.finished() != nil }
        if isFinished.allSatisfy(\.self) { return true }

        let model = try file.model(on: context.device)
        var fitted: [(key: String, head: Module, description: LabelHeadDescription)] = []
        var qualities: [String: QualityModel] = [:]
        for plan in plans {
            let key = plan.instrument.embeddingKey
            if let flow = plan.configuration.posterior {
                let fit = try PosteriorFit(plan, flow, model, context: context)
                guard try fit.run() else { return false }
                let finished = try fit.finished(model)
                fitted.append((key, fit.ensemble, finished.description))
                qualities[key] = finished.quality
            } else {
                let fit = try HeadFit(plan, model, context: context)
                guard try fit.run().isFinished else { return false }
                fitted.append((key, fit.head, try fit.calibrated()))
            }
        }
        try write(model, fitted, qualities)
        return true
    }

    private func write(
        _ model: SpecCLIPModel, _ fitted: [(key: String, head: Module, description: LabelHeadDescription)],
        _ qualities: [String: QualityModel]
    ) throws {
        let descriptions = Dictionary(uniqueKeysWithValues: fitted.map { ($0.key, $0.description) })
        let labels = try LabelHeadDescription.part(
            descriptions,
            tensors: fitted.flatMap { entry in
                entry.head.stateDictionary().map { (entry.key + "." + $0.0, $0.1) }
            })
        let parts = try [labels] + (qualities.isEmpty ? [] : [QualityModel.part(qualities)])
        try ModelFile.write(model, parts: parts, to: output)
    }
}

/// What is to be fitted: known before any spectrum is read.
struct HeadPlan {
    let instrument: Instrument
    let configuration: LabelHeadConfiguration
    let data: PairedDataSet
    /// The folds that the encoder was trained without, one by one; nil where it has seen all stars at once, or none.
    let folded: FoldedStars?
    /// What is trained: one head, or the flows of a posterior, those that ship first.
    let members: [Member]
    /// The training of each member; none where nothing is trained.
    let runs: [(folder: String, run: StageRun)]

    /// One of the networks of a head. Of an encoder that was cross-fitted, each does without a fold that it stops by, and those that
    /// tell of a further fold without that.
    struct Member {
        /// The fold of whose stars it tells how far off answers are; nil for one that ships.
        var judged: Int?
        /// The fold that it stops by; nil for the validation split.
        var stopping: Int?

        var suffix: String { judged.map { "-without-\($0)-\(stopping ?? 0)" } ?? "" }
    }

    /// - Parameter output: the model file that the training ends in; nil where nothing is trained.
    init(
        _ name: String, _ configuration: LabelHeadConfiguration, instruments: [Instrument], context: StageContext,
        to output: URL?
    ) throws {
        guard let instrument = instruments.first(where: { $0.name == name }) else {
            throw Diagnostic.unknownInstrument(name, known: instruments.map(\.name))
        }
        self.instrument = instrument
        self.configuration = configuration
        let data = try context.open(configuration.data)
        self.data = data
        let tuning = context.configuration.instruments[name]?.finetune.last
        let isCrossFitted =
            try tuning?.crossFit == true && configuration.posterior != nil
            && context.open(tuning?.data).url.standardizedFileURL == data.url.standardizedFileURL
        let folded = isCrossFitted ? try FoldedStars(data) : nil
        self.folded = folded
        members =
            folded.map { folded in
                folded.folds.map { Member(judged: nil, stopping: $0) }
                    + folded.folds.flatMap { judged in
                        folded.folds.filter { $0 != judged }.map { Member(judged: judged, stopping: $0) }
                    }
            } ?? Array(repeating: Member(), count: configuration.posterior == nil ? 1 : configuration.ensembleSize)
        guard let output else {
            runs = []
            return
        }
        let aligned = "aligned \(ContentHash.of(Alignment(context: context).output))"
        let encoders = (folded?.folds ?? []).map { fold in
            "encoder without \(fold) \(ContentHash.of(context.encoder(of: instrument, without: fold).file))"
        }
        let settings = [try settingsText(configuration), aligned] + encoders
        runs = members.enumerated().map { place, member in
            let number = place == 0 || member.judged != nil ? "" : "-\(place + 1)"
            let folder = Self.folder(name) + number + member.suffix
            return (folder, context.run(folder, settings: settings, data: data, output: output))
        }
    }

    private static func folder(_ name: String) -> String { "labels-\(name)" }

    /// Says whose stars and labels they were.
    func credit(_ description: inout LabelHeadDescription) throws {
        description.scale = configuration.scale
        // Of a library everybody knows which stars it has.
        if data.tier == Self.ownTier { description.stars = try data.sourceIDs(.train) }
    }

    /// The tier of what `specclip data stars` makes.
    private static let ownTier = "own-labels"

    /// Where the fit of this head reports to.
    func progress(_ context: StageContext) -> any ProgressSink { context.progress(Self.folder(instrument.name)) }

    /// A member's seed.
    func seed(_ member: Int, _ context: StageContext) -> UInt64 { context.configuration.seed &+ UInt64(member) }
}

/// The fit of one instrument's head on embeddings that are computed once.
private final class HeadFit {
    let head: LabelHead
    private var description: LabelHeadDescription
    private let plan: HeadPlan
    private let context: StageContext
    private let source: LabelTask.Source
    /// Stars that tell how far off the head is.
    private let calibrators: LabelledEmbeddings

    init(_ plan: HeadPlan, _ model: SpecCLIPModel, context: StageContext) throws {
        self.plan = plan
        self.context = context
        let (instrument, data, configuration) = (plan.instrument, plan.data, plan.configuration)
        let training = try LabelledEmbeddings(model, instrument, data, .train, names: configuration.names)
        let (mean, std) = try training.labelStatistics(minimumStars: 50, dataName: data.url.path)
        description = LabelHeadDescription(
            labels: configuration.names.map(StellarLabel.init(named:)), mean: mean, std: std,
            errorScale: mean.map { _ in 1 }, hidden: configuration.hidden, dropout: configuration.dropout,
            trainingStars: training.count, tier: data.tier)
        try plan.credit(&description)
        description.prior = try LabelPrior(
            fitting: zip(description.labels, training.labels).map { label, values in values.map(label.learned) },
            labels: description.labels, dataName: data.url.path)
        let validation = try LabelledEmbeddings(model, instrument, data, .validation, names: configuration.names)
        calibrators =
            data.calibrators == .validation
            ? validation : try LabelledEmbeddings(model, instrument, data, data.calibrators, names: configuration.names)
        source = LabelTask.Source(
            parts: [.training: training, .validation: validation], mean: mean, std: std, device: context.device)
        Generator.seed(context.configuration.seed)
        head = LabelHead(
            embedding: training.embeddings.shape[1], hidden: configuration.hidden, dropout: configuration.dropout,
            labels: configuration.names.count)
        head.embeddingMean.value = training.embeddings.mean(dims: [0], keepDims: false)
        head.embeddingStd.value = training.embeddings.std(dim: 0, unbiased: true, keepDims: false).clamp(min: 1e-6)
        try head.to(context.device)
    }

    /// Trains the head; the model file is written when all heads are done.
    func run() throws -> TrainingOutcome {
        let (folder, run) = plan.runs[0]
        let lock = try context.lock(folder)
        defer { lock.release() }
        return try run.train(LabelTask(head, source: source), options: plan.configuration.training) {}
    }

    /// The description with σ scaled on stars that were held out.
    func calibrated() throws -> LabelHeadDescription {
        let part = calibrators
        guard part.count > 0 else { return description }
        head.evaluate()
        let embeddings = try part.embeddings.to(context.device)
        let (mean, logSigma) = withoutGradient { head(embeddings) }
        guard let sigmas = logSigma?.exp().doubles() else { return description }
        let values = mean.doubles()
        let count = description.labels.count
        for i in 0..<count {
            let pulls = (0..<part.count).compactMap { star -> Double? in
                let target = part.labels[i][star]
                guard target.isFinite else { return nil }
                let at = star * count + i
                return abs((target - description.mean[i]) / description.std[i] - values[at]) / sigmas[at]
            }.sorted()
            guard pulls.count >= 20 else { continue }
            description.errorScale[i] = pulls[Int(0.6827 * Double(pulls.count - 1))]
        }
        return description
    }
}
