import Foundation
import Hummingbird
import Testing

@testable import SpecCLIPServer

/// The document says what the server does.
struct OpenAPITests {
    private var document: [String: Any] {
        get throws {
            let data = Data(OpenAPI.document.string.utf8)
            return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        }
    }

    @Test func itNamesAllRoutesAndNoOthers() async throws {
        let server = try await TestServer()
        let paths = try #require(try document["paths"] as? [String: [String: Any]])
        let told = Set(paths.flatMap { path, methods in methods.keys.map { "\($0.uppercased()) \(path)" } })
        let routes = Set(
            StarServer.router(server.service).routes.filter { $0.method != .head }.map { route in
                "\(route.method.rawValue) \(route.path)"
            })
        #expect(told == routes, "\(told.symmetricDifference(routes))")
        let served = try await server.ask("GET", "/openapi.json")
        #expect(served.json as NSDictionary == (try document) as NSDictionary)
    }

    @Test func referencesLeadSomewhere() throws {
        let names = Set(Schema.named.map(\.0))
        let text = OpenAPI.document.string
        for match in text.matches(of: /"#\/components\/schemas\/([A-Za-z]+)"/) {
            #expect(names.contains(String(match.1)), "\(match.1)")
        }
        let all = Endpoints.all.map { "\($0.method.rawValue) \($0.path)" }
        #expect(Set(all).count == all.count)
        // Parts of a path are told as its parameters.
        for endpoint in Endpoints.all {
            let parts = endpoint.path.matches(of: /\{([a-z]+)\}/).map { String($0.1) }
            #expect(
                endpoint.operation.parameters.filter { $0.place == "path" }.map(\.name).sorted() == parts.sorted(),
                "\(endpoint.path)")
        }
    }

    /// Each file of the page is part of the program, and goes out with a type and a tag.
    @Test func thePageIsWhole() async throws {
        let folder = URL(fileURLWithPath: #filePath).appending(path: "../../../Sources/SpecCLIPServer/Page")
            .standardizedFileURL
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".") }
            .sorted()
        #expect(PageFiles.names == files)
        let server = try await TestServer()
        let types = [
            "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
            "css": "text/css; charset=utf-8", "svg": "image/svg+xml",
        ]
        for name in files {
            let answer = try await server.ask("GET", "/page/\(name)")
            #expect(answer.body == (try Data(contentsOf: folder.appending(path: name))), "\(name)")
            #expect(answer.headers["content-type"] == types[(name as NSString).pathExtension], "\(name)")
            let tag = try #require(answer.headers["etag"])
            let again = try await server.ask("GET", "/page/\(name)", headers: [("If-None-Match", "\"x\", W/\(tag)")])
            #expect(again.status == 304 && again.body.isEmpty && again.headers["etag"] == tag)
        }
    }
}
