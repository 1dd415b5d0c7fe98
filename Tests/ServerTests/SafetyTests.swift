import Foundation
import Testing

@testable import SpecCLIPServer

/// What a server refuses, and that it goes on.
struct SafetyTests {
    /// The server still reads stars.
    private func isWell(_ server: TestServer) async throws -> Bool {
        try await server.post("/v1/predict", [("a.csv", Files.xp())]).stars.count == 1
    }

    @Test func everyAnswerHasItsHeaders() async throws {
        let server = try await TestServer()
        for path in ["/", "/health", "/v1/model", "/nothing", "/page/nothing.js"] {
            let headers = try await server.ask("GET", path).headers
            #expect(headers["x-content-type-options"] == "nosniff" && headers["referrer-policy"] == "no-referrer")
            let policy = headers["content-security-policy"] ?? ""
            #expect(
                policy.contains("default-src 'none'") && policy.contains("script-src 'self';")
                    && policy.contains("frame-ancestors 'none'"))
            #expect(!policy.contains("unsafe") && headers["x-request-id"]?.count == 36, "\(path)")
        }
    }

    @Test func healthSaysWhenTheServerStops() async throws {
        let server = try await TestServer()
        #expect(try await server.ask("GET", "/health").status == 200)
        server.service.isStopping = true
        let answer = try await server.ask("GET", "/health")
        #expect(answer.status == 503 && answer.json["status"] as? String == "stopping")
    }

    @Test func pathsAndMethods() async throws {
        let server = try await TestServer()
        #expect(try await server.ask("GET", "/v1/nothing").status == 404)
        for (method, path, allowed) in [
            ("GET", "/v1/predict", "POST"), ("DELETE", "/v1/model", "GET, HEAD"),
            ("PUT", "/v1/sessions/x/stars", "POST, GET, HEAD"),
            ("PATCH", "/", "GET, HEAD"), ("OPTIONS", "/v1/predict", "POST"),
        ] {
            let answer = try await server.ask(method, path)
            #expect(
                answer.status == 405 && answer.headers["allow"] == allowed,
                "\(method) \(path): \(answer.headers["allow"] ?? "")")
        }
        for path in [
            "/page/../../etc/passwd", "/page/%2e%2e%2fetc%2fpasswd", "//etc/passwd", "/page/..",
            "/v1/sessions/../model",
        ] {
            #expect(try await server.ask("GET", path).status == 404, "\(path)")
        }
        let head = try await server.ask("HEAD", "/")
        #expect(head.status == 200 && head.body.isEmpty)
    }

    @Test func bodiesThatMakeNoSense() async throws {
        let server = try await TestServer()
        let spectra = "{\"spectra\": [{\"wavelength\": [1, 2], \"flux\": [1, 2]}]}"
        let cases: [(type: String, body: String, status: Int, word: String)] = [
            ("text/plain", "x", 415, "text/plain"), ("", "x", 415, "Content-Type"),
            ("multipart/form-data", "x", 400, "boundary"), ("multipart/form-data; boundary=b", "x", 400, "no part"),
            (
                "multipart/form-data; boundary=b",
                "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc", 400, "ends"
            ),
            (
                "multipart/form-data; boundary=b",
                "--b\r\nContent-Disposition: form-data; name=\"rv\"\r\n\r\n1\r\n--b--\r\n", 400, "no spectra"
            ),
            ("application/json", "", 400, "JSON"), ("application/json", "{", 400, "JSON"),
            ("application/json", "[]", 400, "type"),
            ("application/json", "{}", 400, "spectra"), ("application/json", "{\"spectra\": []}", 400, "no spectra"),
            ("application/json", "{\"spectra\": [{}]}", 400, "wavelength"),
            ("application/json", "{\"spectra\": [{\"flux\": \"x\"}]}", 400, "flux"),
            ("application/json", "{\"spectra\": [{\"fluxx\": [1]}]}", 400, "flux"),
            ("application/json", String(repeating: "[", count: 100_000), 400, "JSON"),
            ("application/json", spectra.replacingOccurrences(of: "}]", with: "}], \"rv\": \"fast\""), 400, "rv"),
            ("application/json", spectra, 422, "spectrum"),
        ]
        for (type, body, status, word) in cases {
            let answer = try await server.ask(
                "POST", "/v1/predict", headers: type.isEmpty ? [] : [("Content-Type", type)], body: Data(body.utf8))
            #expect(
                answer.status == status && answer.error.contains(word),
                "\(type) \(body.prefix(80)): \(answer.status) \(answer.text)")
            #expect(!answer.error.contains("\n"))
        }
        #expect(try await isWell(server))
    }

    @Test func limits() async throws {
        let server = try await TestServer {
            ($0.uploadBytes, $0.files, $0.spectra) = (400_000, 3, 2)
        }
        let large = try await server.post("/v1/predict", [("a.csv", Data(count: 500_000))])
        #expect(large.status == 413 && large.headers["connection"] == "close", "\(large.text)")
        let many = try await server.post("/v1/predict", (0..<4).map { ("\($0).csv", Files.xp()) })
        #expect(many.status == 413 && many.error.contains("3 files"))
        let stars = try await server.post("/v1/predict", (0..<3).map { ("\($0).csv", Files.xp()) })
        #expect(stars.status == 413 && stars.error.contains("2 spectra"))
        // No length is said: it is counted.
        let head =
            "POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        let chunk = Data("10000\r\n".utf8) + Data(count: 65536) + Data("\r\n".utf8)
        let chunked = try Answer(try await server.send((0..<20).reduce(Data(head.utf8)) { data, _ in data + chunk }))
        #expect(chunked.status == 413)
        #expect(try await isWell(server))
        #expect(await settles { server.service.receiver.budget.used == 0 })
    }

    /// 10 GB are refused before they come.
    @Test func tooMuchIsRefusedEarly() async throws {
        let server = try await TestServer()
        let head =
            "POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 10737418240\r\n"
        let start = Date()
        let answer = try Answer(try await server.send(Data((head + "\r\n").utf8) + Data(count: 1 << 20)))
        #expect(answer.status == 413 && Date().timeIntervalSince(start) < 10)
        let asked = try Answer(try await server.send(Data((head + "Expect: 100-continue\r\n\r\n").utf8)))
        #expect(asked.status == 413)
    }

    @Test func whoAsksFirstIsTold() async throws {
        let server = try await TestServer()
        let form = Form([("a.csv", Files.xp())])
        let head =
            "POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nExpect: 100-continue\r\n"
            + "Content-Type: \(form.type)\r\nContent-Length: \(form.body.count)\r\n\r\n"
        let bytes = try await server.send(Data(head.utf8) + form.body, in: 40, pause: 0.005)
        #expect(bytes.starts(with: Data("HTTP/1.1 100 Continue\r\n\r\n".utf8)))
        #expect(try Answer(bytes).stars.count == 1)
    }

    @Test func slowHeadsLoseTheirConnection() async throws {
        let server = try await TestServer { $0.headSeconds = 1 }
        let start = Date()
        let lines = "GET / HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 40)
        #expect(try await server.send(Data(lines.utf8), in: 40, pause: 0.1).isEmpty)
        #expect(try await server.send(Data()).isEmpty)
        #expect(Date().timeIntervalSince(start) < 8)
        #expect(try await isWell(server))
        #expect(await settles { server.service.connections.count == 0 })
    }

    @Test func slowBodiesAreGivenUp() async throws {
        let server = try await TestServer { $0.silentSeconds = 1 }
        let head =
            "POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
        let silent = try Answer(try await server.send(Data(head.utf8)))
        #expect(silent.status == 408 && silent.error.contains("slowly"))
        let dripping = Data((head + String(repeating: " ", count: head.utf8.count * 30)).utf8)
        #expect(try Answer(try await server.send(dripping, in: 31, pause: 0.1)).status == 408)
        #expect(try await isWell(server))
    }

    /// Whether something becomes true in some seconds: what a request held is let go a little after its answer.
    private func settles(_ seconds: Int = 1, _ isTrue: () -> Bool) async -> Bool {
        for _ in 0..<100 * seconds where !isTrue() { try? await Task.sleep(for: .milliseconds(10)) }
        return isTrue()
    }

    /// What nobody waits for any more is left.
    @Test func workEndsWithItsClient() async throws {
        let server = try await TestServer()
        let form = Form((0..<500).map { ("\($0).csv", Files.optical(Double($0))) })
        let head =
            "POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: \(form.type)\r\nContent-Length: \(form.body.count)\r\n\r\n"
        var wire: Wire? = try Wire(server.port)
        #expect(wire?.write(Data(head.utf8) + form.body) == true)
        #expect(await settles(20) { server.service.metricsText.contains("specclip_spectra_total") })
        wire = nil
        #expect(await settles(20) { server.service.receiver.budget.used == 0 })
        let spectra = server.service.metricsText.firstMatch(of: /specclip_spectra_total ([0-9]+)/).flatMap { Int($0.1) }
        #expect((64..<500).contains(spectra ?? 0), "\(spectra ?? -1)")
        #expect(try await isWell(server))
    }

    /// The next request may come before the answer to the last.
    @Test func requestsInARow() async throws {
        let server = try await TestServer { $0.headSeconds = 2 }
        let form = Form([("a.csv", Files.xp())])
        let first =
            "POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: \(form.type)\r\nContent-Length: \(form.body.count)\r\n\r\n"
        let last = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        let both = try await server.send(Data(first.utf8) + form.body + Data(first.utf8) + form.body + Data(last.utf8))
        let text = String(decoding: both, as: UTF8.self)
        #expect(text.matches(of: /HTTP\/1.1 200 OK/).count == 3 && text.hasSuffix("{\"status\": \"ok\"}\n"))
    }

    /// A few hundred bytes that unpack to more than anybody wants.
    @Test(arguments: ["gz", "bz2", "xz", "zst", "zip"]) func bombsCostTheirOwnRequest(packing: String) async throws {
        let server = try await TestServer { $0.unpackedBytes = 4 << 20 }
        let script = """
            import sys, gzip, bz2, lzma, io, zipfile
            data = b"wavelength,flux\\n" + b"0" * (24 << 20)
            out = sys.stdout.buffer
            kind = "\(packing)"
            if kind == "gz": out.write(gzip.compress(data))
            elif kind == "bz2": out.write(bz2.compress(data))
            elif kind == "xz": out.write(lzma.compress(data))
            elif kind == "zip":
                f = io.BytesIO(); z = zipfile.ZipFile(f, "w", zipfile.ZIP_DEFLATED); z.writestr("a.csv", data); z.close(); out.write(f.getvalue())
            else:
                import subprocess
                out.write(subprocess.run(["zstd", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout)
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, FileHandle.nullDevice)
        try process.run()
        let bomb = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        // Python without zstd cannot make one of these.
        if packing == "zst", process.terminationStatus != 0 { return }
        #expect(bomb.count > 50 && bomb.count < 1 << 20)
        let answer = try await server.post("/v1/predict", [("bomb.\(packing)", bomb), ("good.csv", Files.xp())])
        #expect(answer.stars.count == 1 && answer.failures.count == 1, "\(answer.text)")
        let line = answer.failures.first?["error"] as? String ?? ""
        #expect(line.contains("unpacks to more than 4194304 bytes") && line.hasPrefix("bomb"), "\(line)")
    }

    // MARK: - Who may ask

    @Test func tokens() async throws {
        let server = try await TestServer { $0.token = "let-me-in" }
        for path in ["/", "/health", "/openapi.json", "/page/app.js"] {
            #expect(try await server.ask("GET", path).status == 200, "\(path)")
        }
        for header in [nil, "Bearer wrong", "Bearer let-me-in2", "bearer let-me-in", "Basic bGV0LW1lLWlu", "Bearer "] {
            let answer = try await server.ask("GET", "/v1/model", headers: header.map { [("Authorization", $0)] } ?? [])
            #expect(
                answer.status == 401 && answer.headers["www-authenticate"] == "Bearer"
                    && !answer.text.contains("let-me-in"))
        }
        for path in ["/metrics", "/v1/nothing", "/v1/sessions/x/stars", "/v1"] {
            #expect(try await server.ask("GET", path).status == 401, "\(path)")
        }
        let right = [("Authorization", "Bearer let-me-in")]
        #expect(try await server.ask("GET", "/v1/model", headers: right).status == 200)
        #expect(try await server.ask("GET", "/v1/nothing", headers: right).status == 404)
    }

    @Test func namesOfElsewhere() async throws {
        let server = try await TestServer { $0.names = ["stars.example.org"] }
        for (host, isRight) in [
            ("127.0.0.1:\(server.port)", true), ("localhost", true), ("LOCALHOST:1", true), ("[::1]:80", true),
            ("stars.example.org", true),
            ("evil.example.org", false), ("127.0.0.1.evil.example.org", false), ("", false), ("localhost:1:2", false),
        ] {
            let status = try await server.ask("GET", "/v1/model", headers: [("Host", host)]).status
            #expect(status == (isRight ? 200 : 421), "\(host): \(status)")
        }
        for (origin, status) in [
            ("http://127.0.0.1:\(server.port)", 201), ("https://evil.example.org", 403), ("null", 403),
            ("http://127.0.0.1:1", 403),
        ] {
            #expect(
                try await server.ask("POST", "/v1/sessions", headers: [("Origin", origin)]).status == status,
                "\(origin)")
        }
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("localhost", true), ("0.0.0.0", false), ("::", false),
        ("192.168.1.2", false), ("127.evil.org", false),
    ])
    func loopback(host: String, isLoopback: Bool) {
        #expect(HostNames.isLoopback(host) == isLoopback)
    }

    @Test func rates() async throws {
        let limit = RateLimit(2, most: 3)
        #expect((0..<4).allSatisfy { _ in limit.take("a", at: 0) == nil } && limit.take("a", at: 0) == 1)
        #expect(limit.take("b", at: 0) == nil && limit.take("a", at: 0.6) == nil && limit.take("a", at: 0.6) == 1)
        for client in 0..<100 { _ = limit.take("\(client)", at: 1) }
        #expect(RateLimit(0.1).take("a", at: 0) == nil)
        let server = try await TestServer { $0.rate = 2 }
        var refused: [Answer] = []
        for _ in 0..<8 { refused.append(try await server.ask("GET", "/v1/model")) }
        refused.removeAll { $0.status == 200 }
        #expect(refused.count >= 2 && refused.allSatisfy { $0.status == 429 && $0.headers["retry-after"] == "1" })
        #expect(try await server.ask("GET", "/health").status == 200)
    }

    @Test func clientsOfAProxyAreToldApart() async throws {
        let server = try await TestServer { ($0.rate, $0.trustsProxy) = (1, true) }
        var counts: [String: Int] = [:]
        for number in 0..<12 {
            let client = "10.0.0.\(number % 3)"
            // What the client claims stands before what the proxy saw.
            let answer = try await server.ask(
                "GET", "/v1/model", headers: [("X-Forwarded-For", "1.2.3.\(number), \(client)")])
            if answer.status == 200 { counts[client, default: 0] += 1 }
        }
        #expect(counts.count == 3 && counts.values.allSatisfy { (2...3).contains($0) }, "\(counts)")
    }

    /// Nobody waits without end: what does not fit is told to come later.
    @Test func whoComesTooOftenIsToldToComeLater() async throws {
        let server = try await TestServer { $0.waiting = 1 }
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<120 {
                group.addTask {
                    let answer = try await server.post("/v1/predict", [("a.csv", Files.optical())])
                    if answer.status == 429 { #expect(answer.headers["retry-after"] == "1") }
                    return answer.status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(statuses).isSubset(of: [200, 429]) && statuses.contains(200))
        #expect(try await isWell(server))
        #expect(await settles { server.service.receiver.budget.used == 0 && server.service.workers.waiting == 0 })
    }

    /// Rubbish of any kind: each connection ends, the server does not.
    @Test func rubbishIsSurvived() async throws {
        let server = try await TestServer { ($0.headSeconds, $0.silentSeconds) = (1, 1) }
        var random = SeededRandom(seed: 3)
        let heads = [
            "GET", "POST /v1/predict HTTP/1.1\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{0}\u{0}",
            "POST /v1/predict HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            "POST /v1/predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "GET /" + String(repeating: "a", count: 100_000) + " HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\n" + (0..<5000).map { "X-\($0): y\r\n" }.joined() + "\r\n",
        ]
        for round in 0..<heads.count * 2 {
            let noise = Data((0..<random.next(300)).map { _ in UInt8(random.next(256)) })
            _ = try await server.send(Data(heads[round / 2].utf8) + (round % 2 == 0 ? Data() : noise))
        }
        #expect(try await isWell(server))
    }
}
