import Figures
import Foundation
import Tables
import TestFiles
import Testing

@testable import SpecCLIPServer

/// Sessions of the page.
struct SessionTests {
    private func begun(_ server: TestServer) async throws -> String {
        let answer = try await server.ask("POST", "/v1/sessions")
        #expect(answer.status == 201 && answer.json["expires_s"] as? Int == server.service.options.sessionSeconds)
        return "/v1/sessions/" + (answer.json["session"] as? String ?? "")
    }

    @Test func starsAreKeptUntilTheEnd() async throws {
        let server = try await TestServer()
        let session = try await begun(server)
        let first = try await server.post(session + "/stars", [("a.csv", Files.optical()), ("b.csv", Files.xp())])
        let second = try await server.post(session + "/stars", [("c.csv", Files.xp(0.1)), ("bad.csv", Data("x".utf8))])
        #expect(first.stars.map { $0["star"] as? Int } == [1, 2] && second.stars.map { $0["star"] as? Int } == [3])
        #expect(second.failures.count == 1)
        let all = try await server.ask("GET", session + "/stars")
        #expect(all.stars as NSArray == (first.stars + second.stars) as NSArray)
        let other = try await begun(server)
        #expect(other != session)
        #expect(try await server.ask("GET", other + "/stars").stars.isEmpty)
        #expect(try await server.ask("GET", other + "/stars/1").status == 404)
        #expect(server.service.sessions.bytes > 0)
        #expect(try await server.ask("DELETE", session).status == 204)
        for path in ["/stars", "/stars/1", "/catalogue.csv"] {
            #expect(try await server.ask("GET", session + path).status == 404)
        }
        #expect(try await server.ask("DELETE", session).status == 404)
        #expect(server.service.sessions.bytes == 0)
    }

    @Test func aStarHasItsPage() async throws {
        let server = try await TestServer()
        let session = try await begun(server)
        let rows = try await server.post(session + "/stars", [("a.csv", Files.optical()), ("b.csv", Files.xp())]).stars
        for number in [1, 2] {
            let answer = try await server.ask("GET", session + "/stars/\(number)")
            let page = answer.json
            #expect(answer.status == 200 && page["star"] as? Int == number, "\(answer.text.prefix(300))")
            #expect(page["row"] as? NSDictionary == rows[number - 1] as NSDictionary)
            let input = page["model_input"] as? [String: Any] ?? [:]
            let pixels = number == 1 ? 4076 : 343
            for part in ["wavelength", "flux", "reconstruction"] {
                #expect((input[part] as? [Any])?.count == pixels, "\(part)")
            }
            let prediction = page["prediction"] as? [String: Any] ?? [:]
            for part in ["flux", "lower", "upper"] {
                #expect((prediction[part] as? [Any])?.count == 343 + 4076 - pixels, "\(part)")
            }
            #expect((page["observed"] as? [String: Any])?["unit"] as? String == "relative")
            #expect((page["look_alikes"] as? [[String: Any]])?.map { $0["k"] as? Int } == Array(1...10))
            let labels = page["labels"] as? [[String: Any]] ?? []
            let teff = try #require(labels.first { $0["name"] as? String == "teff" })
            #expect(abs((teff["value"] as? Double ?? 0) - (rows[number - 1]["teff"] as? Double ?? 1)) <= 0.5)
            #expect((page["outlier"] as? [String: Any])?["p"] is Double)

            let posterior = try await server.ask("GET", session + "/stars/\(number)/posterior").json
            let samples = posterior["samples"] as? [[Double]] ?? []
            #expect(samples.count == (posterior["labels"] as? [Any])?.count && samples.allSatisfy { $0.count == 500 })
            let sorted = (samples.first ?? []).sorted()
            #expect(abs(sorted[250] - (teff["value"] as? Double ?? 0)) < (teff["error"] as? Double ?? 0))

            let alike = try await server.ask("GET", session + "/stars/\(number)/look-alikes/1").json
            #expect((alike["flux"] as? [Double])?.count == (alike["wavelength"] as? [Double])?.count)
            #expect((alike["flux"] as? [Double])?.contains { $0 > 0.5 && $0 < 2 } == true)
        }
        for path in [
            "/stars/0", "/stars/3", "/stars/-1", "/stars/x", "/stars/1/look-alikes/0", "/stars/1/look-alikes/11",
        ] {
            #expect(try await server.ask("GET", session + path).status == 404, "\(path)")
        }
    }

