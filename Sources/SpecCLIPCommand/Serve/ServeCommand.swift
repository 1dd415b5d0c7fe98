import ArgumentParser
import Foundation
import Logging
import SpecCLIPServer
import StarReading
import Support

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a page to drop stars on, and an API, over HTTP.",
        usage: "specclip serve [<options>]",
        discussion: """
            The page reads what 'specclip predict' reads and gives the same numbers; it needs no network. What is sent \
            stays on this machine, and is removed with its request or its session. What programs can ask for stands at \
            /openapi.json, what the server measures at /metrics; docs/serve.md explains both.

            Without --host only this machine can ask. Others are let in by an address of the machine or 0.0.0.0; then give a \
            token, and put a proxy with TLS before the server, nginx say:

              server {
                listen 443 ssl;
                server_name stars.example.org;
                ssl_certificate     /etc/ssl/stars.pem;
                ssl_certificate_key /etc/ssl/stars.key;
                client_max_body_size 256m;
                location / {
                  proxy_pass http://127.0.0.1:8080;
                  proxy_set_header Host $http_host;
                  proxy_set_header X-Forwarded-For $remote_addr;
                  proxy_http_version 1.1;
                  proxy_request_buffering off;
                  proxy_buffering off;
                  proxy_read_timeout 300s;
                }
              }

              specclip serve --name stars.example.org --behind-proxy \\
                --token-file /etc/specclip.token

            SIGTERM and Ctrl-C end the server once what runs is done.

            EXAMPLES
              specclip serve
              specclip serve --port 9000 -m own.safetensors
              curl -F file=@star.fits http://127.0.0.1:8080/v1/predict
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @Option(
        help: ArgumentHelp("Tell labels on this scale, which 'specclip compare' put into the model.", valueName: "name")
    )
    var scale: String?
    @Option(help: ArgumentHelp("Samples of each posterior, from 100 on (default: 2000).", valueName: "n"))
    var samples: Int?

    @OptionGroup(title: "Who may ask") var access: AccessOptions
    @OptionGroup(title: "Limits") var limits: LimitOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        if let samples, !(100...100_000).contains(samples) {
            throw ValidationError("--samples \(samples): must be between 100 and 100000")
        }
    }

    func run() async throws {
        // A client that goes while it is answered ends its connection, not the server.
        signal(SIGPIPE, SIG_IGN)
        var options = ServerOptions()
        options.connections = min(options.connections, max(16, Self.raisedFileLimit() - 256))
        try access.apply(to: &options)
        limits.apply(to: &options)
        let reader = try model.reader(compute, draws: samples, scale: scale)
        var logger = Logger(label: "specclip", factory: StreamLogHandler.standardError(label:))
        logger.logLevel = .error
        let server = try StarServer(reader, options, logger: logger)
        let (host, hasToken, isLoopback) = (options.host, options.token != nil, options.isLoopback)
        if !isLoopback, !hasToken {
            Program.note(
                "specclip: \(host): others than this machine can ask, and no --token keeps anybody out")
        }
        try await server.run { port in
            let shown = host.contains(":") ? "[\(host)]" : host
            Program.note("specclip: \(reader.file.url.lastPathComponent) is served at http://\(shown):\(port)/")
        }
    }

    /// Files that the process may have open, as many as the system lets it: each connection takes one.
    private static func raisedFileLimit() -> Int {
        var limit = rlimit()
        #if canImport(Glibc)
            let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let kind = RLIMIT_NOFILE
        #endif
        guard getrlimit(kind, &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            _ = setrlimit(kind, &limit)
            _ = getrlimit(kind, &limit)
        }
        return Int(clamping: limit.rlim_cur)
    }
}

/// Where the server is reached, and by whom.
struct AccessOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The port; 0 takes a free one.", valueName: "port")) var port = 8080
    @Option(help: ArgumentHelp("The address that is listened at.", valueName: "address")) var host = "127.0.0.1"
    @Option(
        help: ArgumentHelp(
            "What clients have to show for the API (Authorization: Bearer …). On the command line others on this machine see it; the environment variable SPECCLIP_TOKEN or a file hides it.",
            valueName: "token"))
    var token: String?
    @Option(help: ArgumentHelp("A file that holds the token.", valueName: "file")) var tokenFile: String?
    @Option(
        name: .customLong("name"), parsing: .singleValue,
        help: ArgumentHelp("A name that clients call the server by; may be repeated.", valueName: "name"))
    var names: [String] = []
    @Flag(
        name: .customLong("behind-proxy"),
        help: "Clients are told apart by X-Forwarded-For, which the proxy has to set.")
    var behindProxy = false

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port \(port): must be between 0 and 65535") }
        guard token == nil || tokenFile == nil else {
            throw ValidationError("--token and --token-file: give one of them")
        }
    }

    func apply(to options: inout ServerOptions) throws {
        (options.port, options.host, options.names, options.trustsProxy) = (port, host, names, behindProxy)
        options.token = token ?? ProcessInfo.processInfo.environment["SPECCLIP_TOKEN"]
        if let tokenFile {
            let text = try String(contentsOf: URL(fileURLWithPath: tokenFile), encoding: .utf8)
            options.token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        if let token = options.token, token.isEmpty || !token.allSatisfy({ $0.isASCII && !$0.isWhitespace }) {
            throw Diagnostic(
                tokenFile ?? "--token", problem: "is no token", remedy: "give letters and digits, 32 or more")
        }
    }
}

/// How much may be asked.
struct LimitOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Requests a second of one client; 0 for any.", valueName: "n")) var rate = 50.0
    @Option(help: ArgumentHelp("MiB of a request.", valueName: "MiB")) var maxUpload = 256
    @Option(help: ArgumentHelp("MiB that a packed file may unpack to.", valueName: "MiB")) var maxUnpacked = 256
    @Option(help: ArgumentHelp("Files of a request.", valueName: "n")) var maxFiles = 2000
    @Option(help: ArgumentHelp("Spectra of a request.", valueName: "n")) var maxSpectra = 10_000
    @Option(help: ArgumentHelp("Requests that wait before others are told to come later.", valueName: "n"))
    var maxWaiting = 256
    @Option(help: ArgumentHelp("Sessions of the page at once.", valueName: "n")) var sessions = 64
    @Option(help: ArgumentHelp("Minutes without a request after which one ends.", valueName: "min"))
    var sessionMinutes = 60

    func validate() throws {
        let counts = [
            ("max-upload", maxUpload), ("max-unpacked", maxUnpacked), ("max-files", maxFiles),
            ("max-spectra", maxSpectra), ("max-waiting", maxWaiting), ("sessions", sessions),
            ("session-minutes", sessionMinutes),
        ]
        for (name, value) in counts where !(1...1_000_000).contains(value) {
            throw ValidationError("--\(name) \(value): must be between 1 and 1000000")
        }
        guard (0...1e6).contains(rate) else { throw ValidationError("--rate \(rate): must be between 0 and 1000000") }
    }

    func apply(to options: inout ServerOptions) {
        (options.rate, options.uploadBytes, options.unpackedBytes) = (rate, maxUpload << 20, maxUnpacked << 20)
        (options.files, options.spectra, options.waiting) = (maxFiles, maxSpectra, maxWaiting)
        (options.sessions, options.sessionSeconds) = (sessions, 60 * sessionMinutes)
        options.bytesInFlight = max(options.bytesInFlight, 2 * options.uploadBytes)
    }
}
