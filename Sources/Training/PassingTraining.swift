import Foundation
import Support

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
