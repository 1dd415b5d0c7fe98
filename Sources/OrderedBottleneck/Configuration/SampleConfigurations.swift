extension BottleneckConfiguration {
    /// The S-curve of the paper: dense 3-64-64-4. The rate is higher than published and falls along a cosine, which
    /// reaches the published loss in a fraction of the epochs.
    public static func sCurve(seed: UInt64 = 42) -> Self {
        Self(
            width: 4, network: .dense(hidden: [64, 64], activation: .relu), seed: seed,
            training: EpochTraining(epochs: 120, learningRate: 2e-3, finalLearningRate: 1e-5))
    }

    /// Images of disks as in the paper: convolutions 1-12-24-48, then 768-256-128-K. Each image is decoded at five widths
    /// a step instead of all, which costs a third and, epoch for epoch, no loss (docs/iob-results.md).
    public static func disks(_ count: Int, seed: UInt64 = 42) -> Self {
        Self(
            width: max(16, 4 * count),
            network: .convolutional(channels: [12, 24, 48], hidden: [256, 128], activation: .relu),
            objective: .linear(weights: nil, widthsPerRow: 5), seed: seed,
            training: EpochTraining(epochs: 150, learningRate: 1e-3, finalLearningRate: 1e-5))
    }
}
