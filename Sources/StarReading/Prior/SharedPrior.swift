import Foundation

/// What makes one prior of two, for labels that two posteriors share.
///
/// Posteriors are likelihoods times priors, p₁ = L₁π₁ and p₂ = L₂π₂. The star's prior counts once: L₁L₂π = p₁p₂ · π/(π₁π₂). For
/// π both populations are as likely: π = (π₁ + π₂)/2, and the factor is (1/π₁ + 1/π₂)/2. Where the prior of one is not known,
/// π is that one, and the factor is 1 over the other.
struct SharedPrior {
    private let labels: [StellarLabel]
    private let priors: [LabelPrior.Marginal]

    /// - Parameter labels: what both posteriors tell.
    /// - Returns: nil where neither prior is known, so that posteriors can only be multiplied as they are.
    init?(_ first: LabelPrior?, _ second: LabelPrior?, labels: [StellarLabel]) {
        self.labels = labels
        priors = [first, second].compactMap { $0?.marginal(over: labels) }
        guard !priors.isEmpty else { return nil }
    }

    /// π/(π₁π₂) at some draws, per unit of the labels, up to a common factor; 0 where a draw is no possible value.
    /// - Parameter draws: by label, in the labels' units.
    func factors(at draws: [[Float]]) -> [Double] {
        let densities = priors.map { prior in
            prior.logDensity(zip(labels, draws).map { label, column in column.map { label.learned(Double($0)) } })
        }
        // Densities of draws are per unit of the label; those of priors become so by the slope.
        let curved = zip(labels, draws).filter { $0.0.isLogarithmic }
        let factors = draws[0].indices.map { draw in
            var factor = -densities[0][draw]
            for other in densities.dropFirst() {
                let (low, high) = (min(factor, -other[draw]), max(factor, -other[draw]))
                factor = high + log1p(exp(low - high))
            }
            for (label, column) in curved { factor -= log(label.slope(at: Double(column[draw]))) }
            return factor
        }
        let largest = factors.filter(\.isFinite).max() ?? 0
        return factors.map { $0.isFinite ? exp($0 - largest) : 0 }
    }
}
