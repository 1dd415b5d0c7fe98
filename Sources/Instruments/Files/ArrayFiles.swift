import Foundation
import Spectra
import Support
import Tables

/// NumPy's archives of arrays: flux [spectra × pixels] or [pixels], wavelengths, errors, ids.
enum NPZFormat: SpectrumFormat {
    /// The first member is an array.
    static func recognises(_ head: Data) -> Bool {
        guard ZipFormat.recognises(head), head.count > 30 else { return false }
        let length = Int(head[head.startIndex + 26]) | Int(head[head.startIndex + 27]) << 8
        return head.dropFirst(30).prefix(length).suffix(4) == Data(".npy".utf8)
    }

    static func open(_ file: InputFile, options: ReadingOptions) throws -> any SpectrumSource {
        let disk = try DiskFile(file)
        let archive = try withExtendedLifetime(disk) { try NPZ.read(disk.url, unpackingTo: options.mostUnpacked) }
        let parts = try [arrays(archive.sources, file.url)].compactMap(\.self)
        return try SpectrumLayouts.open(FileParts(url: file.url, container: "NPZ", parts: parts), options)
    }

    /// A part of arrays; nil where there is none.
    fileprivate static func arrays(
        _ sources: [ArrayTable.Source], _ url: URL, number: Int = 0, name: String = "", facts: [String: String] = [:]
    ) throws -> FilePart? {
        guard
            let table = try ArrayTable(
                sources, isShared: { ColumnRole.wavelength.index(in: [$0]) != nil })
        else { return nil }
        let spectral = [ColumnRole.flux, .wavelength]
        if let lost = table.left.first(where: { lost in
            spectral.contains { $0.index(in: [String(lost.prefix { $0 != " " })]) != nil }
        }) {
            let others = table.fields.map { "\($0.name)" }.joined(separator: ", ")
            throw Diagnostic(
                url, field: name, problem: "\(lost) goes with none of \(others)",
                remedy: "give flux as [spectra, pixels] or [pixels], and wavelengths for each of the pixels")
        }
        return FilePart(.table(table), number: number, name: name, facts: facts)
    }
}

/// HDF5 with data sets of spectra, at its root or in groups, each of which is a part, as each table of records is.
enum HDF5Format: SpectrumFormat {
    static func recognises(_ head: Data) -> Bool { HDF5File.recognises(head) }

    static func open(_ file: InputFile, options: ReadingOptions) throws -> any SpectrumSource {
        // A copy may go when it is open.
        let disk = try DiskFile(file)
        let opened = try withExtendedLifetime(disk) { try HDF5File(opening: disk.url, named: file.url) }
        let groups = try (["/"] + opened.groups(in: "/")).map { ($0, try opened.sources(in: $0)) }
        let parts = try (groups + opened.tables(in: "/")).enumerated().compactMap { number, part in
            try NPZFormat.arrays(
                part.1, file.url, number: number, name: part.0 == "/" ? "" : part.0, facts: opened.facts(of: part.0))
        }
        let spectra = parts.filter { ColumnRole.flux.index(in: $0.table?.fields.map(\.name) ?? []) != nil }
        guard !spectra.isEmpty else {
            throw Diagnostic(
                file.url, field: "flux", problem: "no such data set in this HDF5 file",
                remedy:
                    "name data sets or columns wavelength and flux, or give a data set with groups train, validation, test"
            )
        }
        return try SpectrumLayouts.open(FileParts(url: file.url, container: "HDF5", parts: parts), options)
    }
}

extension HDF5File {
    /// Attributes that say what files say in keywords.
    fileprivate func facts(of group: String) -> [String: String] {
        let names = ["VACUUM", "AIRORVAC", "BUNIT", "TELESCOP", "INSTRUME", "OBJECT", "RESOLUTION"]
        return names.reduce(into: [:]) { facts, name in
            facts[name] = attribute(name, of: group) ?? attribute(name.lowercased(), of: group)
        }
    }
}
