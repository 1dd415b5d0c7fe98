import Foundation
import Support
import Torch

/// The one training loop: batches in, gradients, a step, a checkpoint now and then, stop when validation says so.
///
/// A run is a function of its settings, seed, data and thread count: killed at any step and started again, it ends
/// with the same bits on the CPU. Batches depend on (seed, step) only, and the generator that dropout and masks
/// draw from is part of the checkpoint.
public final class Trainer<Task: TrainingTask> {
    private let task: Task
    private let options: TrainingOptions
    /// Optimiser steps in all.
    private let steps: Int
    private let stepsPerValidation: Int
    private let seed: UInt64
    private let folder: RunFolder
    private let settings: String
    private let progress: any ProgressSink
    private let optimizer: AdamW
    private let parameters: [Parameter]
    private let schedule: WarmupCosine
    private let checkpoint: Checkpoint
    private var position = TrainingPosition()
    /// Step of the checkpoint on disk.
    private var savedStep: Int?

    /// - Parameter settings: everything that decides the result, as text; a run resumes only under equal settings.
    public init(
        _ task: Task, options: TrainingOptions, seed: UInt64, folder: RunFolder, settings: String,
        progress: any ProgressSink = SilentProgress()
    ) {
        self.task = task
        self.options = options
        let rows = task.source.count(.training)
        steps = options.steps(rows: rows)
        stepsPerValidation = options.validateEvery ?? options.stepsPerEpoch(rows: rows)
        self.seed = seed
        self.folder = folder
        self.settings = settings
        self.progress = progress
        let trained = task.model.parameters().filter { $0.parameter.isTrainable }
        parameters = trained.map(\.parameter)
        optimizer = AdamW(
            parameters: trained, learningRate: options.learningRate,
            betas: (options.betas[0], options.betas[1]), eps: 1e-8, weightDecay: options.weightDecay,
            rates: Dictionary(uniqueKeysWithValues: trained.map { ($0.path, task.rate(of: $0.path)) }))
        schedule = WarmupCosine(
            base: options.learningRate, warmup: options.warmup, total: steps,
            minimum: options.minimumLearningRate ?? options.learningRate)
        checkpoint = Checkpoint(file: folder.last)
    }

    /// Trains to the end, to an early stop, or to an interruption; afterwards the model holds its best weights.
    public func run() throws -> TrainingOutcome {
        let rows = task.source.count(.training)
        guard rows >= 2 else { throw Diagnostic.tooFewRows(split: "training", rows: rows, needed: 2) }
        folder.sweep()
        Generator.seed(seed)
        if let saved = try checkpoint.restore(
            task.model, optimizer: optimizer, settings: settings, folder: folder.url.path)
        {
            position = saved
            savedStep = saved.step
            try folder.checkBest(settings: settings)
            progress.note(saved.isFinished ? "finished before" : "resumed at step \(saved.step)")
        } else {
            // Without a state to resume from, a best model that lies here is of another run.
            try folder.removeBest()
        }
        let firstStep = position.step
        if !position.isFinished { try train(EpochOrder(rows: rows, batch: min(options.batch, rows), seed: seed)) }
        if position.isFinished { try loadBest() }
        return TrainingOutcome(
            step: position.step, stepsTaken: position.step - firstStep, bestValidation: position.best,
            isFinished: position.isFinished)
    }

    private func train(_ order: EpochOrder) throws {
        let batches = prefetcher(order)
        defer { batches.cancel() }
        var interval = Interval()
        var log: MetricsLog?
        var lastSave = Date()
        task.model.train()
        while position.step < steps, let batch = try batches.next() {
            let losses = try step(batch)
            if log == nil {
                log = try MetricsLog(
                    folder.metrics, lossNames: losses.map(\.name).dropLast(), keepingUpTo: position.step - 1)
            }
            interval.add(losses, rows: order.batch, waited: batches.waited)
            let validates = position.step % stepsPerValidation == 0 || position.step == steps
            if validates || interval.seconds > 5 {
                let row = interval.row(step: position.step, rate: optimizer.learningRate)
                try log?.append(row)
                progress.report(row, of: steps, secondsLeft: interval.secondsPerStep * Double(stepsLeft))
                interval = Interval(waitedBefore: batches.waited)
            }
            if validates, try stopsAfterValidation(log) { break }
            if Interruption.isRequested { return try interrupted() }
            if Date().timeIntervalSince(lastSave) > options.checkpointSeconds {
                try save()
                lastSave = Date()
            }
        }
        position.isFinished = true
        try save()
    }

    private var stepsLeft: Int { steps - position.step }

    private func prefetcher(_ order: EpochOrder) -> Prefetcher<(rows: [Int], batch: Task.Source.Batch)> {
        let (source, seed) = (task.source, seed)
        let cache = PermutationCache(order)
        return Prefetcher(steps: position.step..<steps) { step in
            let rows = cache.rows(of: step)
            var random = StepRandom(seed, UInt64(step), 0xBA7C)
            return (rows, try source.batch(.training, rows: rows, random: &random))
        }
    }

