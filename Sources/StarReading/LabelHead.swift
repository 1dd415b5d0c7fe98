import Foundation
import Posteriors
import SpecCLIP
import Support
import Torch

/// An MLP that reads labels, each as a Gaussian, from a standardised embedding (SpecCLIP §4; reference, section 11.2).
///
/// The published regressors give a value alone (`PublishedRegressor`); ours learn the width of the error with it and
/// scale that on the validation split, so that 68 % of the stars lie within one σ.
public final class LabelHead: Module {
    let network: Sequential
    let embeddingMean: Buffer
    let embeddingStd: Buffer
    private let givesErrors: Bool

    /// - Parameters:
    ///   - embedding: numbers it reads.
    ///   - hidden: widths of the hidden layers.
    ///   - labels: values it gives.
    ///   - givesErrors: whether it gives an error with each.
    package init(embedding: Int, hidden: [Int], dropout: Double, labels: Int, givesErrors: Bool = true) {
        var layers: [any Layer] = []
        var width = embedding
        for next in hidden {
            layers += [Linear(width, next), BatchNorm1d(next), ReLU(), Dropout(dropout)]
            width = next
        }
        network = Sequential(layers + [Linear(width, givesErrors ? 2 * labels : labels)])
        embeddingMean = Buffer(Tensor.zeros([embedding]))
        embeddingStd = Buffer(Tensor.ones([embedding]))
        self.givesErrors = givesErrors
        super.init()
    }

    /// - Parameter embedding: `[B, E]`.
    /// - Returns: mean and log σ in units of the training labels' spread, each `[B, labels]`; no σ from a head without
    ///   errors.
    package func callAsFunction(_ embedding: Tensor) -> (mean: Tensor, logSigma: Tensor?) {
        let values = network((embedding - embeddingMean.value) / embeddingStd.value)
        guard givesErrors else { return (values, nil) }
        let out = values.chunk(2, 1)
        // σ between 0.2 % and 20 times the spread: neither a certainty nor an infinity that training could fall into.
        return (out[0], out[1].clamp(min: -6, max: 3))
    }

    /// Mean negative log-likelihood over the labels that are present; without errors, half the mean square.
    /// - Parameters:
    ///   - targets: standardised labels, 0 where missing, `[B, labels]`.
    ///   - present: 1 where a label is known, 0 elsewhere.
    ///   - degreesOfFreedom: those of a Student distribution, in which a few bad labels count for little; nil is a Gaussian.
    func loss(
        _ embedding: Tensor, targets: Tensor, present: Tensor, degreesOfFreedom: Double? = nil
    ) -> Tensor {
        let (mean, sigma) = self(embedding)
        let logSigma = sigma ?? Tensor.zeros(like: mean)
        let squares = ((targets - mean) * (-logSigma).exp()).square()
        let misfit = degreesOfFreedom.map { (squares / $0 + 1).log() * (($0 + 1) / 2) } ?? squares * 0.5
        let each = (misfit + logSigma) * present
        return each.sum() / present.sum().clamp(min: 1)
    }
}

/// What a label head reads and in which units: stored beside its weights.
public struct LabelHeadDescription: Codable, Sendable, Hashable {
    /// What is read, in the order of the outputs.
    public var labels: [StellarLabel]
    /// Mean and spread of the training labels, per label.
    public var mean: [Double]
    /// Standard deviation of the training labels.
    public var std: [Double]
    /// Factor on σ that makes 68.3 % of the validation stars lie within one σ.
    public var errorScale: [Double]
    /// Widths of the hidden layers.
    public var hidden: [Int]
    /// Dropout probability while training.
    public var dropout: Double
    /// Stars it was trained on; nil where nobody has told.
    public var trainingStars: Int?
    /// Data tier of the training stars.
    public var tier: String
    /// Whose labels they were, such as `LASP`; nil where nobody has told.
    public var scale: String?
    /// Identifiers of the training stars, where they were somebody's own.
    public var stars: [String]?
    /// Whether it gives errors; nil, as in older files: it does.
    var errors: Bool?
    /// The flow of the joint posterior; nil for a head that gives each label as a Gaussian.
    public var posterior: FlowConfiguration?
    /// Flows that are read together; nil: one.
    public var members: Int?
    /// What makes the posterior honest, learned on the validation split.
    public var calibration: PosteriorCalibration?
    /// The density of the training labels; nil in files that were written before there was one.
    public var prior: LabelPrior?
    /// Per label, in its unit, between which values 99.8 % of the training labels lie.
    public var ranges: [ClosedRange<Double>]?

    /// A head; what is left out is not known of it.
    package init(
        labels: [StellarLabel], mean: [Double], std: [Double], errorScale: [Double], hidden: [Int], dropout: Double,
        trainingStars: Int?, tier: String, errors: Bool? = nil, posterior: FlowConfiguration? = nil,
        members: Int? = nil,
        ranges: [ClosedRange<Double>]? = nil
    ) {
        self.labels = labels
        self.mean = mean
        self.std = std
        self.errorScale = errorScale
        self.hidden = hidden
        self.dropout = dropout
        self.trainingStars = trainingStars
        self.tier = tier
        self.errors = errors
        self.posterior = posterior
        self.members = members
        self.ranges = ranges
    }

    /// Whether each value comes with an error. The published regressors give none.
    public var givesErrors: Bool { errors ?? true }

    /// Whether there is one mean, spread and error scale per label, and every width is one.
    var isConsistent: Bool {
        let count = labels.count
        return count > 0 && [mean.count, std.count, errorScale.count].allSatisfy { $0 == count }
            && hidden.allSatisfy { (1...(1 << 16)).contains($0) } && (0..<1).contains(dropout)
            && (1...1024).contains(members ?? 1) && ranges?.count ?? count == count
            && calibration?.isConsistent ?? true && isPriorConsistent
    }

    private var isPriorConsistent: Bool {
        prior.map { $0.isConsistent && $0.labels == labels.map(\.name) } ?? true
    }
}

extension LabelHeadDescription {
    /// The heads of a model file by name: the instrument's `embeddingKey` for one that we fitted, `key/label` for a
    /// published regressor; nil when there are none.
    package static func all(in file: ModelFile) throws -> [String: LabelHeadDescription]? {
        guard let text = file.header(LabelReader.part) else { return nil }
        let descriptions: [String: LabelHeadDescription]
        do {
            descriptions = try JSONDecoder().decode([String: LabelHeadDescription].self, from: Data(text.utf8))
        } catch {
            throw Diagnostic(file.url.path, problem: "the 'labels' entry of the header cannot be read")
        }
        for (name, description) in descriptions where !description.isConsistent {
            throw Diagnostic(
                file.url.path,
                problem: "the 'labels' entry of the header contradicts itself for \(name): the file is damaged; "
                    + "get it anew")
        }
        return descriptions
    }

    /// The instrument's key in the name of a head.
    static func embeddingKey(ofHead name: String) -> String { String(name.prefix { $0 != "/" }) }

    /// Writes these heads as the labels of a model file.
    package static func part(_ heads: [String: LabelHeadDescription], tensors: [(String, Tensor)]) throws
        -> ModelFilePart
    {
        try ModelFilePart(name: LabelReader.part, about: heads, tensors: tensors)
    }
}
