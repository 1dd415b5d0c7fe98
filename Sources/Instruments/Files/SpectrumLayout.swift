import Foundation
import Spectra
import Support
import Tables

/// A kind of file in use: how it is recognised, and what its parts mean. A new one is a conformance and a line in
/// ``SpectrumLayouts/known``.
protocol SpectrumLayout: SendableMetatype {
    /// Its line in docs/formats.md.
    static var sheet: LayoutSheet { get }
    /// The spectra of a file that is of this layout; nil where it is not.
    /// - Throws: `Diagnostic` where it is, but makes no sense.
    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra?
}

/// What a layout says of itself: docs/formats.md is made of these.
struct LayoutSheet: Sendable, Hashable {
    var name: String
    var recognised: String
    var wavelength: String
    var medium: String
    var flux: String
    var error: String
    var mask: String
    var id: String

    /// A section of Markdown, a line for each.
    var markdown: String {
        let facts = [
            ("recognised by", recognised), ("wavelength", wavelength), ("air or vacuum", medium), ("flux", flux),
            ("error", error), ("mask", mask), ("id", id),
        ]
        return "### \(name)\n\n" + facts.map { "- **\($0)**: \(Self.wrapped($1))" }.joined(separator: "\n")
    }

    /// Text in lines of 120 characters, those after the first indented as a list has them.
    private static func wrapped(_ text: String) -> String {
        var (lines, line) = ([String](), "")
        for word in text.split(separator: " ") {
            if line.count + word.count > 100 {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
        }
        return (lines + [line]).joined(separator: "\n  ")
    }
}

extension SpectrumReader {
    /// The layouts that are read, in Markdown.
    public static var formats: String {
        """
        # Files of spectra that are read

        This page is what the layouts say of themselves (`specclip data formats`); a test holds it to them. What a file was
        understood to hold, `specclip data info FILE` tells.

        ## Containers

        - FITS, also compressed into tiles (`.fz`); VOTable 1.1 to 1.5 (TABLEDATA, BINARY, BINARY2); ECSV; CSV, TSV, VizieR's and
          other text, also with decimal commas, Fortran's exponents, arrays in cells, Latin-1 or UTF-16.
        - Avro object container files; NPZ and HDF5 of arrays flux [spectra, pixels] or [pixels], wavelength, ivar, error, ids; HDF5 of records,
          as astropy writes tables.
        - Parquet, nested columns too, and HATS catalogues of such files ([catalogues.md](catalogues.md)), once `make parquet` has brought its
          library.
        - Zip archives of such files, as DataLink bundles them: each is read, what is none is told.
        - Each also packed by gzip, bzip2, xz or Zstandard, whatever the name, and from standard input (`-`) or a pipe.

        ## Layouts

        The first that recognises a file is taken. Options say what files do not: `--air`, `--vacuum`, `--wavelength-unit`,
        `--flux-unit`, `--resolution`, `--hdu`, `--columns`; `file.fits[2]` and `file.csv#7` choose an HDU and a spectrum.

        """ + "\n" + SpectrumLayouts.known.map { $0.sheet.markdown }.joined(separator: "\n\n")
    }
}

extension Field {
    /// As schemas of Parquet say it.
    fileprivate var schema: String {
        let kind =
            switch self.kind {
            case .text: "string"
            case .integer: "int"
            case .single: "float"
            case .double: "double"
            case .logical: "bool"
            case .other: "of another kind"
            }
        return isArray ? "list<\(kind)>" : kind
    }
}

/// The spectra that a layout found in a file.
struct FoundSpectra {
    var groups: [any SpectrumSource]
    /// What was left out, and how to get it.
    var notes: [String] = []

    init(_ groups: [any SpectrumSource], notes: [String] = []) { (self.groups, self.notes) = (groups, notes) }
}

/// The layouts that are known: those of one instrument first, then those that say what they are by names and keywords.
enum SpectrumLayouts {
    static let known: [any SpectrumLayout.Type] = [
        LAMOSTImage.self, LAMOSTTables.self, SDSSImage.self, SDSSSpec.self, APOGEEStar.self, DESISpectra.self,
        GALAHSpectrum.self, SixDFSpectrum.self, FibreImages.self,
        XPContinuousTable.self, PypeItSpec1D.self, IRAFMultispec.self, SpectrumCubes.self, SpectrumTables.self,
        SpectrumImages.self,
    ]