    /// One optimiser step; afterwards `position.step` counts it.
    private func step(_ next: (rows: [Int], batch: Task.Source.Batch)) throws -> [(name: String, value: Double)] {
        optimizer.learningRate = schedule.rate(step: position.step)
        let values = try catchingTorchErrors {
            optimizer.zeroGradients()
            let losses = try task.losses(next.batch)
            let values = losses.map { ($0.name, $0.value.item()) }
            guard values[0].1.isFinite else { throw notFinite("the loss", step: position.step + 1, rows: next.rows) }
            losses[0].value.backward()
            let norm = clipGradientNorm(parameters, max: options.clip)
            guard norm.isFinite else { throw notFinite("the gradient", step: position.step + 1, rows: next.rows) }
            optimizer.step()
            return values + [("gradient_norm", norm)]
        }
        position.step += 1
        return values
    }

    /// Writes down the rows whose loss is not finite, as numbers within their split.
    private func notFinite(_ what: String, step: Int, split: TrainingSplit = .training, rows: [Int]) -> Diagnostic {
        let report = NotFiniteReport(what: what, step: step, split: split.rawValue, rows: rows)
        try? report.write(to: folder.notFinite)
        return .notFinite(what: what, step: step, rows: rows.count, folder: folder.url.path, saved: savedStep)
    }

    /// Validates, keeps the best model, and tells whether patience has run out.
    private func stopsAfterValidation(_ log: MetricsLog?) throws -> Bool {
        guard let losses = try validate() else { return false }
        let total = losses["loss"] ?? .nan
        let row = MetricsRow(step: position.step, split: .validation, losses: losses)
        try log?.append(row)
        progress.report(row, of: steps, secondsLeft: nil)
        let improvement = max(options.minimumDelta, options.minimumImprovement * abs(position.best))
        if total < position.best - (position.best.isFinite ? improvement : 0) {
            position.best = total
            position.waited = 0
            try SafetensorsFile.write(
                task.model.trainedState(), metadata: ["step": "\(position.step)", "settings": settings],
                to: folder.best)
        } else {
            position.waited += 1
        }
        guard position.waited >= options.patience else { return false }
        progress.note("no better validation loss for \(options.patience) validations: stopped at step \(position.step)")
        return true
    }

    /// Mean losses over the validation rows, evenly sampled where there are many; `nil` when there are none.
    ///
    /// Masks are drawn from a fixed seed, so that validation losses of different steps compare (the published code
    /// draws new ones, quirk Q7), and the training generator is put back afterwards.
    private func validate() throws -> [String: Double]? {
        let rows = (0..<task.source.count(.validation)).evenlySampled(options.validationRows)
        guard !rows.isEmpty else { return nil }
        let generator = Generator.state()
        Generator.seed(seed ^ 0x7A11D)
        task.model.evaluate()
        defer { task.model.train() }
        var sums: [String: Double] = [:]
        try withoutGradient {
            for start in stride(from: 0, to: rows.count, by: options.batch) {
                let wanted = Array(rows[start..<min(start + options.batch, rows.count)])
                var random = StepRandom(seed, UInt64(start), 0x7A11)
                let batch = try task.source.batch(.validation, rows: wanted, random: &random)
                let losses = try catchingTorchErrors { try task.losses(batch).map { ($0.name, $0.value.item()) } }
                // Compared with any other, NaN is never better: the run would stop early and say nothing of the cause.
                guard losses.allSatisfy(\.1.isFinite) else {
                    throw notFinite("the validation loss", step: position.step, split: .validation, rows: wanted)
                }
                let share = Double(wanted.count) / Double(rows.count)
                for (name, value) in losses { sums[name, default: 0] += value * share }
            }
        }
        try Generator.restore(generator)
        return sums
    }

    private func save() throws {
        try checkpoint.save(task.model, optimizer: optimizer, position: position, settings: settings)
        savedStep = position.step
    }

    private func interrupted() throws {
        try save()
        progress.note(
            "interrupted: step \(position.step) is saved; the same command (without --restart) goes on from there")
    }

    private func loadBest() throws {
        // A run that has not validated has no best model.
        guard position.best.isFinite, FileManager.default.fileExists(atPath: folder.best.path) else { return }
        var state: [String: Tensor] = [:]
        let file = try SafetensorsFile(contentsOf: folder.best)
        for name in file.names { state[name] = try file.tensor(name).clone() }
        try task.model.load(trainedState: state)
        task.model.evaluate()
    }
}

/// How a run ended.
public struct TrainingOutcome: Sendable {
    /// Steps of the whole run.
    public let step: Int
    /// Steps of this call; 0 when the run was finished before.
    public let stepsTaken: Int
    /// Lowest validation loss; infinite when there was no validation.
    public let bestValidation: Double
    /// False when the run was interrupted and waits to be resumed.
    public let isFinished: Bool
}

extension TrainingTask {
    /// Trains in a folder of its own that is removed afterwards: for what is fitted in passing and kept in memory.
    /// - Throws: `Interrupted` when a stop was asked for.
    public func trainInPassing(
        options: TrainingOptions, seed: UInt64, progress: any ProgressSink = SilentProgress()
    ) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "specclip-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let trainer = Trainer(
            self, options: options, seed: seed, folder: try RunFolder(folder), settings: "", progress: progress)
        guard try trainer.run().isFinished else { throw Interrupted() }
        model.evaluate()
    }
}
