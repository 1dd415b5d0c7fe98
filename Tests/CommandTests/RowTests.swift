import Foundation
import TestFiles
import Testing
@testable import Instruments
@testable import Spectra
@testable import Tables

/// Rows of a data set that another program wrote: the bad ones are named and left out, the others answered.
struct RowTests {
    /// The file is whole once this returns and its last handle is gone.
    private func write(_ flux: [Float], pixels: Int, to path: String) throws {
        let file = try HDF5File(creating: URL(fileURLWithPath: path))
        try file.createGroup("test")
        try file.createDataSet("test/gaia_spectra", row: [pixels, 1], element: .float32).append(flux)
        try file.flush()
    }

    @Test(arguments: ["predict", "embed", "translate"])
    func badRowsAreNamedAndLeftOut(command: String) throws {
        let fixture = try Fixture.shared.get()
        let folder = try TemporaryFolder()
        let data = folder.path("rows.h5")
        let pixels = Instrument.gaiaXP.grid.count
        var flux = (0..<6 * pixels).map { 1 + 0.1 * sin(Float($0)) }
        flux[pixels + 5] = .nan
        for pixel in 2 * pixels..<3 * pixels { flux[pixel] = 1 }
        flux[4 * pixels] = 1e30
        try write(flux, pixels: pixels, to: data)

        let output = folder.path("out.csv")
        let outcome = try Tool.run(
            [command, "-m", fixture.model, data, "-o", output] + (command == "translate" ? ["--to", "gaia-xp"] : []))
        #expect(outcome.code == 1)
        // The fixture's model draws no spectra as distributions, which is told first.
        let lines = outcome.errorLines.filter { !$0.contains("tells no errors of gaia-xp") }
        #expect(lines.count == 4 && lines.last?.contains("3 of 6 spectra failed") ?? false, "\(lines)")
        let expected = [
            ("rows.h5#1: gaia_spectra: is NaN or infinite at 1 of 343 pixels"),
            ("rows.h5#2: gaia_spectra: has zero variance"), ("rows.h5#4: gaia_spectra: reaches 1e+30"),
        ]
        for (line, words) in zip(lines, expected) { #expect(line.contains(words), "\(line)") }
        let text = try String(contentsOfFile: output, encoding: .utf8)
        for row in [0, 3, 5] { #expect(text.contains("rows.h5#\(row),")) }
        for row in [1, 2, 4] { #expect(!text.contains("rows.h5#\(row),")) }
        #expect(!text.contains("nan"))
    }
}
