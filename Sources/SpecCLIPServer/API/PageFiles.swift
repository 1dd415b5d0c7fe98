import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Support

/// The page, whose files are part of the program.
enum PageFiles {
    private struct File {
        var bytes: [UInt8]
        var type: String
        var tag: String

        init(_ name: String, _ bytes: [UInt8]) {
            self.bytes = bytes
            type =
                switch name.split(separator: ".").last {
                case "html": "text/html; charset=utf-8"
                case "js": "text/javascript; charset=utf-8"
                case "css": "text/css; charset=utf-8"
                case "svg": "image/svg+xml"
                default: "application/octet-stream"
                }
            tag = "\"" + bytes.withUnsafeBytes { ContentHash.of($0) } + "\""
        }
    }

    private static let files: [String: File] = Dictionary(
        uniqueKeysWithValues: embedded.map { ($0.key, File($0.key, $0.value)) })

    /// Names of all.
    static var names: [String] { files.keys.sorted() }

    /// A file of the page; nothing but the tag where the client has it already.
    /// - Throws: `Refusal` for another name.
    static func answer(_ name: String, _ request: Request) throws -> Response {
        guard let file = files[name] else { throw Refusal.absent("page/\(name.prefix(80))") }
        // Asked anew each time, since a new version of the program has new files.
        let headers: HTTPFields = [.eTag: file.tag, .cacheControl: "no-cache"]
        let known = request.headers[values: .ifNoneMatch].joined(separator: ",")
        if known == "*" || known.split(separator: ",").contains(where: { Self.plain($0) == file.tag }) {
            return Response(status: .notModified, headers: headers)
        }
        return .bytes(ByteBuffer(bytes: file.bytes), type: file.type, headers: headers)
    }

    /// A proxy that packs files calls their tags weak.
    private static func plain(_ tag: Substring) -> String {
        let tag = tag.trimmingCharacters(in: .whitespaces)
        return tag.hasPrefix("W/") ? String(tag.dropFirst(2)) : tag
    }
}
