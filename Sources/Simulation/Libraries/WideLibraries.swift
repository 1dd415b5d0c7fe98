import Foundation
import Spectra

/// STELIB 3.2: 255 stars, 3200 to 9900 Å in air (given here in vacuum), about 1 Å a pixel, FWHM 3.4 Å or less, at rest,
/// dereddened; where it was not observed the flux is 0 (masked here). Le Borgne et al. 2003, A&A 402, 433.
public enum STELIBLibrary {
    /// All stars, sorted by name; ids are `STELIB HD…`. Labels of those that have them in their header.
    ///
    /// - Throws: `Diagnostic` when the library has not been fetched or a file cannot be read.
    public static func stars(_ store: LibraryStore = LibraryStore()) throws -> [LibraryStar] {
        try LibraryFile.list("stelib", of: .mangaTemplates, in: store).map { url in
            let (_, flux, header) = try LibraryFile.image(url)
            let wavelength = AirVacuum.toVacuum(try LibraryFile.axis(header, count: flux.count, url: url))
            let name = header["OBJECT"] ?? url.deletingPathExtension().lastPathComponent
            let good = flux.map { $0 > 0 && $0.isFinite }
            return LibraryStar(
                id: "STELIB " + name,
                spectrum: Spectrum(
                    wavelength: wavelength, flux: zip(flux, good).map { $1 ? $0 : .nan }, mask: good.map { !$0 },
                    sourceID: "STELIB " + name, header: header, origin: url.lastPathComponent),
                labels: labels(header))
        }
    }

    /// Labels in a header; a dash stands for none.
    private static func labels(_ header: [String: String]) -> [String: Double] {
        let cards: [(String, String, ClosedRange<Double>)] = [
            ("teff", "TEFF", 1000...90_000), ("logg", "LOG_G", -2...7), ("fe_h", "FE_H", -6...2),
        ]
        var labels: [String: Double] = [:]
        for (name, card, valid) in cards {
            if let value = header[card].flatMap({ Double($0) }), valid.contains(value) { labels[name] = value }
        }
        return labels
    }
}

/// MaStar, as means over clusters of like stars (the MaNGA pipeline's `MaStarHC` version 2): 65 spectra, 3632 to 10321 Å
/// in vacuum, equal steps of 10⁻⁴ dex, R ≈ 1400 to 2300, without labels. Yan et al. 2019, ApJ 883, 175.
public enum MaStarLibrary {
    /// All cluster means, sorted by number; ids are `MaStarHC 00`…
    ///
    /// - Throws: `Diagnostic` when the library has not been fetched or a file cannot be read.
    public static func stars(_ store: LibraryStore = LibraryStore()) throws -> [LibraryStar] {
        try LibraryFile.list("mastar", of: .mangaTemplates, in: store).map { url in
            let (file, flux, header) = try LibraryFile.image(url)
            let wavelength = try LibraryFile.axis(header, count: flux.count, url: url).map { pow(10, $0) }
            var ivar: [Double]?
            if let hdu = file.hdus.first(where: { $0.name == "IVAR" }) {
                let values = try file.imageRow(0, of: hdu)
                if values.count == flux.count { ivar = values.map { $0 > 0 && $0.isFinite ? $0 : 0 } }
            }
            let id = "MaStarHC " + url.deletingPathExtension().lastPathComponent.suffix(2)
            let good = flux.map { $0 > 0 && $0.isFinite }
            return LibraryStar(
                id: id,
                spectrum: Spectrum(
                    wavelength: wavelength, flux: zip(flux, good).map { $1 ? $0 : .nan }, ivar: ivar,
                    mask: good.map { !$0 }, sourceID: id, header: header, origin: url.lastPathComponent),
                labels: [:])
        }
    }
}
