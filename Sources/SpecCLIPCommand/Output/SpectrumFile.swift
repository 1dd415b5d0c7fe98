import Foundation
import Spectra

/// Files of spectra on the grid of one instrument.
enum SpectrumFile {
    /// The formats, by extension.
    static let extensions = ["npz", "fits", "csv"]

    /// A new file in the format of its extension.
    static func create(_ url: URL, _ instrument: Instrument) throws -> any SpectrumSink {
        switch url.pathExtension.lowercased() {
        case "csv": try CSVSpectra(url, instrument)
        case "npz": try NPZSpectra(url, instrument)
        default: FITSSpectra(url, instrument)
        }
    }
}

/// Where spectra go; the file is in place only once it is finished.
protocol SpectrumSink: AnyObject {
    /// - Parameter flux: one row a star.
    func append(_ stars: [Star], _ flux: [Float]) throws
    func finish() throws
}

/// Long form, one pixel a line, written as it comes.
private final class CSVSpectra: SpectrumSink {
    private let file: AtomicOutputFile
    private let wavelengths: [String]

    init(_ url: URL, _ instrument: Instrument) throws {
        file = try AtomicOutputFile(url)
        wavelengths = instrument.grid.wavelengths.map { fixed($0, 3) }
        try file.write("file,source_id,wavelength,flux\n")
    }

    func append(_ stars: [Star], _ flux: [Float]) throws {
        for (row, star) in stars.enumerated() {
            let start = CSV.line([star.name, star.sourceID]).dropLast() + ","
            for (pixel, wavelength) in wavelengths.enumerated() {
                try file.write("\(start)\(wavelength),\(flux[row * wavelengths.count + pixel])\n")
            }
        }
    }

    func finish() throws { try file.finish() }
}

/// Arrays; the flux is kept on disk until the end.
private final class NPZSpectra: SpectrumSink {
    private let url: URL
    private let wavelengths: [Double]
    private let flux: NPYRows
    private var files: [String] = []
    private var sourceIDs: [String] = []

    init(_ url: URL, _ instrument: Instrument) throws {
        self.url = url
        wavelengths = instrument.grid.wavelengths
        flux = try NPYRows(width: wavelengths.count, for: url)
    }

    func append(_ stars: [Star], _ flux: [Float]) throws {
        try self.flux.append(flux)
        files += stars.map(\.name)
        sourceIDs += stars.map(\.sourceID)
    }

    func finish() throws {
        try NPZ.write(
            arrays: [
                ("wavelength", NPYArray(.float64(wavelengths))), ("source_id", NPYArray(.string(sourceIDs))),
                ("file", NPYArray(.string(files))),
            ], rows: [("flux", flux)], to: url)
    }
}

/// A table with vectors, held in memory until the end.
private final class FITSSpectra: SpectrumSink {
    private let url: URL
    private let wavelengths: [Float]
    private var files: [String] = []
    private var sourceIDs: [String] = []
    private var instruments: [String] = []
    private var flux: [Float] = []

    init(_ url: URL, _ instrument: Instrument) {
        self.url = url
        wavelengths = instrument.grid.wavelengths.map { Float($0) }
    }

    func append(_ stars: [Star], _ flux: [Float]) {
        files += stars.map(\.name)
        sourceIDs += stars.map(\.sourceID)
        instruments += stars.map(\.instrument.name)
        self.flux += flux
    }

    func finish() throws {
        let repeated = files.flatMap { _ in wavelengths }
        try OutputTable(columns: [
            .init(name: "file", values: .text(files)), .init(name: "source_id", values: .text(sourceIDs)),
            .init(name: "instrument", values: .text(instruments)),
            .init(name: "wavelength", unit: "Å", values: .vectors(repeated, width: wavelengths.count)),
            .init(name: "flux", values: .vectors(flux, width: wavelengths.count)),
        ]).write(to: url)
    }
}
