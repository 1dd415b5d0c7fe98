import Support
import Torch

/// The dimension of a data set as an ordered bottleneck sees it, beside what others say of the same rows.
public struct DimensionReport: Codable, Sendable {
    /// The likelihood-ratio test.
    public var ordered: IntrinsicDimension
    /// Principal components.
    public var pca: Components
    /// TwoNN (Facco et al. 2017) and maximum likelihood over 20 neighbours (Levina & Bickel 2005).
    public var twoNN: Double
    /// See `twoNN`.
    public var maximumLikelihood: Double
    /// Ordinary auto-encoders, one per width, where they were trained.
    public var separate: [Separate]
    /// Which rows were judged.
    public var data: String

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
    public init(
        models: [OrderedModel], test: Tensor, reference: Tensor?, data: String,
        statistic: IntrinsicDimension.Statistic = .wilks, separate: [Separate] = []
    ) throws {
        guard let first = models.first else { throw BottleneckError.data(data, problem: "no model to judge it with") }
        for model in models { try model.check(test, data: data) }
        let scaled = first.scaled(test)
        let variance = scaled.totalVariance
        guard variance > 0 else {
            throw BottleneckError.data(data, problem: "all rows are equal: there is nothing to count; give other data")
        }
        ordered = try catchingTorchErrors {
            IntrinsicDimension(
                errors: models.map { model in
                    // Each model scales in its own way; the errors are brought to one unit.
                    model.squaredErrors(test) * (variance / model.scaled(test).totalVariance)
                }, variance: variance, statistic: statistic)
        }
        pca = Components(
            reference: first.scaled(reference ?? test), test: scaled, width: first.width, variance: variance)
        let sample = (0..<Int64(test.size(0))).evenlySampled(4000)
        let neighbours = NeighbourDimension(test.indexSelect(0, Tensor(sample, shape: [sample.count])))
        (twoNN, maximumLikelihood) = (neighbours.twoNN, neighbours.maximumLikelihood)
        self.separate = separate
        self.data = data
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
    /// - Throws: `BottleneckError.features` when rows are not of the shape the model was trained on.
    public func check(_ rows: Tensor, data: String) throws {
        let (found, expected) = (rows.shape.dropFirst().reduce(1, *), description.shape.reduce(1, *))
        guard found == expected else { throw BottleneckError.features(found: found, expected: expected, data: data) }
    }
}
