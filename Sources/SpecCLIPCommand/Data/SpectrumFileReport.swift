import Foundation
import Instruments
import Spectra
import Support

/// What a file of spectra was understood to hold: the contract between the file and whatever reads it.
struct SpectrumFileReport: Encodable {
    /// Spectra that were understood in the same way.
    struct Group: Encodable {
        var layout: String
        var part: String
        var spectra: Int
        /// Pixels of a spectrum, from the fewest to the most.
        var pixels: [Int]
        /// Vacuum Å, over all of them.
        var range: [Double]
        var sampling: String
        var wavelength: String
        var medium: String
        var flux: String
        var error: String
        var mask: String
        var resolution: Double?
        /// Of all pixels: not finite, masked, or with an inverse variance that is not above 0.
        var badShare: Double
        /// Of the first spectra.
        var ids: [String]
        var snr: [Double]
        /// Instruments whose grid the first spectrum covers.
        var covers: [String]
    }

    var file: String
    var spectra = 0
    var groups: [Group] = []
    /// What was assumed or left out, with the number of spectra that it concerns.
    var notes: [String] = []

    /// - Parameters:
    ///   - path: as the user wrote it.
    ///   - options: what the user says of it.
    init(_ path: String, _ options: ReadingOptions) throws {
        file = path
        var (keys, bad, all): ([SpectrumReading], [Int], [Int]) = ([], [], [])
        var told: [(note: String, count: Int)] = []
        let (url, options) = options.resolving(path)
        try SpectrumReader.stream(url, options: options, batch: 256) { spectra, _ in
            for spectrum in spectra {
                self.spectra += 1
                for note in spectrum.notes {
                    if let known = told.firstIndex(where: { $0.note == note }) {
                        told[known].count += 1
                    } else {
                        told.append((note, 1))
                    }
                }
                let index = keys.firstIndex(of: spectrum.reading) ?? keys.count
                if index == keys.count {
                    keys.append(spectrum.reading)
                    groups.append(Group(spectrum))
                    (bad, all) = (bad + [0], all + [0])
                }
                groups[index].add(spectrum)
                bad[index] += spectrum.badPixels
                all[index] += spectrum.flux.count
            }
        }
        for index in groups.indices { groups[index].badShare = Double(bad[index]) / Double(max(1, all[index])) }
        notes = told.map { $0.count > 1 ? "\($0.note) (\($0.count) spectra)" : $0.note }
    }

    /// For people, within 80 columns where names allow it.
    var text: String {
        var lines = [("File", file), ("Spectra", "\(spectra)")]
        for group in groups {
            lines.append(("", ""))
            lines += group.lines(isOnly: groups.count == 1)
        }
        if !notes.isEmpty { lines.append(("", "")) }
        lines += notes.map { ("Note", $0) }
        return lines.map { name, value in
            name.isEmpty ? "" : name.padding(toLength: 12, withPad: " ", startingAt: 0) + value
        }.joined(separator: "\n")
    }
}

extension SpectrumFileReport.Group {
    fileprivate init(_ spectrum: Spectrum) {
        let reading = spectrum.reading
        (layout, part, wavelength, medium) = (reading.layout, reading.part, reading.wavelength, reading.medium)
        (flux, error, mask, resolution) = (reading.flux, reading.error, reading.mask, spectrum.resolution)
        (spectra, pixels, range, badShare, ids, snr) = (0, [], [], 0, [], [])
        sampling = Self.sampling(spectrum.wavelength)
        covers = Instrument.known.filter { instrument in
            guard let first = spectrum.wavelength.first, let last = spectrum.wavelength.last else { return false }
            let step = (last - first) / Double(max(1, spectrum.wavelength.count - 1))
            // Coarser pixels cannot tell what finer ones would.
            return step < 3 * instrument.grid.medianStep && instrument.isCovered(from: first, to: last)
        }.map(\.title)
    }

    fileprivate mutating func add(_ spectrum: Spectrum) {
        spectra += 1
        let count = spectrum.flux.count
        pixels = pixels.isEmpty ? [count, count] : [min(pixels[0], count), max(pixels[1], count)]
        if let first = spectrum.wavelength.first, let last = spectrum.wavelength.last {
            range = range.isEmpty ? [first, last] : [min(range[0], first), max(range[1], last)]
        }
        if ids.count < 5, let id = spectrum.sourceID { ids.append(id) }
        if let value = spectrum.snr { snr = snr.isEmpty ? [value, value] : [min(snr[0], value), max(snr[1], value)] }
    }

    /// Steps between pixels, in words.
    private static func sampling(_ wavelength: [Double]) -> String {
        guard wavelength.count > 2, let first = wavelength.first, let last = wavelength.last, first > 0, last > first
        else { return "none" }
        let count = Double(wavelength.count - 1)
        let (step, dex) = ((last - first) / count, log10(last / first) / count)
        func isEven(_ values: [Double], _ step: Double) -> Bool {
            zip(values, values.dropFirst()).allSatisfy { abs($1 - $0 - step) < 0.02 * abs(step) }
        }
        if isEven(wavelength, step) { return String(format: "steps of %.4g Å", step) }
        if isEven(wavelength.map { log10($0) }, dex) { return String(format: "steps of %.4g dex", dex) }
        let steps = zip(wavelength, wavelength.dropFirst()).map { $1 - $0 }.sorted()
        return String(format: "uneven steps, %.4g Å in the middle", steps[steps.count / 2])
    }

    fileprivate func lines(isOnly: Bool) -> [(String, String)] {
        func or(_ text: String) -> String { text.isEmpty ? "–" : text }
        func numbers(_ values: [Double], _ format: String) -> String {
            guard let low = values.first, let high = values.last else { return "–" }
            let (a, b) = (String(format: format, low), String(format: format, high))
            return a == b ? a : "\(a) to \(b)"
        }
        let counts =
            pixels.first == pixels.last ? "\(pixels.first ?? 0)" : pixels.map { "\($0)" }.joined(separator: " to ")
        var lines = [("Layout", layout + (part.isEmpty ? "" : ", \(part)"))]
        if !isOnly { lines.append(("Spectra", "\(spectra)")) }
        lines += [
            ("Range", numbers(range, "%.1f") + " Å, \(counts) pixels, \(sampling)"), ("Wavelength", or(wavelength)),
            ("Medium", or(medium)), ("Flux", or(flux)), ("Error", or(error)), ("Mask", or(mask)),
            ("Resolution", resolution.map { String(format: "%.0f", $0) } ?? "–"),
            ("Bad pixels", String(format: "%.1f %%", 100 * badShare)),
            ("Ids", ids.isEmpty ? "–" : ids.joined(separator: ", ") + (spectra > ids.count ? ", …" : "")),
            ("S/N", numbers(snr, "%.0f")),
            ("Covers", covers.isEmpty ? "no instrument that is known" : covers.joined(separator: ", ")),
        ]
        return lines
    }
}

extension Spectrum {
    /// Pixels that the file itself calls bad.
    fileprivate var badPixels: Int {
        flux.indices.count { pixel in
            !flux[pixel].isFinite || mask.map { pixel < $0.count && $0[pixel] } == true
                || ivar.map { pixel < $0.count && !($0[pixel] > 0) } == true
        }
    }
}