    /// The spectra of a file, by the first layout that recognises it.
    /// - Throws: `Diagnostic` saying what there is where none does.
    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> any SpectrumSource {
        let file = try file.chosen(options)
        for layout in known {
            guard let found = try layout.open(file, options) else { continue }
            return JoinedSpectra(found)
        }
        throw nothing(in: file)
    }

    private static func nothing(in file: FileParts) -> Diagnostic {
        let names = file.parts.compactMap(\.table).flatMap { $0.fields.map(\.name) }
        if file.container == "Parquet" {
            let fields = file.parts.compactMap(\.table).flatMap(\.fields).map { "\($0.name) \($0.schema)" }
            return Diagnostic(
                file.url, field: ColumnRole.flux.index(in: names) != nil ? "wavelength" : "flux",
                problem: "no such column; there are " + fields.prefix(16).joined(separator: ", ")
                    + (fields.count > 16 ? ", …" : ""),
                remedy:
                    "a spectrum is a structure of lists (wavelength, flux, ivar, mask), such lists each a column, or "
                    + "bp_coefficients and rp_coefficients; or give --columns wavelength=NAME,flux=NAME")
        }
        if file.container != "FITS" {
            let fields = names.prefix(12).joined(separator: ", ")
            let hasFlux = ColumnRole.flux.index(in: names) != nil
            return Diagnostic(
                file.url, field: hasFlux ? "wavelength" : "flux", problem: "no such column; there are \(fields)",
                remedy: hasFlux
                    ? "name it wavelength, wave, lambda or loglam, or give --columns wavelength=NAME"
                    : "name the columns wavelength and flux, or give --columns wavelength=NAME,flux=NAME")
        }
        let found = file.parts.map { part in
            let names = part.table?.fields.map(\.name) ?? []
            return names.isEmpty ? part.title : part.title + " (" + names.prefix(12).joined(separator: ", ") + ")"
        }
        return Diagnostic(
            file.url, field: "FLUX",
            problem:
                "no spectrum found: neither an image with wavelengths nor a table with FLUX and WAVELENGTH, WAVE, LAMBDA"
                + " or LOGLAM; there are " + found.prefix(8).joined(separator: ", "),
            remedy: "name the columns so, or give --columns wavelength=NAME,flux=NAME")
    }
}

extension FileParts {
    /// The file with the part alone that the user chose; its primary header stays.
    fileprivate func chosen(_ options: ReadingOptions) throws -> FileParts {
        guard let wanted = options.part else { return self }
        let found = parts.filter { "\($0.number)" == wanted || $0.name.lowercased() == wanted.lowercased() }
        guard let part = found.first else {
            throw Diagnostic(
                url, field: "[\(wanted)]", problem: "no such HDU",
                remedy: "there are " + parts.prefix(20).map(\.title).joined(separator: ", "))
        }
        var file = self
        file.parts =
            (part.number == 0 ? [] : parts.prefix(1).map { FilePart(.nothing, name: $0.name, facts: $0.facts) })
        file.parts += [part]
        return file
    }

    /// Keywords of a part, with those of the file where it has none.
    func facts(of part: FilePart) -> [String: String] {
        part.facts.merging(facts) { own, _ in own }.filter { !$0.key.isStructural }
    }
}

/// Groups of spectra one after the other.
private final class JoinedSpectra: SpectrumSource {
    private var groups: [any SpectrumSource]
    private var notes: [String]

    init(_ found: FoundSpectra) { (groups, notes) = (found.groups, found.notes) }

    func next(_ count: Int) throws -> [Spectrum] {
        var spectra: [Spectrum] = []
        while spectra.count < count, !groups.isEmpty {
            let more = try groups[0].next(count - spectra.count)
            if more.isEmpty { groups.removeFirst() }
            spectra += more
        }
        if !spectra.isEmpty {
            spectra[0].notes = notes + spectra[0].notes
            notes = []
        }
        return spectra
    }
}

extension String {
    /// Keywords that describe a table, not a star: also `TFORM3` and its kin.
    fileprivate var isStructural: Bool {
        if Self.structural.contains(self) || hasPrefix("NAXIS") { return true }
        let bytes = utf8
        guard bytes.first == UInt8(ascii: "T"), bytes.last.map(Self.isDigit) == true else { return false }
        let name = bytes.dropFirst().drop { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        return name.count < bytes.count - 1 && name.allSatisfy(Self.isDigit)
    }

    private static let structural: Set = ["XTENSION", "SIMPLE", "BITPIX", "EXTEND", "PCOUNT", "GCOUNT", "TFIELDS"]

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
