import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import StarReading
import Support
import UnixSignals

/// Serves a page to drop stars on, and the API behind it.
public struct StarServer: Sendable {
    let service: StarService
    private let logger: Logger

    /// - Parameters:
    ///   - reader: of the model.
    ///   - options: what may be asked, and by whom.
    ///   - logger: takes what goes wrong inside.
    /// - Throws: `Diagnostic` where no folder can be made for what clients send, or the model cannot be told of.
    public init(_ reader: StarReader, _ options: ServerOptions, logger: Logger) throws {
        service = try StarService(reader, options)
        self.logger = logger
    }

    /// Serves until the process is told to stop (SIGTERM, SIGINT) or the task is cancelled; then finishes what runs.
    /// - Parameters:
    ///   - signals: that tell the process to stop.
    ///   - isReady: told the port once connections are taken.
    /// - Throws: `Diagnostic` where the address cannot be listened at.
    public func run(
        until signals: [UnixSignal] = [.sigterm, .sigint], _ isReady: @escaping @Sendable (Int) async -> Void
    ) async throws {
        let options = service.options
        service.start()
        defer { service.stop() }
        let application = Application(
            router: Self.router(service),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionGuard(options, service.connections)], idleTimeout: nil,
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))),
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: .maximum(options.connections, logger: logger)),
            onServerRunning: { channel in await isReady(channel.localAddress?.port ?? options.port) }, logger: logger)
        var configuration = ServiceGroupConfiguration(
            // The last is told first to stop.
            services: [.init(service: application), .init(service: Watch(service: service))],
            gracefulShutdownSignals: signals, logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(options.shutdownSeconds)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError {
            throw Diagnostic(
                "\(options.host):\(options.port)",
                problem: "cannot be listened at (\(String(cString: strerror(error.errnoCode))))",
                remedy: "give another --port or --host")
        }
    }

    /// The routes of all endpoints.
    static func router(_ service: StarService) -> Router<ServiceContext> {
        let router = Router(context: ServiceContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: Gate(service: service, endpoints: Endpoints.all))
        for endpoint in Endpoints.all {
            router.on(RouterPath(endpoint.path), method: endpoint.method) { request, context in
                try await endpoint.handler(service, request, context)
            }
        }
        return router
    }
}

/// Notes that the server was told to stop.
private struct Watch: Service {
    let service: StarService

    func run() async throws {
        try? await gracefulShutdown()
        service.isStopping = true
    }
}
