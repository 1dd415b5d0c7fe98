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
        let values = zip(labels, draws).map { label, column in column.map { label.learned(Double($0)) } }
        // Densities of draws are per unit of the label; those of priors become so by the slope.
        let slopes = draws[0].indices.map { draw in
            zip(labels, draws).reduce(0) { $0 + log($1.0.slope(at: Double($1.1[draw]))) }
        }
        let densities = priors.map { $0.logDensity(values) }
        let factors = slopes.indices.map { draw in
            let inverse = densities.map { -$0[draw] }
            let largest = inverse.max() ?? 0
            return largest + log(inverse.reduce(0) { $0 + exp($1 - largest) }) - slopes[draw]
        }
        let largest = factors.filter(\.isFinite).max() ?? 0
        return factors.map { $0.isFinite ? exp($0 - largest) : 0 }
    }
}
