import Foundation
import Support
import Torch

/// The folder of one training run: `last.safetensors` (to resume), `best.safetensors` (by validation), `metrics.csv`.
public struct RunFolder: Sendable {
    /// Where the run lives.
    public let url: URL

    /// - Throws: when the folder can be neither found nor made.
    public init(_ url: URL) throws {
        self.url = url
        try Self.make(url.path)
    }

    /// Makes a folder and those it lies in. Not through `FileManager`, whose errors do not say why.
    static func make(_ path: String) throws {
        guard mkdir(path, 0o777) != 0 else { return }
        let reason = errno
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { return }
        let parent = (path as NSString).deletingLastPathComponent
        guard reason == ENOENT, !parent.isEmpty, parent != path else {
            throw Diagnostic.folder(path, problem: String(cString: strerror(reason)))
        }
        try make(parent)
        guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
            throw Diagnostic.folder(path, problem: String(cString: strerror(errno)))
        }
    }

    /// Removes checkpoints that a killed process left half-written, under the hidden names that atomic writing uses.
    func sweep() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        for name in names where name.hasPrefix(".") && name.hasSuffix(".tmp") && name.contains(".safetensors.") {
            try? FileManager.default.removeItem(at: url.appending(path: name))
        }
    }

    /// The state to resume from.
    public var last: URL { url.appending(path: "last.safetensors") }
    /// The model with the lowest validation loss so far.
    public var best: URL { url.appending(path: "best.safetensors") }
    /// Losses, rates and speeds, one row per interval and validation.
    public var metrics: URL { url.appending(path: "metrics.csv") }
    /// The rows of a batch whose loss was not finite.
    public var notFinite: URL { url.appending(path: "not-finite.json") }

    /// How a run under these settings ended, read from the checkpoint's header alone; `nil` when there is none.
    public func finished(settings: String) -> TrainingOutcome? {
        guard let header = try? SafetensorsFile(contentsOf: last).metadata, header["settings"] == settings,
            let position = TrainingPosition(header), position.isFinished
        else { return nil }
        return TrainingOutcome(step: position.step, stepsTaken: 0, bestValidation: position.best, isFinished: true)
    }

    /// Takes over a run that another program began: the next training in this folder, under these settings, goes on after
    /// its last step.
    /// - Throws: `Diagnostic` when a run is here already.
    public func adopt(_ run: any ForeignRun, settings: String) throws {
        guard !FileManager.default.fileExists(atPath: last.path) else {
            throw Diagnostic.folder(
                url.path,
                problem: "holds a run already: leave out --from to go on with it, or give --restart to lose it")
        }
        try removeBest()
        var position = TrainingPosition()
        position.step = run.step
        try Checkpoint(file: last).write(run.weights, optimizer: run.moments, position: position, settings: settings)
    }

    /// - Throws: `Diagnostic` when the best model here is that of a run under other settings.
    func checkBest(settings: String) throws {
        // Where earlier versions wrote it, no settings stand beside it.
        guard let former = (try? SafetensorsFile(contentsOf: best))?.metadata["settings"], former != settings else {
            return
        }
        throw Diagnostic.foreignBest(file: best.path, difference: difference(former, settings))
    }

    /// Removes the best model of a run that is gone.
    func removeBest() throws { try remove([best]) }

    /// Removes what a former run left, so that the next one begins anew.
    public func clear() throws { try remove([last, best, metrics, notFinite]) }

    /// Removes the features that frozen encoders gave (`*.f32`, with the notes beside them), of whatever instrument.
    public func clearFeatures() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: url.path)
        try remove(names.filter { $0.hasSuffix(".f32") || $0.hasSuffix(".f32.json") }.map { url.appending(path: $0) })
    }

    private func remove(_ files: [URL]) throws {
        for file in files where FileManager.default.fileExists(atPath: file.path) {
            try FileManager.default.removeItem(at: file)
        }
    }
}

/// A training that another program began and that can go on here.
public protocol ForeignRun {
    /// The weights by path.
    var weights: [(String, Tensor)] { get }
    /// `<path>.step`, `.exp_avg` and `.exp_avg_sq`, as `AdamW.state()` names them.
    var moments: [(String, Tensor)] { get }
    /// Optimiser steps done.
    var step: Int { get }
    /// Compares names and shapes with the model that is to go on, and rates and schedule with its options.
    /// - Returns: what differs, for the user to read; from here on the options count.
    /// - Throws: `Diagnostic` for another architecture.
    func check(_ model: Module, against options: TrainingOptions) throws -> [String]
}
