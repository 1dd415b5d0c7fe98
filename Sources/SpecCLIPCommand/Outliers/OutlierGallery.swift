import ArgumentParser
import Figures
import Foundation
import Spectra
import StarReading
import Support
import Tables

/// A page of the oddest spectra.
struct GalleryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Show the oddest spectra, up to \(OutlierGallery.most), on a page (.html, .pdf, .png, .svg).",
            valueName: "file"))
    var gallery: String?

    static let formats = ["html"] + PictureFormat.allCases.map(\.rawValue)

    /// What gathers the page; nil where none was asked for.
    /// - Throws: `Diagnostic` before anything is worked out where it cannot be drawn.
    func prepared(_ finder: OutlierFinder, force: Bool) throws -> OutlierGallery? {
        try gallery.map {
            OutlierGallery(
                finder, try OutputCheck.url($0, extensions: Self.formats, force: force), force: force, try Gnuplot())
        }
    }
}

/// Keeps the oddest spectra of a run, and shows them in the end.
final class OutlierGallery {
    static let most = 24
    /// Spectra that are no odder are not shown.
    private static let odd = 0.05

    private struct Shown {
        let p: Double
        let entry: OutlierFigure.Entry
        let facts: [(name: String, text: String)]
    }

    private let finder: OutlierFinder
    private let url: URL, force: Bool, gnuplot: Gnuplot
    private var shown: [Shown] = []

    init(_ finder: OutlierFinder, _ url: URL, force: Bool, _ gnuplot: Gnuplot) {
        (self.finder, self.url, self.force, self.gnuplot) = (finder, url, force, gnuplot)
    }

    /// Takes in spectra that were judged.
    func add(_ spectra: [Observation], _ found: [OutlierFinder.Outlier]) throws {
        let bound = shown.count == Self.most ? min(Self.odd, shown[shown.count - 1].p) : Self.odd
        for (observation, outlier) in zip(spectra, found) where outlier.p < bound {
            guard let portrait = try finder.portraits([observation], of: observation.instrument).first else { continue }
            shown.append(Self.shown(observation, outlier, portrait))
        }
        shown = Array(shown.sorted { $0.p < $1.p }.prefix(Self.most))
    }

    private static func shown(
        _ observation: Observation, _ outlier: OutlierFinder.Outlier, _ portrait: OddityPortrait
    ) -> Shown {
        let file = URL(fileURLWithPath: observation.name).lastPathComponent
        let instrument = observation.instrument
        func text(_ p: Double) -> String { p.isNaN ? "" : "\(threeDigits(p))" }
        let facts = [
            ("source", observation.sourceID), ("instrument", instrument.title), ("p", text(outlier.p)),
            ("p by density", text(outlier.density)), ("p by spectrum", text(outlier.spectrum)),
            ("p by instruments", text(outlier.instruments)), ("p by repeats", text(outlier.repeats)),
            ("S/N", observation.prepared.snr.map { String(format: "%.0f", $0) } ?? ""),
            ("most like", portrait.neighbours.map(\.name).joined(separator: ", ")),
        ]
        return Shown(
            p: outlier.p,
            entry: OutlierFigure.Entry(
                title: "\(file), p = \(text(outlier.p))", reason: outlier.reason, wavelength: portrait.wavelength,
                flux: portrait.flux, expected: portrait.expected, error: portrait.error,
                neighbours: portrait.neighbours.map(\.flux), places: outlier.places,
                normalisation: instrument.normalisation.divisor),
            facts: facts.filter { !$0.1.isEmpty }.map { (name: $0.0, text: $0.1) })
    }

    /// Writes the page.
    func finish() throws {
        guard !shown.isEmpty else {
            return Program.note("no spectrum has p < \(Self.odd): no gallery is written")
        }
        guard url.pathExtension.lowercased() == "html" else {
            return try OutlierFigure(shown.map(\.entry)).write(to: url, force: force, gnuplot: gnuplot)
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "specclip-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let parts = try shown.enumerated().map { place, star in
            let picture = folder.appending(path: "\(place).svg")
            try OutlierFigure([star.entry]).write(to: picture, gnuplot: gnuplot)
            return try Self.section(star, picture: Data(contentsOf: picture))
        }
        try Data(Self.page(parts).utf8).write(to: url, options: .atomic)
    }

    // MARK: - The page

    private static func section(_ star: Shown, picture: Data) -> String {
        let rows = star.facts.map { "<tr><th scope=\"row\">\(escaped($0.name))</th><td>\(escaped($0.text))</td></tr>" }
        let about = "Spectrum of \(star.entry.title) beside what its labels let expect. \(star.entry.reason)"
        return """
            <section>
            <h2>\(escaped(star.entry.title))</h2>
            <p>\(escaped(star.entry.reason.isEmpty ? "no single reason" : star.entry.reason))</p>
            <img src="data:image/svg+xml;base64,\(picture.base64EncodedString())" alt="\(escaped(about))">
            <table>\(rows.joined())</table>
            </section>
            """
    }

    private static func page(_ sections: [String]) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>The oddest spectra</title>
        <style>
        body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 1rem auto; padding: 0 1rem; color: #222; background: #fff }
        section { border-top: 1px solid #bbb; margin-top: 2rem }
        h2 { font-size: 1.1rem; margin-bottom: 0; overflow-wrap: anywhere }
        p { margin: 0.2rem 0 }
        img { width: 100%; background: #fff }
        th { text-align: left; font-weight: normal; color: #555; padding-right: 1rem; vertical-align: top; white-space: nowrap }
        </style>
        </head>
        <body>
        <h1>The oddest spectra</h1>
        <p>\(sections.count) spectra, oddest first. p is how often a normal star of like signal to noise is as odd. Blue: what the labels
        that were read let expect, with one standard deviation; grey: the normal stars that are most like it; black: observed.</p>
        \(sections.joined(separator: "\n"))
        </body>
        </html>

        """
    }

    private static func escaped(_ text: String) -> String {
        [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;")].reduce(text) {
            $0.replacingOccurrences(of: $1.0, with: $1.1)
        }
    }
}
