import Foundation
import Spectra
import Support
import Tables

/// DESI's spectra and coadds: images of one arm each, a row for each target
/// (https://desidatamodel.readthedocs.io, "coadd-SURVEY-PROGRAM-PIXNUM.fits").
enum DESISpectra: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "DESI spectra and coadds",
        recognised: "extensions B_FLUX, R_FLUX or Z_FLUX (or BRZ_FLUX) with B_WAVELENGTH, …",
        wavelength: "*_WAVELENGTH; arms are joined, each up to the middle of an overlap", medium: "vacuum",
        flux: "*_FLUX, a row per target", error: "*_IVAR", mask: "*_MASK", id: "TARGETID of FIBERMAP")

    private struct Arm {
        let wavelength: [Double]
        let kept: Range<Int>
        let flux: any ImageSource
        let ivar: (any ImageSource)?
        let mask: (any ImageSource)?
        let unit: String
    }

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        func image(_ name: String) -> FilePart? { file.parts.first { $0.name.uppercased() == name && $0.image != nil } }
        let names = ["B", "R", "Z", "BRZ"].filter { image("\($0)_FLUX") != nil && image("\($0)_WAVELENGTH") != nil }
        guard !names.isEmpty else { return nil }
        var axes = try names.map { name in (name, try image("\(name)_WAVELENGTH")?.image?.row(0) ?? []) }
        axes = axes.filter { $0.1.count > 1 }.sorted { $0.1[0] < $1.1[0] }
        let arms = try axes.enumerated().map { index, axis in
            let (name, wavelength) = axis
            guard let part = image("\(name)_FLUX"), let flux = part.image, flux.axes.first == wavelength.count else {
                throw Diagnostic(
                    file.url, field: "\(name)_FLUX", problem: "and \(name)_WAVELENGTH differ in length",
                    remedy: "download it again")
            }
            // Where arms overlap, each is used up to the middle.
            let low = index > 0 ? (axes[index - 1].1.last ?? 0) : 0
            let high = index + 1 < axes.count ? axes[index + 1].1[0] : .infinity
            let from = low > wavelength[0] ? (low + wavelength[0]) / 2 : 0
            let last = wavelength[wavelength.count - 1]
            let to = high < last ? (high + last) / 2 : .infinity
            let first = wavelength.firstIndex { $0 > from } ?? 0
            let end = wavelength.firstIndex { $0 > to } ?? wavelength.count
            return Arm(
                wavelength: wavelength, kept: first..<max(first, end), flux: flux, ivar: image("\(name)_IVAR")?.image,
                mask: image("\(name)_MASK")?.image, unit: part.facts["BUNIT"] ?? "")
        }
        let fibres = file.parts.first { $0.name.uppercased() == "FIBERMAP" }?.table
        return FoundSpectra([Targets(arms, fibres, file, options)])
    }

    /// A row of each arm's images at a time: files hold thousands.
    private final class Targets: SpectrumSource {
        private let arms: [Arm]
        private let fibres: (any TableSource)?
        private let file: FileParts
        private let options: ReadingOptions
        private var row = 0

        init(_ arms: [Arm], _ fibres: (any TableSource)?, _ file: FileParts, _ options: ReadingOptions) {
            (self.arms, self.fibres, self.file, self.options) = (arms, fibres, file, options)
        }

        func next(_ count: Int) throws -> [Spectrum] {
            let total = arms.map(\.flux.rowCount).min() ?? 0
            let range = row..<min(total, row + count)
            guard !range.isEmpty else { return [] }
            row = range.upperBound
            let table = try fibres?.next(range.count)
            let fields = fibres?.fields ?? []
            let facts = try fields.indices.filter { fields[$0].isFact }.compactMap {
                index in
                try table.map { (fields[index].name.uppercased(), try $0.texts(index)) }
            }
            return try range.map { row in
                var reading = SpectrumReading()
                (reading.layout, reading.wavelength, reading.flux) = (
                    DESISpectra.sheet.name, "arms joined", "flux of all arms"
                )
                (reading.error, reading.mask) = ("inverse variance", "mask")
                var builder = SpectrumBuilder(options, header: file.facts, origin: file.url.path, reading: reading)
                for (name, values) in facts where row - range.lowerBound < values.count {
                    builder.header[name] = values[row - range.lowerBound]
                }
                builder.statements = [MediumStatement(.vacuum, by: "DESI")]
                builder.unit = .angstrom
                builder.fluxUnit = arms.first?.unit ?? ""
                (builder.ivar, builder.flags) = ([], [])
                for arm in arms {
                    let kept = arm.kept
                    builder.wavelength += arm.wavelength[kept]
                    builder.flux += try arm.flux.row(row)[kept]
                    builder.ivar? += try arm.ivar?.row(row)[kept] ?? [Double](repeating: 1, count: kept.count)[...]
                    builder.flags? += try arm.mask?.row(row)[kept] ?? [Double](repeating: 0, count: kept.count)[...]
                }
                if arms.contains(where: { $0.ivar == nil }) { builder.ivar = nil }
                return try builder.build()
            }
        }
    }
}
