import Foundation
import Spectra
import Support
import Tables

/// Cubes of integral-field spectrographs: two axes of the sky, the third of wavelengths. Every place of the sky with
/// a good pixel is a spectrum.
enum SpectrumCubes: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "Cube (MUSE, …)",
        recognised: "an image of three axes, CTYPE1 and CTYPE2 those of the sky, CRVAL3 that of wavelengths",
        wavelength: "CRVAL3, CDELT3 or CD3_3, CUNIT3, CTYPE3", medium: "CTYPE3 = AWAV, VACUUM and their kin",
        flux: "an extension DATA, FLUX, SCI, or the only cube; a spectrum for each place with a good pixel, row by row",
        error: "cubes STAT, VARIANCE, ERROR, IVAR, …", mask: "cubes DQ, MASK, …",
        id: "none: X and Y count pixels from 1, ra and dec are those of the pixel")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        let cubes = file.parts.filter { isCube($0) }
        guard let part = cubes.first(where: { ImageRole(ofExtension: $0.name) == .flux }) ?? cubes.first else {
            return nil
        }
        let spectra = try CubeSpectra(part, file, options)
        return FoundSpectra([spectra], notes: spectra.notes)
    }

    private static func isCube(_ part: FilePart) -> Bool {
        guard let axes = part.image?.axes, axes.count == 3, axes[2] > 1, part.facts["CRVAL3"] != nil else {
            return false
        }
        return Dispersion.isCelestial((part.facts["CTYPE1"] ?? "").uppercased())
    }
}

private final class CubeSpectra: SpectrumSource {
    private let cube: any ImageSource
    private let partners: [(role: ImageRole, image: any ImageSource)]
    /// What of the file is left out.
    let notes: [String]
    private let sky: SkyPlane?
    private let builder: SpectrumBuilder
    private var line = 0
    private var waiting: [Spectrum] = []

    init(_ part: FilePart, _ file: FileParts, _ options: ReadingOptions) throws {
        // The axis of wavelengths, as if it were the first.
        var facts = part.facts
        for (first, third) in [
            ("CRVAL1", "CRVAL3"), ("CDELT1", "CDELT3"), ("CD1_1", "CD3_3"), ("PC1_1", "PC3_3"), ("CRPIX1", "CRPIX3"),
            ("CTYPE1", "CTYPE3"), ("CUNIT1", "CUNIT3"),
        ] {
            facts[first] = part.facts[third]
        }
        guard let cube = part.image,
            let axis = try Dispersion(facts, count: cube.axes[2], file: file.url.relativePath)
        else {
            throw Diagnostic(
                file.url, field: "CRVAL3, CDELT3", problem: "do not give wavelengths",
                remedy: "correct the header of \(part.title)")
        }
        (self.cube, sky) = (cube, SkyPlane(part.facts))
        var (partners, notes): ([(ImageRole, any ImageSource)], [String]) = ([], [])
        for other in file.parts where other.number != part.number {
            guard let image = other.image, image.axes.count > 1 else { continue }
            let role = ImageRole(ofExtension: other.name) ?? .other
            if image.axes == cube.axes, role.isOfErrors {
                partners.append((role, image))
            } else {
                notes.append(file.leftOut(other))
            }
        }
        (self.partners, self.notes) = (partners, notes)
        var reading = SpectrumReading()
        (reading.layout, reading.part, reading.flux) = ("cube", part.title, "each place of the sky")
        var builder = SpectrumBuilder(options, header: file.facts(of: part), origin: file.url.path, reading: reading)
        builder.fluxUnit = part.facts["BUNIT"] ?? ""
        builder.take(axis)
        builder.reading.wavelength = axis.source.replacing("1", with: "3")
        self.builder = builder
    }

    func next(_ count: Int) throws -> [Spectrum] {
        while waiting.count < count, line < cube.axes[1] {
            waiting += try spectra(ofLine: line)
            line += 1
        }
        defer { waiting.removeFirst(min(count, waiting.count)) }
        return Array(waiting.prefix(count))
    }

    /// The spectra along the first axis of the sky.
    private func spectra(ofLine y: Int) throws -> [Spectrum] {
        let (width, count) = (cube.axes[0], cube.axes[2])
        func spectrum(_ x: Int, _ plane: [Double]) -> [Double] { (0..<count).map { plane[$0 * width + x] } }
        let flux = try cube.line(y)
        let others = try partners.map { ($0.role, try $0.image.line(y)) }
        let flags = others.first { $0.0 == .mask }?.1
        // The field is no rectangle along the axes: beyond its edge there is nothing.
        let seen = (0..<width).filter { x in
            (0..<count).contains { pixel in
                let place = pixel * width + x
                return flux[place].isFinite && flux[place] != 0 && (flags?[place] ?? 0) == 0
            }
        }
        return try seen.map { x in
            var builder = builder
            builder.flux = spectrum(x, flux)
            (builder.header["X"], builder.header["Y"]) = ("\(x + 1)", "\(y + 1)")
            if let place = sky?.place(x: Double(x + 1), y: Double(y + 1)) {
                (builder.header["RA"], builder.header["DEC"]) = ("\(place.ra)", "\(place.dec)")
            }
            builder.takeErrors { role in others.first { $0.0 == role }.map { spectrum(x, $0.1) } }
            return try builder.build()
        }
    }
}

/// Where pixels are on the sky: a plane that touches it (`TAN`; Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3).
private struct SkyPlane {
    /// Degrees.
    private let (ra, dec): (Double, Double)
    private let reference: (x: Double, y: Double)
    /// Degrees per pixel.
    private let matrix: (xx: Double, xy: Double, yx: Double, yy: Double)

    init?(_ facts: [String: String]) {
        func number(_ key: String) -> Double? { facts[key].flatMap { Double($0) } }
        guard facts["CTYPE1"]?.hasPrefix("RA---TAN") == true, let ra = number("CRVAL1"), let dec = number("CRVAL2")
        else { return nil }
        let (one, two) = (number("CDELT1") ?? 1, number("CDELT2") ?? 1)
        let isCD = ["CD1_1", "CD1_2", "CD2_1", "CD2_2"].contains { facts[$0] != nil }
        func entry(_ i: Int, _ j: Int) -> Double {
            if isCD { return number("CD\(i)_\(j)") ?? 0 }
            return (i == 1 ? one : two) * (number("PC\(i)_\(j)") ?? (i == j ? 1 : 0))
        }
        (self.ra, self.dec) = (ra, dec)
        reference = (number("CRPIX1") ?? 0, number("CRPIX2") ?? 0)
        matrix = (entry(1, 1), entry(1, 2), entry(2, 1), entry(2, 2))
    }

    /// Degrees; pixels count from 1.
    func place(x: Double, y: Double) -> (ra: Double, dec: Double) {
        let degree = Double.pi / 180
        let (dx, dy) = (x - reference.x, y - reference.y)
        let xi = (matrix.xx * dx + matrix.xy * dy) * degree
        let eta = (matrix.yx * dx + matrix.yy * dy) * degree
        let (sine, cosine) = (sin(dec * degree), cos(dec * degree))
        let depth = cosine - eta * sine
        let turned = (ra + atan2(xi, depth) / degree).truncatingRemainder(dividingBy: 360)
        let height = atan2(sine + eta * cosine, (xi * xi + depth * depth).squareRoot())
        return (turned < 0 ? turned + 360 : turned, height / degree)
    }
}
