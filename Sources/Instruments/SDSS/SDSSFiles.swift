import Spectra
import Support
import Tables

/// SDSS's early files (`spSpec`, DR1 to DR7): rows of an image
/// (https://classic.sdss.org/dr7/dm/flatFiles/spSpec.php).
enum SDSSImage: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "SDSS spSpec (DR1–DR7)", recognised: "TELESCOP = SDSS 2.5-M, COEFF0 and three rows or more",
        wavelength: "COEFF0, COEFF1", medium: "VACUUM; else vacuum", flux: "row 1",
        error: "row 3, standard deviation; 0 where bad",
        mask: "none beyond the errors: row 4 keeps notes of all exposures",
        id: "SPECOBJID, else the name")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        guard let part = file.parts.first, let image = part.image, image.axes.count == 2,
            (3...5).contains(image.axes[1]),
            part.facts["TELESCOP"]?.uppercased().contains("SDSS") == true, part.facts["ARRAY1"] == nil,
            let axis = try Dispersion(part.facts, count: image.axes[0], file: file.url.relativePath)
        else { return nil }
        var reading = SpectrumReading()
        (reading.layout, reading.part) = (sheet.name, part.title)
        (reading.flux, reading.error) = ("row 1", "row 3 as error")
        var builder = SpectrumBuilder(options, header: file.facts(of: part), origin: file.url.path, reading: reading)
        builder.take(axis)
        (builder.flux, builder.error) = (try image.row(0), try image.row(2))
        builder.fluxUnit = part.facts["BUNIT"] ?? ""
        return FoundSpectra([ReadSpectra([try builder.build()])])
    }
}
