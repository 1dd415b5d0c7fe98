import Foundation
import Instruments
import Spectra
import Tables

// A third instrument, all of it: what it is, the layout of its files, how it sees a star. No other file knows it.

extension Instrument {
    /// 512 pixels of 4 Å, with a gap between two detectors.
    static let halfArm = Instrument(
        name: "half-arm", title: "Half Arm", grid: .linear(start: 4500, step: 4, count: 512),
        normalisation: .pixel(wavelength: 6000), dataSetKey: "half_arm", embeddingKey: "half_arm",
        gaps: [5400...5480])
}

/// Its files: a line of JSON for each spectrum.
final class HalfArmFormat: SpectrumFormat, SpectrumSource {
    private struct Line: Codable {
        var id: String
        var start: Double
        var step: Double
        var flux: [Double]
        var sigma: Double
    }

    private var lines: ArraySlice<Line>
    private let name: String

    private init(_ lines: [Line], name: String) { (self.lines, self.name) = (lines[...], name) }

    static func recognises(_ head: Data) -> Bool { head.starts(with: Data(#"{"flux""#.utf8)) }

    static func open(_ file: InputFile, options: ReadingOptions) throws -> any SpectrumSource {
        HalfArmFormat(
            try file.all().split(separator: 0x0A).map { try JSONDecoder().decode(Line.self, from: $0) },
            name: file.url.path)
    }

    func next(_ count: Int) -> [Spectrum] {
        defer { lines = lines.dropFirst(count) }
        return lines.prefix(count).map { line in
            Spectrum(
                wavelength: line.flux.indices.map { line.start + line.step * Double($0) }, flux: line.flux,
                ivar: line.flux.map { _ in 1 / (line.sigma * line.sigma) }, sourceID: line.id, origin: name)
        }
    }

    /// Writes a spectrum as the instrument would.
    static func write(_ spectrum: Spectrum, sigma: Double, to url: URL) throws {
        let line = Line(
            id: spectrum.sourceID ?? "", start: spectrum.wavelength[0],
            step: spectrum.wavelength[1] - spectrum.wavelength[0], flux: spectrum.flux, sigma: sigma)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try encoder.encode(line).write(to: url)
    }
}
