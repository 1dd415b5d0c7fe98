import Foundation
import OrderedBottleneck
import StarReading
import Torch

/// Labels as a quadratic function of the principal components of a spectrum, in the manner of The Cannon turned round (Ness
/// et al. 2015, ApJ 808, 16): what a network has to beat before its depth is worth anything.
///
/// Fluxes are asinh-scaled, which is linear for what is faint and logarithmic for what is bright; components are
/// asinh-scaled beyond three of their σ, since squares and products of wild stars would decide the fit; T_eff is fitted in its
/// logarithm. Each label uses the rows where it is known.
public struct QuadraticBaseline: Sendable {
    /// How the model is made.
    public struct Options: Sendable {
        /// Principal components; k of them give k (k + 3) / 2 features.
        public var components: Int
        /// Flux, in units of the normalised spectrum, at which asinh turns from linear to logarithmic; nil takes fluxes as
        /// they are, as suits spectra divided by their continuum.
        public var softening: Double?
        /// Where components are asinh-scaled, in units of their spread.
        public var limit: Double
        /// Repetitions of the fit in which far-off rows count less.
        public var rounds: Int

        /// Defaults that did best on the validation split of Gaia XP spectra.
        public init(components: Int = 60, softening: Double? = 1, limit: Double = 3, rounds: Int = 3) {
            self.components = components
            self.softening = softening
            self.limit = limit
            self.rounds = rounds
        }
    }

    private let options: Options
    private let components: PrincipalComponents
    /// Median and half the 16–84 % range of each component, `[k]`.
    private let centre: Tensor, inverseSpread: Tensor
    private let fits: [(isLogarithmic: Bool, ridge: RidgeRegression)]
    /// What is predicted.
    public let labels: [StellarLabel]

    /// Fits the model.
    /// - Parameters:
    ///   - rows: training spectra `[N, P]`, as a model sees them.
    ///   - labels: values per label, per row; NaN where unknown.
    ///   - names: which labels they are.
    ///   - validation: spectra and labels by which the penalty on the weights is chosen; none takes the smallest.
    public init(
        _ rows: Tensor, labels values: [[Double]], named names: [StellarLabel],
        validation: (rows: Tensor, labels: [[Double]])? = nil, options: Options = Options()
    ) {
        precondition(values.count == names.count && values.allSatisfy { $0.count == rows.shape[0] })
        self.options = options
        labels = names
        let scaled = Self.asinhScaled(rows, options)
        let components = PrincipalComponents(scaled, count: options.components)
        let coordinates = components.project(scaled)
        let sorted = coordinates.sort(dim: 0).values
        func row(_ share: Double) -> Tensor { sorted.select(0, Int(share * Double(rows.shape[0] - 1))) }
        let centre = row(0.5)
        let inverseSpread = ((row(0.8413) - row(0.1587)) * 0.5).clamp(min: 1e-9).reciprocal()
        let features = Self.features(coordinates, centre, inverseSpread, options.limit)
        let held = validation.map {
            Self.features(
                components.project(Self.asinhScaled($0.rows, options)), centre, inverseSpread, options.limit)
        }
        (self.components, self.centre, self.inverseSpread) = (components, centre, inverseSpread)
        fits = zip(names, values).enumerated().map { index, label in
            let isLogarithmic = label.0.name == "teff"
            func target(_ values: [Double]) -> [Double] {
                isLogarithmic ? values.map { $0 > 0 ? log10($0) : .nan } : values
            }
            let ridge = RidgeRegression(
                features, labels: target(label.1),
                validation: held.flatMap { held in validation.map { (held, target($0.labels[index])) } },
                fit: .robust(rounds: options.rounds))
            return (isLogarithmic, ridge)
        }
    }

    /// Labels of new rows `[M, P]`: per label, per row.
    public func predict(_ rows: Tensor) -> [[Double]] {
        let features = Self.features(
            components.project(Self.asinhScaled(rows, options)), centre, inverseSpread, options.limit)
        return fits.map { fit in
            let values = fit.ridge.predict(features)
            return fit.isLogarithmic ? values.map { pow(10, $0) } : values
        }
    }

    private static func asinhScaled(_ rows: Tensor, _ options: Options) -> Tensor {
        guard let softening = options.softening else { return rows }
        return (rows / softening).asinh()
    }

    /// Components, their squares and products, `[N, k (k + 3) / 2]`.
    private static func features(
        _ coordinates: Tensor, _ centre: Tensor, _ inverseSpread: Tensor, _ limit: Double
    ) -> Tensor {
        let z = ((coordinates - centre) * inverseSpread / limit).tanh() * limit
        let count = z.shape[1]
        let products = (0..<count).map { first in
            z.narrow(1, start: first, length: count - first) * z.narrow(1, start: first, length: 1)
        }
        return Tensor.cat([z] + products, dim: 1)
    }
}
