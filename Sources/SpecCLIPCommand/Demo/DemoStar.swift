import ArgumentParser
import Datasets
import Foundation
import Instruments
import Simulation
import Spectra
import StarReading
import Support

/// The star that the demo reads in the end: `star.png`, and its parameters on the screen.
struct DemoStar {
    let model: URL
    let data: DemoData
    let lamost: URL?

    private var picture: URL { data.folder.appending(path: "star.png") }

    func read() throws {
        let input = try input()
        let predict = try PredictCommand.parse(["--model", model.path] + input)
        try predict.run()
        let look = ["--in", data.pairs.path, "-o", picture.path, "--force"]
        let card = try CardCommand.parse(["--model", model.path] + input + look)
        try card.run()
    }

    /// A real LAMOST file where a folder of them was given; else a MILES star that no part of the training has seen;
    /// for stars from formulas, a test row.
    private func input() throws -> [String] {
        if let lamost, let best = try LASPStars(lamost).files.max(by: { $0.snr < $1.snr }) { return [best.url.path] }
        guard let miles = data.miles else { return try procedural() }
        let held = Set(try PairedDataSet(opening: miles).sourceIDs(.test))
        let candidates = try MILESLibrary.stars().filter { held.contains($0.id) }
        let solarType = candidates.min { distanceFromSun($0) < distanceFromSun($1) }
        guard let star = solarType else { return try procedural() }
        return [try write(star.spectrum, id: star.id).path]
    }

    private func distanceFromSun(_ star: LibraryStar) -> Double {
        guard let teff = star.labels["teff"], let logg = star.labels["logg"] else { return .infinity }
        return abs(teff - 5772) / 200 + abs(logg - 4.44)
    }

    /// A spectrum as a table that any reader of `predict` and `card` takes.
    private func write(_ spectrum: Spectrum, id: String) throws -> URL {
        let url = data.folder.appending(path: "star.csv")
        let rows = zip(spectrum.wavelength, spectrum.flux).map { "\($0),\($1)" }
        try Data((["wavelength,flux"] + rows).joined(separator: "\n").utf8).write(to: url, options: .atomic)
        print("    MILES star \(id), held out from training: \(url.path)")
        return url
    }

    private func procedural() throws -> [String] {
        let prepared = try PairedDataSet(opening: data.pairs).spectra(.lamostLRS, split: .test, indices: [0])
        let spectrum = Spectrum(
            wavelength: Instrument.lamostLRS.grid.wavelengths, flux: prepared.flux.map(Double.init), origin: "pairs.h5")
        return [try write(spectrum, id: "of a formula").path]
    }
}

/// Real LAMOST files with the labels of the survey's own pipeline (LASP), from a folder with a `labels.csv`:
/// columns `file`, `snr_g`, `teff_K`, `logg_dex`, `feh_dex`.
struct LASPStars {
    /// The files that the table names, with their S/N in the g band.
    private(set) var files: [(url: URL, snr: Double)] = []
    /// Labels by our names, in the order of `files`; NaN where the table has none.
    private(set) var labels: [String: [Double]] = [:]

    init(_ folder: URL) throws {
        let table = folder.appending(path: "labels.csv")
        guard let text = try? String(contentsOf: table, encoding: .utf8) else {
            throw Diagnostic(
                table.path, problem: "cannot be read", remedy: "give a folder with labels.csv to --lamost")
        }
        let rows = text.split(whereSeparator: \.isNewline).map { $0.split(separator: ",").map(String.init) }
        let header = rows.first ?? []
        func column(_ name: String) throws -> Int {
            guard let index = header.firstIndex(of: name) else {
                throw Diagnostic(
                    table.path, field: name, problem: "this column is missing",
                    remedy: "its columns are \(header.joined(separator: ", "))")
            }
            return index
        }
        let columns = try ["teff": column("teff_K"), "logg": column("logg_dex"), "fe_h": column("feh_dex")]
        let (file, snr) = (try column("file"), try column("snr_g"))
        for row in rows.dropFirst() where row.count == header.count {
            files.append((folder.appending(path: row[file]), Double(row[snr]) ?? 0))
            for (name, index) in columns { labels[name, default: []].append(Double(row[index]) ?? .nan) }
        }
    }

    /// The stars as a reader takes them, in the order of `files`.
    func observations(_ reader: StarReader) throws -> [Observation] {
        try files.map { file in
            guard let spectrum = try SpectrumReader.read(file.url, as: .lamostLRS).first else {
                throw Diagnostic(file.url, problem: "holds no spectrum", remedy: "check labels.csv")
            }
            return try Observation(spectrum, of: .lamostLRS, among: reader.instruments)
        }
    }
}
