import Foundation
import LearnedResults
import TestFiles
import Testing
import Torch
@testable import Support
@testable import Training

/// A regression with dropout: small, but every source of randomness a real run has is in it.
private final class Regression: TrainingTask {
    struct Source: BatchSource {
        let x: Tensor
        let y: Tensor
        var poisonedRow: Int?

        func count(_ split: TrainingSplit) -> Int { split == .training ? 96 : 32 }

        func batch(_ split: TrainingSplit, rows: [Int], random: inout StepRandom) throws -> [Tensor] {
            let offset = split == .training ? 0 : 96
            let index = Tensor(rows.map { Int64($0 + offset) }, shape: [rows.count])
            let noise = Float.random(in: -0.01...0.01, using: &random)
            let isPoisoned = split == .training && poisonedRow.map(rows.contains) ?? false
            return [x.indexSelect(0, index) + (isPoisoned ? Double.nan : Double(noise)), y.indexSelect(0, index)]
        }
    }

    let network: Sequential
    var model: Module { network }
    let source: Source
    var afterStep: () -> Void = {}

    init(poisonedRow: Int? = nil) {
        Generator.seed(LearnedResults.seed(1))
        let x = Tensor.randn([128, 8])
        source = Source(x: x, y: x.sum(dims: [1], keepDims: true).tanh(), poisonedRow: poisonedRow)
        network = Sequential([Linear(8, 32), GELU(), BatchNorm1d(32), Dropout(0.1), Linear(32, 1)])
    }

    func losses(_ batch: [Tensor]) throws -> [(name: String, value: Tensor)] {
        afterStep()
        return [("loss", Loss.mse(network(batch[0]), batch[1]))]
    }
}

/// Rows whose validation loss is their number: a library that is sorted from easy to hard.
private final class SortedRows: TrainingTask {
    struct Source: BatchSource {
        func count(_ split: TrainingSplit) -> Int { split == .training ? 16 : 1000 }

        func batch(_ split: TrainingSplit, rows: [Int], random: inout StepRandom) throws -> Tensor {
            Tensor(rows.map(Float.init), shape: [rows.count, 1])
        }
    }

    let layer = Linear(1, 1)
    var model: Module { layer }
    let source = Source()

    func losses(_ batch: Tensor) throws -> [(name: String, value: Tensor)] {
        [("loss", layer.isTraining ? layer(batch).square().mean() : batch.mean())]
    }
}

private struct Killed: Error {}

/// The generator is one per process, so runs that seed it take turns.
@Suite(.serialized) struct TrainerTests {
    /// What runs of one test leave.
    private let runs: TemporaryFolder

    init() throws { runs = try TemporaryFolder() }

    private var options: TrainingOptions {
        var options = TrainingOptions()
        options.batch = 16
        options.length = .steps(40)
        options.learningRate = 1e-2
        options.validateEvery = 10
        options.checkpointSeconds = 0
        return options
    }

    private func temporaryFolder() throws -> RunFolder {
        try RunFolder(runs.file(UUID().uuidString))
    }

    private func train(_ task: Regression, in folder: RunFolder, settings: String = "a") throws -> TrainingOutcome {
        try Trainer(task, options: options, seed: LearnedResults.seed(7), folder: folder, settings: settings).run()
    }

    private func weights(_ task: Regression) -> [[Float]] {
        task.network.stateDictionary().map { $0.1.to(.float32).floats() }
    }

    @Test(.tags(.learned)) func learnsAndLogs() throws {
        let folder = try temporaryFolder()
        let task = Regression()
        let outcome = try train(task, in: folder)
        #expect(outcome.isFinished && outcome.stepsTaken == 40)
        // 0.16 ± 0.04 (18); a constant has 0.7.
        expectLearned(outcome.bestValidation, below: 0.3, "regression: validation loss")
        let lines = try String(contentsOf: folder.metrics, encoding: .utf8).split(separator: "\n")
        #expect(lines[0] == "step,split,learning_rate,gradient_norm,loss,rows_per_second,waiting")
        #expect(lines.filter { $0.contains("validation") }.count == 4)
        #expect(try train(Regression(), in: folder).stepsTaken == 0, "a finished run is found, not repeated")
    }

