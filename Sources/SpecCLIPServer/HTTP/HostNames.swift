import Foundation
import NIOCore

/// Names by which a server may be called. A page of elsewhere whose name was made to lead to this machine (DNS rebinding) calls
/// it by another.
struct HostNames: Sendable {
    private let names: Set<String>
    /// Whether any name will do.
    private let acceptsAll: Bool

    /// - Parameter options: of the server; bound to an address that others reach, it cannot know all of its names.
    init(_ options: ServerOptions) {
        acceptsAll = !options.isLoopback && options.names.isEmpty
        names = Set(
            ["localhost", "127.0.0.1", "::1", options.host.lowercased()] + options.names.map { $0.lowercased() })
    }

    /// Whether a request for this authority (`name:port`) is meant for the server.
    func accepts(_ authority: String?) -> Bool {
        if acceptsAll { return true }
        guard let authority, let name = Self.name(of: authority.lowercased()) else { return false }
        return names.contains(name)
    }

    /// The name without the port, and an IPv6 address without its brackets.
    private static func name(of authority: String) -> String? {
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            return String(authority[authority.index(after: authority.startIndex)..<end])
        }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count <= 2 ? parts.first.map(String.init) : nil
    }

    /// Whether an address is this machine's own alone.
    static func isLoopback(_ host: String) -> Bool {
        if host.lowercased() == "localhost" { return true }
        switch try? SocketAddress(ipAddress: host, port: 0) {
        case .v4: return host.hasPrefix("127.")
        case .v6: return host == "::1"
        default: return false
        }
    }
}
