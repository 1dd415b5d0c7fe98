import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
    /// JSON.
    static func json(_ value: JSON, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        .text(value.string + "\n", type: "application/json", status: status, headers: headers)
    }

    /// Text of a type.
    static func text(
        _ text: String, type: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        .bytes(ByteBuffer(string: text), type: type, status: status, headers: headers)
    }

    /// Bytes of a type.
    static func bytes(
        _ bytes: ByteBuffer, type: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = type
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: bytes))
    }

    /// A file for the client to keep.
    /// - Parameter name: letters, digits, dots and dashes.
    static func download(_ data: Data, type: String, name: String) -> Response {
        .bytes(
            ByteBuffer(bytes: data), type: type,
            headers: [.contentDisposition: "attachment; filename=\"\(name)\""])
    }
}
