import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Support

/// Takes the body of a request in as it comes: files into a folder of their own, under names of the server's making.
struct UploadReceiver: Sendable {
    let options: ServerOptions
    let folder: ServerFolder
    let budget: MemoryBudget

    /// Bodies of one file, by what they say they are, and the ending that readers may look at.
    static let wholeFiles = [
        "application/vnd.apache.parquet": ".parquet", "application/fits": ".fits", "image/fits": ".fits",
        "text/csv": ".csv", "application/x-votable+xml": ".vot",
    ]
    /// Endings of names that stay.
    private static let endings: Set<String> = [
        "fits", "fit", "fz", "csv", "tsv", "txt", "dat", "ecsv", "vot", "xml", "avro", "npz", "h5", "hdf5", "parquet",
        "zip",
    ]
    private static let packings: Set<String> = ["gz", "bz2", "xz", "zst"]
    /// Bytes of a field that is no file, and of a body that has to lie in memory.
    private static let longestField = 8 << 10, longestText = 64 << 20

    /// - Throws: `Refusal`.
    func receive(_ request: Request) async throws -> Upload {
        if let length = request.headers[.contentLength].flatMap(Int.init), length > options.uploadBytes {
            throw tooLarge
        }
        let type = request.headers[.contentType] ?? ""
        let media = type.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
        var upload = Upload(in: PrivateFolder(in: folder.url), budget.share())
        if media == "multipart/form-data" {
            guard let boundary = MultipartHeader.parameters(type[...])["boundary"] else {
                throw Refusal.bad("Content-Type", "names no boundary", "send multipart/form-data as browsers do")
            }
            try await form(request, boundary, into: &upload)
        } else if media == "application/json" {
            upload.text = try await text(request, upload)
        } else if let ending = Self.wholeFiles[media] {
            let file = try UploadedFile("body" + ending, of: upload)
            var intake = intake(upload)
            for try await piece in request.body { try file.write(try intake.take(piece)) }
            upload.add(try file.close())
        } else {
            throw Refusal(
                .unsupportedMediaType,
                Diagnostic(
                    "Content-Type", problem: media.isEmpty ? "is not given" : "\(media.prefix(80)) is not taken",
                    remedy: "send multipart/form-data, application/json, "
                        + Self.wholeFiles.keys.sorted().joined(separator: " or ")))
        }
        guard !upload.files.isEmpty || upload.text != nil else { throw Self.empty }
        return upload
    }

    /// A request without spectra.
    static let empty = Refusal.bad(
        "body", "brings no spectra", "send files in the field 'file', or JSON with 'spectra'")

    private var tooLarge: Refusal {
        .tooLarge(
            "body", "is larger than \(options.uploadBytes) bytes", "send less at once, or raise --max-upload")
    }

    /// Counts the pieces of a body.
    private struct Intake {
        let most: Int
        let share: MemoryBudget.Share
        let error: Refusal
        var total = 0

        /// - Throws: `Refusal` where there is no room for a piece.
        mutating func take(_ piece: ByteBuffer) throws -> ByteBufferView {
            total += piece.readableBytes
            guard total <= most else { throw error }
            try share.grow(by: piece.readableBytes)
            return piece.readableBytesView
        }
    }

    private func intake(_ upload: Upload) -> Intake {
        Intake(most: options.uploadBytes, share: upload.share, error: tooLarge)
    }

    private func text(_ request: Request, _ upload: Upload) async throws -> Data {
        var (data, intake) = (Data(), intake(upload))
        for try await piece in request.body {
            data.append(contentsOf: try intake.take(piece))
            guard data.count <= Self.longestText else {
                throw Refusal.tooLarge("body", "is JSON of more than \(Self.longestText) bytes", "send files instead")
            }
        }
        return data
    }

    // MARK: - Forms

    private func form(_ request: Request, _ boundary: String, into upload: inout Upload) async throws {
        var parser = try MultipartParser(boundary: boundary)
        var file: UploadedFile?
        var field: (name: String, bytes: [UInt8])?
        var intake = intake(upload)
        for try await piece in request.body {
            try parser.take(try intake.take(piece)) { event in
                switch event {
                case .part(let header) where header.fileName != nil || header.name == "file":
                    guard upload.files.count < options.files else {
                        throw Refusal.tooLarge(
                            "body", "holds more than \(options.files) files", "send fewer at once")
                    }
                    file = try UploadedFile(header.fileName ?? "pasted", of: upload)
                case .part(let header):
                    guard upload.statements.count < 32 else {
                        throw Refusal.bad("body", "has more fields than there are options")
                    }
                    field = (header.name, [])
                case .bytes(let bytes):
                    try file?.write(bytes)
                    guard field != nil else { return }
                    field?.bytes += bytes
                    if let field, field.bytes.count > Self.longestField {
                        throw Refusal.bad(
                            String(field.name.prefix(80)), "is longer than \(Self.longestField) bytes",
                            "send files in the field 'file'")
                    }
                case .end:
                    if let whole = try file?.close() { upload.add(whole) }
                    if let field {
                        try Self.take(field.name, String(decoding: field.bytes, as: UTF8.self), into: &upload)
                    }
                    (file, field) = (nil, nil)
                }
            }
        }
        try parser.finish()
    }

    /// A field of a form: an option, or all of them as a JSON object.
    private static func take(_ name: String, _ text: String, into upload: inout Upload) throws {
        guard name == "options" else { return upload.statements[name] = text }
        if text.isEmpty { return }
        try SpectraText.statements(Data(text.utf8), into: &upload)
    }

    /// What of a client's name for a file the server's own keeps.
    static func ending(of name: String) -> String {
        let parts = name.lowercased().split(separator: ".").dropFirst().suffix(2).map(String.init)
        guard let last = parts.last else { return "" }
        if endings.contains(last) { return "." + last }
        guard packings.contains(last) else { return "" }
        return parts.count == 2 && endings.contains(parts[0]) ? ".\(parts[0]).\(last)" : "." + last
    }
}

/// A file that is coming in.
private final class UploadedFile {
    private let (shown, path): (String, String)
    private let handle: FileHandle

    init(_ shown: String, of upload: Upload) throws {
        self.shown = shown
        do { path = try upload.nextPath(shown) } catch { throw Self.full }
        let descriptor = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.full }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    func write(_ bytes: some Collection<UInt8>) throws {
        do { try handle.write(contentsOf: Data(bytes)) } catch { throw Self.full }
    }

    func close() throws -> Upload.File {
        do { try handle.close() } catch { throw Self.full }
        return Upload.File(shown: shown, path: path)
    }

    private static var full: Refusal {
        Refusal(
            .serviceUnavailable,
            Diagnostic("server", problem: "cannot keep the file", remedy: "ask whoever runs it to free some space"),
            headers: [.retryAfter: "60"])
    }
}