    @Test func cataloguesAreThoseOfTheCommand() async throws {
        let (server, folder) = (try await TestServer(), try TemporaryFolder())
        let session = try await begun(server)
        let empty = try await server.ask("GET", session + "/catalogue.csv")
        #expect(
            empty.status == 200 && empty.text.hasPrefix("file,teff,e_teff,")
                && empty.text.split(separator: "\n").count == 1)
        for ending in ["fits", "ecsv", "vot"] {
            #expect(try await server.ask("GET", session + "/catalogue.\(ending)").status == 200)
        }
        _ = try await server.post(session + "/stars", [("a.csv", Files.optical()), ("b.csv", Files.xp())])
        for (name, data) in [("a.csv", Files.optical()), ("b.csv", Files.xp())] {
            try data.write(to: folder.file(name))
        }
        for ending in ["csv", "fits", "ecsv", "vot"] {
            let answer = try await server.ask("GET", session + "/catalogue.\(ending)")
            #expect(answer.status == 200)
            #expect(answer.headers["content-disposition"] == "attachment; filename=\"specclip.\(ending)\"")
            let output = folder.path("wanted.\(ending)")
            let outcome = try Tool.run([
                "predict", folder.path("a.csv"), folder.path("b.csv"), "-m", TestServer.model.path, "-o", output,
            ])
            #expect(outcome.code == 0, "\(outcome.errors)")
            let wanted = try Data(contentsOf: URL(fileURLWithPath: output))
            if ending == "csv" {
                #expect(
                    answer.text
                        == String(decoding: wanted, as: UTF8.self).replacingOccurrences(
                            of: folder.url.path + "/", with: ""))
            } else {
                // Names are shorter than paths, and texts of FITS as wide as the longest.
                #expect(answer.body.prefix(30) == wanted.prefix(30) && !answer.text.contains("specclip-serve"))
            }
        }
    }

    @Test(.enabled(if: (try? Gnuplot()) != nil, "no gnuplot")) func cardsAreDrawn() async throws {
        let server = try await TestServer()
        let session = try await begun(server)
        _ = try await server.post(session + "/stars", [("a.csv", Files.optical())])
        for (ending, start) in [("png", Data([0x89, 0x50, 0x4e, 0x47])), ("pdf", Data("%PDF".utf8))] {
            let answer = try await server.ask("GET", session + "/stars/1/card.\(ending)")
            #expect(answer.status == 200 && answer.body.prefix(4) == start)
        }
    }

    @Test func sessionsAreFewAndSmall() async throws {
        let server = try await TestServer {
            ($0.sessions, $0.sessionBytes) = (2, 200_000)
        }
        let first = try await begun(server)
        _ = try await begun(server)
        let third = try await server.ask("POST", "/v1/sessions")
        #expect(third.status == 429 && third.headers["retry-after"] == "60")
        let full = try await server.post(first + "/stars", (0..<4).map { ("\($0).csv", Files.optical(Double($0))) })
        #expect(full.status == 413 && full.error.contains("room"), "\(full.text.prefix(300))")
    }

    @Test func unusedSessionsEnd() async throws {
        let server = try await TestServer { $0.sessionSeconds = 1 }
        let session = try await begun(server)
        _ = try await server.post(session + "/stars", [("a.csv", Files.xp())])
        try await Task.sleep(for: .seconds(1.3))
        #expect(try await server.ask("GET", session + "/stars").status == 404)
        #expect(server.service.sessions.count == 0 && server.service.sessions.bytes == 0)
    }

    @Test func namesAreNotGuessed() async throws {
        let server = try await TestServer()
        var names: Set<String> = []
        for _ in 0..<50 { names.insert(try server.service.sessions.begin().id) }
        #expect(names.count == 50 && names.allSatisfy { $0.count == 32 })
        #expect(try await server.ask("GET", "/v1/sessions/\(String(repeating: "0", count: 32))/stars").status == 404)
    }
}
