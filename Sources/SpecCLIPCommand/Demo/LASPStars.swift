import Foundation
import Instruments
import StarReading
import Support

/// Real LAMOST files with the labels of the survey's own pipeline (LASP), from a folder with a `labels.csv`:
/// columns `file`, `snr_g`, `teff_K`, `logg_dex`, `feh_dex`.
struct LASPStars {
    /// The files that the table names, with their S/N in the g band.
    private(set) var files: [(url: URL, snr: Double)] = []
    /// Labels by our names, in the order of `files`; NaN where the table has none.
    private(set) var labels: [String: [Double]] = [:]

    init(_ folder: URL) throws {
        let table = folder.appending(path: "labels.csv")
        guard let text = try? String(contentsOf: table, encoding: .utf8) else {
            throw Diagnostic(
                table.path, problem: "cannot be read", remedy: "give a folder with labels.csv to --lamost")
        }
        let rows = text.split(whereSeparator: \.isNewline).map { $0.split(separator: ",").map(String.init) }
        let header = rows.first ?? []
        func column(_ name: String) throws -> Int {
            guard let index = header.firstIndex(of: name) else {
                throw Diagnostic(
                    table.path, field: name, problem: "this column is missing",
                    remedy: "its columns are \(header.joined(separator: ", "))")
            }
            return index
        }
        let columns = try ["teff": column("teff_K"), "logg": column("logg_dex"), "fe_h": column("feh_dex")]
        let (file, snr) = (try column("file"), try column("snr_g"))
        for row in rows.dropFirst() where row.count == header.count {
            files.append((folder.appending(path: row[file]), Double(row[snr]) ?? 0))
            for (name, index) in columns { labels[name, default: []].append(Double(row[index]) ?? .nan) }
        }
    }

    /// The stars as a reader takes them, in the order of `files`.
    func observations(_ reader: StarReader) throws -> [Observation] {
        try files.map { file in
            guard let spectrum = try SpectrumReader.read(file.url, as: .lamostLRS).first else {
                throw Diagnostic(file.url, problem: "holds no spectrum", remedy: "check labels.csv")
            }
            return try Observation(spectrum, of: .lamostLRS, among: reader.instruments)
        }
    }
}
