import Foundation
import Logging
import Spectra
import StarReading
import TestFiles

@testable import SpecCLIPServer

/// A server within this process, on a port of its own, that ends with the test.
final class TestServer: Sendable {
    static let model = URL(fileURLWithPath: #filePath)
        .appending(path: "../../../Models/specclip-small.safetensors").standardizedFileURL
    /// Loaded once.
    private static let reader = Result { try StarReader(contentsOf: model) }

    let port: Int
    let service: StarService
    private let task: Task<Void, any Error>

    /// - Parameter change: of the options; a free port, and no limit for the one client there is.
    init(_ change: (inout ServerOptions) -> Void = { _ in }) async throws {
        var options = ServerOptions()
        (options.port, options.rate) = (0, 0)
        change(&options)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = try StarServer(Self.reader.get(), options, logger: logger)
        service = server.service
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        task = Task {
            defer { continuation.finish() }
            try await server.run(until: []) { continuation.yield($0) }
        }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else {
            try await task.value
            throw CancellationError()
        }
        self.port = port
    }

    deinit { task.cancel() }

    /// Asks, and waits for the answer.
    func ask(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: Data = Data()
    ) async throws -> Answer {
        var head = "\(method) \(path) HTTP/1.1\r\nConnection: close\r\n"
        if !headers.contains(where: { $0.0 == "Host" }) { head += "Host: 127.0.0.1:\(port)\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if !body.isEmpty || method == "POST" { head += "Content-Length: \(body.count)\r\n" }
        return try Answer(try await send(Data((head + "\r\n").utf8) + body))
    }

    /// Sends a form.
    func post(
        _ path: String, _ files: [(name: String, data: Data)], fields: [(String, String)] = [],
        headers: [(String, String)] = []
    ) async throws -> Answer {
        let form = Form(files, fields: fields)
        return try await ask("POST", path, headers: [("Content-Type", form.type)] + headers, body: form.body)
    }

    /// Sends bytes as they are.
    /// - Returns: all that came until the server closed.
    func send(_ bytes: Data, in pieces: Int = 1, pause: TimeInterval = 0) async throws -> Data {
        let port = port
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        let wire = try Wire(port)
                        for piece in 0..<pieces {
                            let range = bytes.count * piece / pieces..<bytes.count * (piece + 1) / pieces
                            guard
                                wire.write(
                                    bytes[bytes.startIndex + range.lowerBound..<bytes.startIndex + range.upperBound])
                            else { break }
                            if pause > 0 { Thread.sleep(forTimeInterval: pause) }
                        }
                        return wire.rest()
                    })
            }
        }
    }
}

/// A form as browsers send it.
struct Form {
    let type = "multipart/form-data; boundary=----tests"
    private(set) var body = Data()

    init(_ files: [(name: String, data: Data)], fields: [(String, String)] = []) {
        func part(_ header: String, _ data: Data) {
            body +=
                Data("------tests\r\nContent-Disposition: form-data; \(header)\r\n\r\n".utf8) + data + Data("\r\n".utf8)
        }
        for (name, text) in fields { part("name=\"\(name)\"", Data(text.utf8)) }
        for (name, data) in files { part("name=\"file\"; filename=\"\(name)\"", data) }
        body += Data("------tests--\r\n".utf8)
    }
}

/// A connection that does what it is told, polite or not.
final class Wire {
    private let descriptor: Int32

    init(_ port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw POSIXError(.ECONNREFUSED) }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// - Returns: false where the server takes no more.
    func write(_ bytes: Data) -> Bool {
        var sent = 0
        return bytes.withUnsafeBytes { buffer in
            while sent < buffer.count {
                let count = Foundation.send(
                    descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    /// All that comes until the server closes.
    func rest() -> Data {
        var (data, piece) = (Data(), [UInt8](repeating: 0, count: 1 << 16))
        while case let count = recv(descriptor, &piece, piece.count, 0), count > 0 { data += piece[..<count] }
        return data
    }
}

/// An answer.
struct Answer {
    var status = 0
    /// By the name in small letters.
    var headers: [String: String] = [:]
    var body = Data()

    init(_ bytes: Data) throws {
        guard let end = bytes.firstRange(of: Data("\r\n\r\n".utf8)) else { return }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
        for line in lines.dropFirst() {
            let sides = line.split(separator: ":", maxSplits: 1)
            headers[sides[0].lowercased()] = sides.last.map { $0.trimmingCharacters(in: .whitespaces) }
        }
        var rest = bytes[end.upperBound...]
        // What was promised comes before the answer.
        if status == 100 {
            self = try Answer(Data(rest))
            return
        }
        guard headers["transfer-encoding"] == "chunked" else {
            body = Data(rest)
            return
        }
        while let line = rest.firstRange(of: Data("\r\n".utf8)),
            let count = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16), count > 0
        {
            body += rest[line.upperBound..<min(rest.endIndex, line.upperBound + count)]
            rest = rest[min(rest.endIndex, line.upperBound + count + 2)...]
        }
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as an object.
    var json: [String: Any] { (try? JSONSerialization.jsonObject(with: body) as? [String: Any]) ?? [:] }
    var error: String { json["error"] as? String ?? "" }
    var stars: [[String: Any]] { json["stars"] as? [[String: Any]] ?? [] }
    var failures: [[String: Any]] { json["failures"] as? [[String: Any]] ?? [] }
}

/// Spectra as files.
enum Files {
    /// A cool star's optical spectrum, 3900 to 5700 Å.
    static func optical(_ seed: Double = 0) -> Data {
        csv((0..<1801).map { 3900 + Double($0) }) { at in
            let lines = [4101.7, 4340.5, 4861.3, 5175].map { 0.4 * exp(-0.5 * pow((at - $0) / 6, 2)) }.reduce(0, +)
            return 1000 * (at / 5500) * (1 - lines) * (1 + 0.01 * sin(at * 1.7 + seed))
        }
    }

    /// As Gaia XP samples a star.
    static func xp(_ seed: Double = 0) -> Data { csv(xpWavelengths) { 1 + (0.3 + seed) * sin($0 / 900) } }

    static let xpWavelengths = (0..<343).map { 3360 + 20 * Double($0) }

    private static func csv(_ wavelength: [Double], _ flux: (Double) -> Double) -> Data {
        Data(("wavelength_vac,flux\n" + wavelength.map { "\($0),\(flux($0))\n" }.joined()).utf8)
    }
}
