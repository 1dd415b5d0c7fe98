import Foundation
import Support
import Training

/// One training of a stage: its folder, everything that decides its result, and where that result goes.
public struct StageRun {
    private let context: StageContext
    private let name: String
    private let settings: String
    private let output: URL

    init(_ context: StageContext, name: String, settings: String, output: URL) {
        self.context = context
        self.name = name
        self.settings = settings
        self.output = output
    }

    private var url: URL { context.folder.appending(path: name) }

    /// How this very training ended before, when its result is there; `nil` when something is left to do.
    ///
    /// Asked before data are read and models made: a finished stage is found again at once.
    public func finished() throws -> TrainingOutcome? {
        guard !context.restart else { return nil }
        let folder = try RunFolder(url)
        guard let outcome = folder.finished(settings: settings), isUpToDate(output, after: [folder.last]) else {
            return nil
        }
        context.progress(name).note("finished before")
        return outcome
    }

    /// Trains, resuming what was begun; once it is finished, `write` puts the result in place.
    /// - Parameters:
    ///   - task: what is trained.
    ///   - options: batches, steps, rates and stopping.
    ///   - foreign: a run of another program to go on with.
    ///   - write: puts the result in place.
    public func train<Task: TrainingTask>(
        _ task: Task, options: TrainingOptions, from foreign: (any ForeignRun)? = nil, write: () throws -> Void
    ) throws -> TrainingOutcome {
        let folder = try RunFolder(url)
        if context.restart { try folder.clear() }
        if let foreign { try folder.adopt(foreign, settings: settings) }
        let sink = context.progress(name)
        describe(task, options, to: sink)
        let trainer = Trainer(
            task, options: options, seed: context.configuration.seed, folder: folder, settings: settings, progress: sink
        )
        let outcome = try trainer.run()
        // A finished run found again leaves its result alone: what was derived from it stays valid.
        if outcome.isFinished && (outcome.stepsTaken > 0 || !isUpToDate(output, after: [folder.last])) {
            try write()
        }
        return outcome
    }

    private func describe(_ task: some TrainingTask, _ options: TrainingOptions, to sink: any ProgressSink) {
        let (rows, validation) = (task.source.count(.training), task.source.count(.validation))
        sink.note(
            "\(rows) spectra to train on, \(validation) to validate on, \(task.model.parameterCount) parameters")
        if validation == 0 {
            sink.note("no validation split: the last weights are kept, whether they are the best or not")
        }
        if rows < options.batch { sink.note("batch \(options.batch) is more than there is: \(rows) spectra a step") }
    }
}
