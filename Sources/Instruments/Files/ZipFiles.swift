import Foundation
import Spectra
import Support
import Tables

/// A zip archive of files of spectra, as Gaia's DataLink and other services bundle them: each is read as a file of its own, in
/// the order of names. What is none is told and left out.
enum ZipFormat: SpectrumFormat {
    static func recognises(_ head: Data) -> Bool { head.starts(with: [0x50, 0x4b, 0x03, 0x04]) }

    static func open(_ file: InputFile, options: ReadingOptions) throws -> any SpectrumSource {
        try BundledSpectra(file, options)
    }
}

private final class BundledSpectra: SpectrumSource {
    /// A file whose first spectra were read.
    private struct Member {
        var source: any SpectrumSource
        var first: [Spectrum]
    }

    private let disk: DiskFile
    private let bundle: ZipBundle
    private let options: ReadingOptions
    private let folder: URL
    private var waiting: ArraySlice<ZipBundle.Member>
    private var current: Member?
    private var upcoming: Member?
    private var left: [String] = []
    private var firstError: Diagnostic?

    init(_ file: InputFile, _ options: ReadingOptions) throws {
        self.options = options
        disk = try DiskFile(file)
        bundle = try ZipBundle(disk.url, named: file.url, unpackingTo: options.mostUnpacked)
        waiting = bundle.members.sorted { $0.name < $1.name }[...]
        folder = FileManager.default.temporaryDirectory.appending(path: "specclip-\(UUID().uuidString.prefix(8)).zip")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        current = next()
        if current == nil {
            throw firstError
                ?? Diagnostic(bundle.url, problem: "holds no files", remedy: "give an archive of spectra")
        }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func next(_ count: Int) throws -> [Spectrum] {
        while let member = current {
            if !member.first.isEmpty {
                current?.first = []
                // The next is opened before, so that whoever reads the last is told what followed it.
                upcoming = next()
                var spectra = member.first
                spectra[0].notes += left.map { "of the archive left out: \($0)" }
                left = []
                return spectra
            }
            let spectra = try member.source.next(count)
            if !spectra.isEmpty { return spectra }
            (current, upcoming) = (upcoming, nil)
        }
        return []
    }

    /// The next file of spectra.
    private func next() -> Member? {
        while let file = waiting.popFirst() {
            do {
                let member = try open(file)
                if !member.first.isEmpty { return member }
            } catch let error as Diagnostic {
                firstError = firstError ?? error
                left.append("\(file.name) \(error.problem)")
            } catch { left.append("\(file.name) \(error)") }
        }
        return nil
    }

    private func open(_ file: ZipBundle.Member) throws -> Member {
        let copy = folder.appending(path: UUID().uuidString)
        // Whoever reads it has it open by then.
        defer { unlink(copy.path) }
        try bundle.extract(file, to: copy)
        let member = try InputFile(
            copy, named: bundle.url.appending(path: file.name), unpackingTo: options.mostUnpacked)
        let head = Data(member.head.prefix(4096))
        guard NPZFormat.recognises(head) || !ZipFormat.recognises(head), let format = SpectrumReader.format(of: head)
        else { throw Diagnostic(bundle.url, field: file.name, problem: "is an archive within an archive") }
        let source = try format.open(member, options: options)
        return Member(source: source, first: try source.next(64))
    }
}
