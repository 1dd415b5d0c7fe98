import Foundation
import Spectra

/// The MILES library, version 9.1: 984 stars, 3540.5 to 7409.6 Å in air (given here in vacuum), 0.9 Å a pixel,
/// FWHM 2.5 Å, at rest; T_eff, log g and [Fe/H] of most (Sánchez-Blázquez et al. 2006, MNRAS 371, 703; Falcón-Barroso
/// et al. 2011, A&A 532, A95).
public enum MILESLibrary {
    /// All stars, sorted by number; ids are `MILES 0001`…
    ///
    /// - Throws: `Diagnostic` when the library has not been fetched or a file cannot be read.
    public static func stars(_ store: LibraryStore = LibraryStore()) throws -> [LibraryStar] {
        let parameters = try store.file("miles/MILES_params.db", of: .mangaTemplates)
        let labels = parse(parameters: String(decoding: try LibraryFile.data(parameters), as: UTF8.self))
        var axis: (key: String, wavelength: [Double]) = ("", [])
        return try LibraryFile.list("miles", of: .mangaTemplates, in: store).map { url in
            let (_, flux, header) = try LibraryFile.image(url)
            let key = "\(header["CRVAL1"] ?? "") \(header["CDELT1"] ?? "") \(flux.count)"
            // All but a few files share one axis: converted once, and one array in memory.
            if key != axis.key {
                axis = (key, AirVacuum.toVacuum(try LibraryFile.axis(header, count: flux.count, url: url)))
            }
            let number = String(url.deletingPathExtension().lastPathComponent.suffix(5).prefix(4))
            let good = flux.map { $0 > 0 && $0.isFinite }
            return LibraryStar(
                id: "MILES " + number,
                spectrum: Spectrum(
                    wavelength: axis.wavelength, flux: zip(flux, good).map { $1 ? $0 : .nan },
                    mask: good.map { !$0 }, sourceID: "MILES " + number, origin: url.lastPathComponent),
                labels: labels[number] ?? [:])
        }
    }

    /// Labels by star number from the text of `MILES_params.db` (number, T_eff, log g, [Fe/H]; 9999 and 99999 = none).
    static func parse(parameters: String) -> [String: [String: Double]] {
        let columns: [(String, ClosedRange<Double>)] = [("teff", 1000...90_000), ("logg", -2...7), ("fe_h", -6...2)]
        var stars: [String: [String: Double]] = [:]
        for line in parameters.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let fields = line.split(whereSeparator: \.isWhitespace)
            guard fields.count >= 4, fields[0].count == 4, Int(fields[0]) != nil else { continue }
            var labels: [String: Double] = [:]
            for (field, column) in zip(fields.dropFirst(), columns) {
                if let value = Double(field), column.1.contains(value) { labels[column.0] = value }
            }
            stars[String(fields[0])] = labels
        }
        return stars
    }
}
