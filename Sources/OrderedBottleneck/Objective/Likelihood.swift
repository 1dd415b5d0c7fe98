import Foundation
import Support
import Torch

/// How probable data are, given what a decoder says of them.
///
/// Data come with their features as the last dimension; all leading dimensions broadcast.
public protocol Likelihood: Module {
    /// - Parameters:
    ///   - x: data, `[…, features]`.
    ///   - decoded: the decoder's output, `[…, features]`.
    /// - Returns: log p(x | decoded), summed over the features, `[…]`; a constant may be left out.
    func logDensity(of x: Tensor, given decoded: Tensor) -> Tensor

    /// The expected data for a decoder's output, of the same shape; that output itself by default.
    func expectation(_ decoded: Tensor) -> Tensor
}

extension Likelihood {
    /// The decoder's output itself.
    public func expectation(_ decoded: Tensor) -> Tensor { decoded }
}

/// Independent normal errors about the decoder's output.
public final class GaussianLikelihood: Module, Likelihood {
    /// Where the variance comes from.
    public enum Variance: Sendable, Hashable {
        /// One known number.
        case fixed(Double)
        /// Known for every feature.
        case perFeature([Double])
        /// Learned with the rest: one number (`features: 1`), or one per feature.
        case learned(features: Int)
    }

    /// Natural logarithm of the learned variances; `nil` where they are known.
    public let logVariance: Parameter?
    /// Natural logarithm of the known variances, `[1]` or `[features]`; `nil` where they are learned or 1.
    private let known: Tensor?

    /// - Parameter variance: where the variance comes from; must be above 0.
    public init(_ variance: Variance = .fixed(1)) {
        switch variance {
        case .fixed(1): (logVariance, known) = (nil, nil)
        case .fixed(let value): (logVariance, known) = (nil, Tensor([Float(log(value))]))
        case .perFeature(let values): (logVariance, known) = (nil, Tensor(values.map { Float(log($0)) }))
        case .learned(let features): (logVariance, known) = (Parameter(.zeros([features])), nil)
        }
        super.init()
    }

    /// -½ Σ (error² / variance + log variance), without the constant -½ log 2π of every feature: so a unit variance makes
    /// twice its negative the squared error.
    public func logDensity(of x: Tensor, given decoded: Tensor) -> Tensor {
        let error = (x - decoded).square()
        guard let logVariance = logVariance?.value ?? known.flatMap({ try? $0.to(x.dtype).to(x.device) }) else {
            return error.sum(dims: [-1]) * -0.5
        }
        return (error * (-logVariance).exp() + logVariance).sum(dims: [-1]) * -0.5
    }
}

/// Pixels that are on or off (or in between: then a cross-entropy); the decoder gives logits.
public final class BernoulliLikelihood: Module, Likelihood {
    /// x log p + (1 - x) log (1 - p), without overflow.
    public func logDensity(of x: Tensor, given decoded: Tensor) -> Tensor {
        (x * decoded - decoded.softplus()).sum(dims: [-1])
    }

    /// Probabilities.
    public func expectation(_ decoded: Tensor) -> Tensor { decoded.sigmoid() }
}

/// Which likelihood an ordered auto-encoder maximises.
public struct LikelihoodConfiguration: Codable, Sendable, Hashable {
    /// The families that come with the library; users of the library bring their own by subclassing `Likelihood`.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// A known variance.
        case gaussian
        /// One variance, learned.
        case learned
        /// A variance per feature, learned.
        case learnedPerFeature = "learned-per-feature"
        /// On or off.
        case bernoulli
    }

    /// The family.
    public var kind: Kind
    /// The known variance (gaussian only), in scaled units.
    public var variance: Double

    enum CodingKeys: String, CodingKey, CaseIterable { case kind, variance }

    /// A likelihood of a family.
    public init(kind: Kind = .gaussian, variance: Double = 1) {
        self.kind = kind
        self.variance = variance
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        kind = try fields(.kind, default: .gaussian)
        variance = try fields(.variance, default: 1)
    }

    var problem: String? { variance > 0 && variance.isFinite ? nil : "variance: \(variance); give a number above 0" }

    /// - Parameter features: numbers per row.
    func makeLikelihood(features: Int) -> any Likelihood {
        switch kind {
        case .gaussian: GaussianLikelihood(.fixed(variance))
        case .learned: GaussianLikelihood(.learned(features: 1))
        case .learnedPerFeature: GaussianLikelihood(.learned(features: features))
        case .bernoulli: BernoulliLikelihood()
        }
    }
}
