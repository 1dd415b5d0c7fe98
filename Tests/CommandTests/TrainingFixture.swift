import Foundation
import LearnedResults
import Simulation
import TestFiles

/// A small data set and a configuration that trains every stage on it within seconds.
struct TrainingFixture {
    let folder: TemporaryFolder
    var configuration: String { folder.path("small.yaml") }
    var data: String { folder.path("pairs.h5") }

    init(count: Int = 120) throws {
        folder = try TemporaryFolder()
        try PairMaker(.procedural, options: PairOptions(limit: count)).write(to: URL(fileURLWithPath: data))
        try write(Self.yaml())
    }

    func write(_ yaml: String) throws { try yaml.write(toFile: configuration, atomically: true, encoding: .utf8) }

    /// The arguments of a stage in a run folder. One thread: sums of several would depend on their number.
    func arguments(_ stage: String, run: String) -> [String] {
        stage.split(separator: " ").map(String.init) + [
            configuration, "--data", data, "--run", folder.path(run), "--threads", "1", "--device", "cpu",
        ]
    }

    func file(_ run: String, _ name: String) -> URL { folder.url.appending(path: run).appending(path: name) }

    /// - Parameters:
    ///   - steps: of each stage.
    ///   - batch: rows per step.
    ///   - rate: learning rate.
    static func yaml(steps: Int = 40, batch: Int = 16, rate: String = "1.0e-3") -> String {
        let training =
            "{ batch: \(batch), steps: \(steps), learningRate: \(rate), validateEvery: \(max(1, steps / 3)), checkpointSeconds: 0 }"
        return """
            name: small
            seed: \(LearnedResults.seed(42))
            embedding: 16
            instruments:
              lamost-lrs:
                encoder:
                  kind: masked-transformer
                  width: 16
                  layers: 1
                  heads: 2
                  tokens: { section: 40, step: 40, statistics: log10-std }
                  maxTokens: 80
                  mask: { chunks: 3, width: 2 }
                pretrain: { training: \(training) }
                projection: { kind: cross-attention, heads: 2, dropout: 0.1 }
                decoder: { hidden: [16], dropout: 0.1 }
                crossDecoder: { hidden: [16], dropout: 0.1 }
              gaia-xp:
                encoder:
                  kind: auto-encoder
                  hidden: 32
                  bottleneck: 8
                  encoderBlocks: 1
                  decoderBlocks: 1
                pretrain: { training: \(training) }
                projection: { kind: mlp, hidden: 16, dropout: 0.1 }
                decoder: { hidden: [16], dropout: 0.1 }
                crossDecoder: { hidden: [16], dropout: 0.1 }
            align: { training: \(training) }
            labels:
              heads:
                gaia-xp: { hidden: [16], training: \(training) }
                lamost-lrs: { hidden: [16], training: \(training) }
            """
    }
}
