import Foundation
import Tables
import Torch

/// Numbers of the published code, kept outside this repository; where they are absent the tests say so.
public enum Goldens {
    /// The folder of the golden files: `$SPECCLIP_SHARED/goldens`, by default `../shared/goldens`.
    public static let folder: URL = {
        let package = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let shared = ProcessInfo.processInfo.environment["SPECCLIP_SHARED"].map { URL(fileURLWithPath: $0) }
        return (shared ?? package.appending(path: "../shared")).appending(path: "goldens")
    }()

    /// Whether there are any: the condition of a suite's `.enabled(if:)`.
    public static let arePresent = FileManager.default.fileExists(atPath: folder.path)

    /// What a skipped suite says.
    public static let absence = "golden numbers (../shared/goldens) are not here"

    /// A golden file by its name, for example `models/lrs_mt_small.ckpt`.
    public static func file(_ name: String) -> URL { folder.appending(path: name) }

    /// The arrays of a golden `.npz`.
    public static func arrays(_ name: String) throws -> NPZ { try NPZ.read(file(name)) }

    /// The largest difference from the golden numbers, in units of the largest of them: infinite where shapes differ or
    /// anything is not a number.
    ///
    /// With `SPECCLIP_GOLDEN_TABLE=<file>` in the environment a line `golden,quantity,error` is appended to that file.
    /// - Parameters:
    ///   - golden: the file the truth is from.
    ///   - quantity: which of its numbers.
    public static func error(_ golden: String, _ quantity: String, _ values: Tensor, _ truth: Tensor) -> Double {
        let (found, expected) = (values.detached().to(.float64), truth.to(.float64))
        var error = Double.infinity
        if found.shape == expected.shape {
            let scale = expected.abs().max().item()
            let difference = (found - expected).abs().max().item()
            error = difference == 0 ? 0 : difference / scale
        }
        record("\(golden),\(quantity),\(error)\n")
        return error.isNaN ? .infinity : error
    }

    /// The same for numbers that are no tensors.
    public static func error(_ golden: String, _ quantity: String, _ values: [Double], _ truth: [Double]) -> Double {
        error(golden, quantity, Tensor(values, shape: [values.count]), Tensor(truth, shape: [truth.count]))
    }

    private static func record(_ line: String) {
        guard let path = ProcessInfo.processInfo.environment["SPECCLIP_GOLDEN_TABLE"] else { return }
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let table = FileHandle(forWritingAtPath: path) else { return }
        defer { try? table.close() }
        _ = try? table.seekToEnd()
        try? table.write(contentsOf: Data(line.utf8))
    }
}

extension NPYArray {
    /// In double precision; booleans as 0 and 1.
    public var tensor: Tensor { Tensor(doubles ?? [], shape: shape) }
}
