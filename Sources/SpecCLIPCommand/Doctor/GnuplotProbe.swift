import Figures
import Foundation

/// Finds gnuplot and asks its version.
enum GnuplotProbe {
    static var path: String? { (try? Gnuplot())?.executable.path }

    /// "6.0 patchlevel 1"; nil when it is not there or does not answer.
    static var version: String? {
        guard let gnuplot = try? Gnuplot() else { return nil }
        let process = Process()
        let output = Pipe()
        process.executableURL = gnuplot.executable
        process.arguments = ["--version"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let words = text.split(whereSeparator: \.isWhitespace)
        return words.first == "gnuplot" ? words.dropFirst().joined(separator: " ") : nil
    }
}
