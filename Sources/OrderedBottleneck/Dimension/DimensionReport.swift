import Support
import Torch

/// The dimension of a data set as an ordered bottleneck sees it, beside what others say of the same rows.
public struct DimensionReport: Codable, Sendable {
    /// What the latents of the ordered bottleneck tell.
    public var ordered: IntrinsicDimension
    /// What the noise is that latents are compared with.
    public var noise: Noise
    /// Principal components.
    public var pca: Components
    /// TwoNN (Facco et al. 2017) and maximum likelihood over 20 neighbours (Levina & Bickel 2005).
    public var twoNN: Double?
    /// Why there is none; nil where there is one.
    public var twoNNProblem: String?
    /// See `twoNN`.
    public var maximumLikelihood: Double
    /// Ordinary auto-encoders, one per width, where they were trained.
    public var separate: [Separate]
    /// Which rows were judged.
    public var data: String

    /// Where the noise comes from.
    public enum NoiseSource {
        /// The residual variance at full width.
        case residual
        /// The standard deviation of every number, in the units of the data.
        case standardDeviation(Double)
        /// The inverse variance of every number of the test rows, `[N, …]`, and what it is called.
        case inverseVariance(Tensor, name: String)
    }

    /// The noise in words and numbers.
    public struct Noise: Codable, Sendable {
        /// `residual`, `given`, or the name of the inverse variances.
        public var source: String
        /// Standard deviation per number in the units of the data (rms over the features); `nil` where each has its own, or
        /// where no dimension is left to tell it by.
        public var sigma: Double?
    }

    /// What principal components say.
    public struct Components: Codable, Sendable {
        /// Components that explain 95 and 99 % of the variance.
        public var for95: Int
        /// See `for95`.
        public var for99: Int
        /// Squared error at the widths 0 … K, in units of the total variance.
        public var errors: [Double]
    }

    /// An ordinary auto-encoder of one width.
    public struct Separate: Codable, Sendable {
        /// Number of latents.
        public var width: Int
        /// Squared error in units of the total variance.
        public var error: Double

        /// The error of one auto-encoder.
        public init(width: Int, error: Double) {
            self.width = width
            self.error = error
        }
    }

    /// Judges models on rows they have not seen.
    /// - Parameters:
    ///   - models: trained on the same data, with other seeds; at least one.
    ///   - test: held-out rows, in their own units.
    ///   - reference: rows that principal components are found on; `nil` takes the test rows themselves.
    ///   - data: rows of the kind that the models were trained on.
    ///   - noise: what the latents' gains are compared with under the statistic `noise`.
    ///   - statistic: what is counted against.
    ///   - separate: rows that neither training nor validation has seen; nil takes the held-out ones.
    /// - Throws: `Diagnostic` for rows of another shape, rows that are all equal, and noise that does not fit them.
    public init(
        models: [OrderedModel], test: Tensor, reference: Tensor?, data: String, noise: NoiseSource = .residual,
        statistic: IntrinsicDimension.Statistic = .noise, separate: [Separate] = []
    ) throws {
        guard let first = models.first else { throw Diagnostic(data, problem: "no model to judge it with") }
        for model in models { try model.check(test, data: data) }
        let scaled = first.scaled(test)
        let variance = scaled.totalVariance
        guard variance > 0 else {
            throw Diagnostic(data, problem: "all rows are equal: there is nothing to count; give other data")
        }
        let inverseVariance = try noise.inverseVariance(test, data: data)
        ordered = try catchingTorchErrors {
            IntrinsicDimension(
                errors: models.map { model in
                    // Each model scales in its own way; the errors are brought to one unit.
                    model.squaredErrors(test) * (variance / model.scaled(test).totalVariance)
                }, variance: variance, features: scaled.varyingFeatures,
                chiSquares: inverseVariance.map { weights in
                    models.map { $0.chiSquares(test, inverseVariance: weights) }
                }, statistic: statistic)
        }
        let unit = first.scale.square().mean().item()
        self.noise = noise.described(residual: ordered.residual.map { ($0 * variance * unit).squareRoot() })
        pca = Components(
            reference: first.scaled(reference ?? test), test: scaled, width: first.width, variance: variance)
        let sample = (0..<Int64(test.size(0))).evenlySampled(4000)
        let neighbours = NeighbourDimension(test.indexSelect(0, Tensor(sample, shape: [sample.count])))
        (twoNN, maximumLikelihood) = (neighbours.twoNN, neighbours.maximumLikelihood)
        twoNNProblem = neighbours.problem
        self.separate = separate
        self.data = data
    }
}

extension DimensionReport.NoiseSource {
    /// Of every number of the test rows, in the units of the data; `nil` where it is to be estimated.
    fileprivate func inverseVariance(_ test: Tensor, data: String) throws -> Tensor? {
        let features = test.count / max(1, test.size(0))
        switch self {
        case .residual: return nil
        case .standardDeviation(let sigma):
            guard sigma > 0, sigma.isFinite else {
                throw Diagnostic(data, problem: "a noise of \(sigma) is none; give a number above 0")
            }
            return Tensor.ones([1, features]) / (sigma * sigma)
        case .inverseVariance(let weights, let name):
            guard weights.size(0) == test.size(0), weights.count == test.count else {
                throw Diagnostic(
                    name, problem: "\(weights.shape) inverse variances for \(test.shape) numbers; give one for each")
            }
            guard weights.max().item() > 0 else {
                throw Diagnostic(name, problem: "no inverse variance is above 0; name another array")
            }
            return weights
        }
    }

    fileprivate func described(residual: Double?) -> DimensionReport.Noise {
        switch self {
        case .residual: .init(source: "residual", sigma: residual)
        case .standardDeviation(let sigma): .init(source: "given", sigma: sigma)
        case .inverseVariance(_, let name): .init(source: name, sigma: nil)
        }
    }
}

extension Tensor {
    /// How many numbers of a row are not the same in all rows.
    fileprivate var varyingFeatures: Int {
        let flat = reshaped([size(0), -1])
        return flat.size(1) - (flat.max(dims: [0]) - flat.min(dims: [0])).eq(0).bools().count { $0 }
    }
}

extension DimensionReport.Components {
    init(reference: Tensor, test: Tensor, width: Int, variance: Double) {
        let rows = reference.reshaped([reference.size(0), -1])
        let features = rows.size(1)
        let components = PrincipalComponents(rows, count: features)
        let flat = test.reshaped([test.size(0), -1])
        errors = (0...width).map { components.squaredErrors(flat, width: min($0, features)) / variance }
        let shares = components.variances
        let total = shares.reduce(0, +)
        func needed(_ share: Double) -> Int {
            var sum = 0.0
            return
                (shares.firstIndex { value in
                    sum += value
                    return sum >= share * total
                } ?? features - 1) + 1
        }
        (for95, for99) = (needed(0.95), needed(0.99))
    }
}

extension OrderedModel {
    /// - Throws: `Diagnostic` when rows are not of the shape the model was trained on.
    public func check(_ rows: Tensor, data: String) throws {
        let (found, expected) = (rows.shape.dropFirst().reduce(1, *), description.shape.reduce(1, *))
        guard found == expected else {
            throw Diagnostic(
                data, problem: "\(found) features per row, but the model was trained on \(expected)",
                remedy: "give data of the same kind")
        }
    }
}
