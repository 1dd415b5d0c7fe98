import Spectra
import Torch

/// Samples of the joint posterior of one star.
public struct StarSamples: Sendable {
    /// What is drawn.
    public let labels: [StellarLabel]
    /// Draws of each label in its unit, all as many; a draw is what stands at one place of all.
    public let draws: [[Float]]
}

extension StarReader {
    /// Calibrated samples of the joint posteriors of spectra, those that labels and errors of ``read(_:velocityFloor:)`` are
    /// taken from; of a model that tells labels as Gaussians, quantiles of these. Labels that somebody taught the model have none.
    /// - Parameter observations: one star each.
    /// - Returns: per observation, as many draws as the reader was made for.
    /// - Throws: `Diagnostic` where the model reads no labels of an instrument.
    public func samples(_ observations: [Observation]) throws -> [StarSamples] {
        try readings(observations).map { reading, row in
            let posterior = reading.posterior(of: row)
            return StarSamples(labels: posterior.labels, draws: posterior.columns(of: posterior.labels))
        }
    }
}
