import ArgumentParser
import Figures
import Foundation
import Spectra
import StarReading
import Support
import Torch

/// A picture of spectra that were drawn.
struct SpectraFigureOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Draw the first stars, with bands and samples, into a picture (.png, .pdf, .svg).", valueName: "file"))
    var figure: String?

    /// Stars that a page has room for.
    static let most = 4

    /// Where the picture goes; nil where none was asked for.
    /// - Throws: `Diagnostic` before anything is worked out where it cannot be drawn.
    func prepared(force: Bool) throws -> (url: URL, gnuplot: Gnuplot)? {
        guard let figure else { return nil }
        let url = URL(fileURLWithPath: figure)
        let known = PictureFormat.allCases.map(\.rawValue)
        guard known.contains(url.pathExtension.lowercased()) else {
            throw Diagnostic(
                "--figure \(figure)", problem: "is no picture that can be drawn",
                remedy: "give a name that ends in " + known.map { "." + $0 }.joined(separator: ", "))
        }
        guard force || !FileManager.default.fileExists(atPath: url.path) else {
            throw Diagnostic(url.path, problem: "exists already", remedy: "choose another name, or --force")
        }
        return (url, try Gnuplot())
    }
}
