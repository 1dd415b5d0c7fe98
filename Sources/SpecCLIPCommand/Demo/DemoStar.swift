import ArgumentParser
import Datasets
import Foundation
import Instruments
import Simulation
import Spectra

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
