import Evaluation
import Figures
import Portraits
import StarReading

extension CoverageFigure {
    /// The coverage of each label's central intervals and of joint regions.
    /// - Parameter joint: such as `Credibility.randomPoints`; each with its bootstrap band.
    init(title: String, tier: String, _ checks: [PosteriorCheck], joint: [Credibility] = []) {
        let labels = checks.map { check in
            let curve = check.credibility.coverage()
            return Curve(
                name: check.label.plotted, expected: curve.expected, observed: curve.observed, stars: curve.stars)
        }
        let joints = joint.map { credibility in
            let curve = credibility.coverage()
            return Curve(
                name: PlotText(credibility.name), expected: curve.expected, observed: curve.observed,
                stars: curve.stars, band: credibility.bootstrapBand(at: curve.expected), isJoint: true)
        }
        self.init(title: title, tier: tier, curves: labels + joints)
    }
}

extension RankFigure {
    /// The ranks of each label's truths, with those of other posteriors, such as the uncalibrated, as a line.
    init(title: String, tier: String, _ checks: [PosteriorCheck], compared: [PosteriorCheck]? = nil, bins: Int = 20) {
        let others = Dictionary((compared ?? []).map { ($0.label.name, $0) }) { $1 }
        self.init(
            title: title, tier: tier,
            histograms: checks.map { check in
                Histogram(
                    symbol: check.label.plotted, counts: check.rankHistogram(bins: bins),
                    probability: check.uniformity(bins: bins).distanceProbability,
                    compared: others[check.label.name]?.rankHistogram(bins: bins))
            })
    }
}

extension ResidualFigure {
    /// Residuals of posterior medians against the true labels and, where it is known, S/N.
    init(title: String, tier: String, _ checks: [PosteriorCheck], snr: [Double]? = nil) {
        let labels = checks.map { check in
            // From M dwarfs to B stars, linear temperatures would press most stars into a corner.
            let known = check.truth.filter { $0.isFinite }
            let isWide = check.label.name == "teff" && (known.max() ?? 1) > 3 * (known.min() ?? 1)
            return Quantity(
                symbol: check.label.plotted, unit: check.label.unit, values: check.truth, isLogarithmic: isWide)
        }
        let quality = snr.map { [Quantity(symbol: "S/N", values: $0, isLogarithmic: true)] } ?? []
        self.init(
            title: title, tier: tier,
            residuals: checks.map { Residual(symbol: $0.label.plotted, unit: $0.label.unit, values: $0.residuals) },
            quantities: labels + quality)
    }
}

extension CornerFigure {
    /// The joint posterior of one star of the samples.
    /// - Parameter truth: per label; NaN where unknown.
    init(title: String, tier: String, _ samples: PosteriorSamples, star: Int, truth: [Double]? = nil) {
        self.init(
            title: title, tier: tier,
            quantities: samples.labels.enumerated().map { index, label in
                Quantity(
                    symbol: label.plotted, unit: label.unit,
                    draws: samples.draws(ofStar: star, label: index).map(Double.init),
                    truth: truth.flatMap { $0[index].isFinite ? $0[index] : nil })
            })
    }
}
