import Foundation
import Torch

/// How probable data are, given what a decoder says of them. Subclass it for a likelihood of your own.
///
/// Data come with their features as the last dimension; all leading dimensions broadcast.
open class Likelihood: Module {
    /// - Parameters:
    ///   - x: data, `[…, features]`.
    ///   - decoded: the decoder's output, `[…, features]`.
    /// - Returns: log p(x | decoded), summed over the features, `[…]`; a constant may be left out.
    open func logDensity(of x: Tensor, given decoded: Tensor) -> Tensor {
        fatalError("a likelihood tells densities")
    }

    /// The expected data for a decoder's output, of the same shape.
    open func expectation(_ decoded: Tensor) -> Tensor { decoded }
}

/// Independent normal errors about the decoder's output.
public final class GaussianLikelihood: Likelihood {
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
    public override func logDensity(of x: Tensor, given decoded: Tensor) -> Tensor {
        let error = (x - decoded).square()
        guard let logVariance = logVariance?.value ?? known.flatMap({ try? $0.to(x.dtype).to(x.device) }) else {
            return error.sum(dims: [-1]) * -0.5
        }
        return (error * (-logVariance).exp() + logVariance).sum(dims: [-1]) * -0.5
    }
}

/// Pixels that are on or off (or in between: then a cross-entropy); the decoder gives logits.
public final class BernoulliLikelihood: Likelihood {
    /// x log p + (1 - x) log (1 - p), without overflow.
    public override func logDensity(of x: Tensor, given decoded: Tensor) -> Tensor {
        (x * decoded - decoded.softplus()).sum(dims: [-1])
    }

    /// Probabilities.
    public override func expectation(_ decoded: Tensor) -> Tensor { decoded.sigmoid() }
}
