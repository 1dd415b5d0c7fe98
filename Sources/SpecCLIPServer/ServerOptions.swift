/// What a server may be asked for, and by whom.
public struct ServerOptions: Sendable {
    /// The address that is listened at.
    public var host = "127.0.0.1"
    /// The port; 0 takes a free one.
    public var port = 8080
    /// What a client has to show for the API; nil lets everyone in.
    public var token: String?
    /// Names by which clients may call the server beside addresses of this machine; empty takes any where `host` is no loopback.
    public var names: [String] = []
    /// Whether the client's address is what the last proxy says (`X-Forwarded-For`).
    public var trustsProxy = false

    /// Requests a second of one client; 0 for any.
    public var rate = 50.0
    /// Bytes of a request.
    public var uploadBytes = 256 << 20
    /// Bytes that a packed file may unpack to.
    public var unpackedBytes = 256 << 20
    /// Files of a request.
    public var files = 2000
    /// Spectra of a request.
    public var spectra = 10_000
    /// Bytes of all requests that are being taken in or worked on.
    public var bytesInFlight = 1 << 30
    /// Requests that wait to be read, and seconds that the first of them may have waited when another comes.
    public var waiting = 256, waitingSeconds = 2.0

    /// Sessions at once, seconds without a request after which one ends, and bytes of all their stars.
    public var sessions = 64, sessionSeconds = 3600, sessionBytes = 1 << 30

    /// Seconds for the head of a request to come whole, and for silence between parts of its body.
    public var headSeconds = 15, silentSeconds = 30
    /// Bytes a second that a body has to come at, on the average, once it has taken `silentSeconds`.
    public var leastRate = 4096
    /// Connections at once; others wait to be accepted.
    public var connections = 16_384
    /// Seconds that what runs has to finish once the server is told to stop.
    public var shutdownSeconds = 30

    /// How long the first of some spectra waits for others to be read with, and how many are read at once.
    public var batchMilliseconds = 3, batchSpectra = 64

    /// The defaults.
    public init() {}

    /// Whether only this machine can reach the server.
    public var isLoopback: Bool { HostNames.isLoopback(host) }
}