    /// Stopped in the middle of an epoch, between validations: the loss throws like a killed process would end.
    @Test(arguments: [1, 9, 10, 23, 39]) func resumedRunIsBitIdentical(stoppedAt stop: Int) throws {
        let whole = Regression()
        _ = try train(whole, in: temporaryFolder())

        let folder = try temporaryFolder()
        let first = Regression()
        let interrupted = InterruptedTask(first, after: stop)
        #expect(throws: Killed.self) {
            try Trainer(interrupted, options: options, seed: LearnedResults.seed(7), folder: folder, settings: "a")
                .run()
        }
        let second = Regression()
        #expect(try train(second, in: folder).stepsTaken < 40)
        #expect(weights(second) == weights(whole))
    }

    /// What decides when to stop is like all of the split, wherever in it the hard stars stand.
    @Test func validationIsEvenlySampled() throws {
        var options = options
        (options.length, options.validationRows) = (.steps(1), 64)
        let outcome = try Trainer(
            SortedRows(), options: options, seed: 7, folder: temporaryFolder(), settings: "a"
        ).run()
        // Within blocks of 1000 / 64 rows the draws scatter by 4.5: their mean by 0.6. The first 64 rows have 31.5.
        #expect(abs(outcome.bestValidation - 499.5) < 3)
    }

    /// A length in passes ends after as many as fill whole batches, each with its validation.
    @Test func epochsAreCountedOnTheRows() throws {
        var options = options
        (options.length, options.validateEvery) = (.epochs(3), nil)
        let folder = try temporaryFolder()
        let task = Regression()
        let outcome = try Trainer(task, options: options, seed: 7, folder: folder, settings: "a").run()
        let perEpoch = task.source.count(.training) / options.batch
        #expect(outcome.step == 3 * perEpoch && perEpoch > 1)
        let log = try String(contentsOf: folder.metrics, encoding: .utf8)
        #expect(log.components(separatedBy: "validation").count - 1 == 3)
    }

    /// Earlier versions validated on other rows: their runs are found when they are finished, and not gone on with.
    @Test func runsOfEarlierVersionsAreRefused() throws {
        let folder = try temporaryFolder()
        _ = try train(Regression(), in: folder)
        func age(isFinished: Bool) throws {
            let file = try SafetensorsFile(contentsOf: folder.last)
            var header = file.metadata
            header["format"] = "specclip-checkpoint-1"
            header["position"] = header["position"]?.replacing(
                "\"isFinished\":\(!isFinished)", with: "\"isFinished\":\(isFinished)")
            let tensors = try file.names.map { ($0, try file.tensor($0).clone()) }
            try SafetensorsFile.write(tensors, metadata: header, to: folder.last)
        }
        try age(isFinished: true)
        #expect(folder.finished(settings: "a")?.step == 40)
        #expect(try train(Regression(), in: folder).stepsTaken == 0)
        func isRefused(_ settings: String) {
            #expect {
                try train(Regression(), in: folder, settings: settings)
            } throws: { error in
                let line = "\(error)"
                return line.hasPrefix(folder.url.path) && line.contains("earlier version") && line.contains("--restart")
            }
        }
        isRefused("b")
        try age(isFinished: false)
        isRefused("a")
    }

    @Test func otherSettingsAreRefused() throws {
        let folder = try temporaryFolder()
        _ = try train(Regression(), in: folder, settings: "width 8")
        #expect {
            try train(Regression(), in: folder, settings: "width 9")
        } throws: { error in
            "\(error)".contains("was width 8, now width 9") && "\(error)".contains("--restart")
        }
    }

    /// `last` was deleted: the best model that is left belongs to a run that is gone, whatever its settings.
    @Test(arguments: ["a", "b"]) func bestModelsOfFormerRunsAreNotTaken(formerSettings: String) throws {
        let folder = try temporaryFolder()
        _ = try train(Regression(), in: folder, settings: formerSettings)
        try FileManager.default.removeItem(at: folder.last)
        // Without validation rows nothing would replace it.
        var unvalidated = options
        (unvalidated.validationRows, unvalidated.length) = (0, .steps(3))
        let expected = Regression()
        _ = try Trainer(expected, options: unvalidated, seed: 7, folder: temporaryFolder(), settings: "a").run()
        let task = Regression()
        let outcome = try Trainer(task, options: unvalidated, seed: 7, folder: folder, settings: "a").run()
        #expect(outcome.stepsTaken == 3)
        #expect(weights(task) == weights(expected))
    }

    @Test func bestModelOfOtherSettingsIsRefused() throws {
        let (folder, other) = (try temporaryFolder(), try temporaryFolder())
        _ = try train(Regression(), in: folder, settings: "width 8")
        _ = try train(Regression(), in: other, settings: "width 9")
        try FileManager.default.removeItem(at: folder.best)
        try FileManager.default.copyItem(at: other.best, to: folder.best)
        #expect {
            try train(Regression(), in: folder, settings: "width 8")
        } throws: { error in
            let line = "\(error)"
            return line.contains("best.safetensors") && line.contains("was width 9, now width 8")
                && line.contains("--restart") && !line.contains("\n")
        }
    }

    /// A frozen layer is no part of the files, and a run resumes to the same bits; files of earlier versions, which hold
    /// it, are read as well.
    @Test(arguments: [false, true]) func frozenParametersAreLeftOut(asEarlierVersions: Bool) throws {
        func task() -> Regression {
            let task = Regression()
            (task.network.layers[0] as Module).freeze()
            return task
        }
        let whole = task()
        let wholeFolder = try temporaryFolder()
        _ = try train(whole, in: wholeFolder)
        let frozen = Set(["0.weight", "0.bias"])
        for (file, prefix) in [(wholeFolder.last, "model."), (wholeFolder.best, "")] {
            let names = Set(try SafetensorsFile(contentsOf: file).names)
            #expect(names.isDisjoint(with: frozen.map { prefix + $0 }) && names.contains(prefix + "4.weight"))
        }

        let folder = try temporaryFolder()
        let interrupted = InterruptedTask(task(), after: 23)
        #expect(throws: Killed.self) {
            try Trainer(interrupted, options: options, seed: 7, folder: folder, settings: "a").run()
        }
        if asEarlierVersions {
            for (url, prefix) in [(folder.last, "model."), (folder.best, "")] {
                let file = try SafetensorsFile(contentsOf: url)
                var metadata = file.metadata
                if url == folder.best { metadata["settings"] = nil }
                let kept = try file.names.map { ($0, try file.tensor($0).clone()) }
                let own = whole.network.stateDictionary().filter { frozen.contains($0.0) }
                #expect(own.count == 2)
                try SafetensorsFile.write(kept + own.map { (prefix + $0.0, $0.1) }, metadata: metadata, to: url)
            }
        }
        let second = task()
        #expect(try train(second, in: folder).stepsTaken == 17)
        #expect(weights(second) == weights(whole))
        // And once it is finished, the best model comes back.
        let third = task()
        #expect(try train(third, in: folder).stepsTaken == 0)
        #expect(weights(third) == weights(whole))
    }

    @Test func lossThatIsNotFiniteNamesItsBatch() throws {
        let folder = try temporaryFolder()
        #expect {
            try train(Regression(poisonedRow: 50), in: folder)
        } throws: { error in
            (error as? Diagnostic)?.reason == .notFinite
        }
        let report = try JSONDecoder().decode(NotFiniteReport.self, from: Data(contentsOf: folder.notFinite))
        #expect(report.rows.contains(50))
    }

    @Test func truncatedCheckpointIsNamed() throws {
        let folder = try temporaryFolder()
        _ = try train(Regression(), in: folder)
        let whole = try Data(contentsOf: folder.last)
        try whole.prefix(whole.count / 2).write(to: folder.last)
        #expect {
            try train(Regression(), in: folder)
        } throws: { "\($0)".contains("last.safetensors") }
    }
}

/// A task that dies at its n-th training loss.
private final class InterruptedTask: TrainingTask {
    private let task: Regression
    private var left: Int
    var model: Module { task.model }
    var source: Regression.Source { task.source }

    init(_ task: Regression, after steps: Int) {
        self.task = task
        left = steps
    }

    func losses(_ batch: [Tensor]) throws -> [(name: String, value: Tensor)] {
        if task.network.isTraining {
            if left == 0 { throw Killed() }
            left -= 1
        }
        return try task.losses(batch)
    }
}
