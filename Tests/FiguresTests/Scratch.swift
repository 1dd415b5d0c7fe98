import Figures
import Foundation
import Testing

/// Whether gnuplot can be run here; tests that draw are skipped with a message where it cannot.
let hasGnuplot = (try? Gnuplot()) != nil
let needsGnuplot: Comment = "gnuplot is not installed: run 'make deps' to draw figures in tests"

/// A folder of a test's own, removed when the test is over.
final class Scratch {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("figures-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String) -> URL { url.appendingPathComponent(name) }

    var contents: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted() }

    /// A program that stands in for gnuplot.
    func program(_ script: String) throws -> Gnuplot {
        let program = file("program-" + UUID().uuidString)
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: program)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
        return try Gnuplot(executable: program)
    }
}

/// A figure with one line.
func simpleFigure(title: PlotText = "A title") -> Figure {
    let panel = Panel(
        frame: Frame(x: 50, y: 20, width: 200, height: 100), title: title, x: Axis("x [Å]"), y: Axis("y"),
        series: [.line(x: [1, 2, 3], y: [1, 4, 9], label: "line")])
    return Figure(width: 270, height: 160, panels: [panel], pixelsPerPoint: 1)
}
