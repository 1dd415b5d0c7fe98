import Foundation
import TestFiles
import Testing

/// `specclip serve` as a process.
struct ServeCommandTests {
    private final class Serving {
        let tool: Tool.Running
        let port: Int

        init(_ arguments: [String], folder: TemporaryFolder) throws {
            tool = try Tool.start(
                ["serve", "--port", "0", "-m", TestServer.model.path] + arguments,
                environment: ["TMPDIR": folder.url.path])
            var found: Int?
            for _ in 0..<300 where found == nil && tool.isRunning {
                Thread.sleep(forTimeInterval: 0.1)
                found = tool.errorsSoFar.firstMatch(of: /is served at http:\/\/[^ ]+:([0-9]+)\//).flatMap { Int($0.1) }
            }
            port = try #require(found)
        }

        deinit { if tool.isRunning { tool.signal(SIGKILL) } }

        func ask(_ request: String) throws -> Data {
            let wire = try Wire(port)
            _ = wire.write(Data(request.utf8))
            return wire.rest()
        }
    }

    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private var left: [String] { folder.contents.filter { $0.hasPrefix("specclip") } }
    private let health = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    /// What runs is finished, nothing new is taken, nothing is left.
    @Test func itFinishesWhatRuns() throws {
        let server = try Serving([], folder: folder)
        #expect(try Answer(server.ask(health)).json["status"] as? String == "ok")
        #expect(left.count == 1)
        let form = Form((0..<60).map { ("\($0).csv", Files.optical(Double($0))) })
        let wire = try Wire(server.port)
        let head =
            "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: \(form.type)\r\nContent-Length: \(form.body.count)\r\n\r\n"
        #expect(wire.write(Data(head.utf8) + form.body))
        Thread.sleep(forTimeInterval: 0.3)
        server.tool.signal(SIGTERM)
        #expect(try Answer(wire.rest()).stars.count == 60)
        let outcome = try server.tool.outcome()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(left.isEmpty && isGone(server))
    }

    private func isGone(_ server: Serving) -> Bool { (try? Wire(server.port)) == nil }

    /// What a killed server left is removed by the next.
    @Test func theNextCleansUp() throws {
        let first = try Serving([], folder: folder)
        first.tool.signal(SIGKILL)
        _ = try first.tool.outcome()
        let abandoned = left
        #expect(abandoned.count == 1)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -60)], ofItemAtPath: folder.path(abandoned.first ?? ""))
        let second = try Serving([], folder: folder)
        #expect(left.count == 1 && left != abandoned)
        // One that is in use stays.
        let third = try Serving([], folder: folder)
        #expect(left.count == 2)
        withExtendedLifetime((second, third)) {}
    }

    @Test func itWarnsWhereOthersCanAsk() throws {
        let open = try Serving(["--host", "0.0.0.0"], folder: folder)
        #expect(open.tool.errorsSoFar.contains("no --token keeps anybody out"))
        let guarded = try Serving(["--host", "0.0.0.0", "--token", "secret"], folder: folder)
        #expect(!guarded.tool.errorsSoFar.contains("keeps anybody out"))
        #expect(try Answer(guarded.ask("GET /v1/model HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).status == 401)
        let own = try Serving([], folder: folder)
        #expect(!own.tool.errorsSoFar.contains("token"))
    }

    @Test func wrongUse() throws {
        let server = try Serving([], folder: folder)
        let taken = try Tool.run(["serve", "--port", "\(server.port)", "-m", TestServer.model.path])
        #expect(
            taken.code == 1 && taken.errorLines.count == 1 && taken.errors.contains("cannot be listened at"),
            "\(taken.errors)")
        for arguments in [
            ["--port", "99999"], ["--rate", "-1"], ["--max-upload", "0"], ["--token", "a", "--token-file", "b"],
        ] {
            #expect(try Tool.run(["serve"] + arguments).code == 2, "\(arguments)")
        }
        try Data("\n".utf8).write(to: folder.file("empty"))
        for arguments in [
            ["--token-file", folder.path("empty")], ["--token-file", folder.path("none")], ["--token", "a b"],
        ] {
            let outcome = try Tool.run(["serve", "-m", TestServer.model.path] + arguments)
            #expect(outcome.code == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
        }
    }
}
