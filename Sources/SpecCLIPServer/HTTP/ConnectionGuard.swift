import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// The connections of a server, by their channels.
final class Connections: Sendable {
    /// What the requests of a connection know of it.
    final class Connection: Sendable {
        private let state = Mutex<(isGone: Bool, ticket: Ticket?)>((false, nil))

        /// Whoever waits for the request that this ticket is of has gone when the client goes.
        func hold(_ ticket: Ticket?) {
            let isGone = state.withLock { state in
                state.ticket = ticket
                return state.isGone
            }
            if isGone { ticket?.cancel() }
        }

        fileprivate func clientHasGone() {
            state.withLock { state in
                state.isGone = true
                return state.ticket
            }?.cancel()
        }
    }

    private let all = Mutex<[ObjectIdentifier: Connection]>([:])

    /// How many there are.
    var count: Int { all.withLock(\.count) }

    subscript(channel: any Channel) -> Connection? { all.withLock { $0[ObjectIdentifier(channel)] } }

    fileprivate func add(_ channel: any Channel) -> Connection {
        let connection = Connection()
        all.withLock { $0[ObjectIdentifier(channel)] = connection }
        return connection
    }

    fileprivate func remove(_ channel: any Channel) { all.withLock { $0[ObjectIdentifier(channel)] = nil } }
}

/// Keeps slow and impolite clients from costing more than their own connection: the head of a request has to come whole in
/// time, its body at some rate; a request that was refused before its body came is closed, not read to its end.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// The body of a request comes too slowly.
    struct BodyIsSlow: Error {}

    private let options: ServerOptions
    private let connections: Connections
    private var connection: Connections.Connection?
    private var timer: Scheduled<Void>?
    /// When the body began, and how much of it has come.
    private var body: (start: NIODeadline, bytes: Int)?
    /// Requests whose answers are not whole yet: a client may send the next before it has the last.
    private var requests = 0
    private var closesAfterAnswer = false
    private var isLingering = false

    /// Seconds in which a client may take an answer that came before it had sent all.
    private static let lingering = TimeAmount.seconds(2)

    init(_ options: ServerOptions, _ connections: Connections) {
        (self.options, self.connections) = (options, connections)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        connection = connections.add(context.channel)
        if context.channel.isActive { awaitHead(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        awaitHead(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        connections.remove(context.channel)
        connection?.clientHasGone()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        connections.remove(context.channel)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { connection?.clientHasGone() }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: - Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isLingering else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            timer?.cancel()
            requests += 1
            body = (.now(), 0)
            watchBody(context)
            // Of a body that will be refused nothing need be sent.
            let length = head.headerFields[.contentLength].flatMap(Int.init) ?? 0
            if head.headerFields[.expect]?.lowercased() == "100-continue", length <= options.uploadBytes {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        case .body(let bytes): body?.bytes += bytes.readableBytes
        case .end:
            timer?.cancel()
            body = nil
        }
        context.fireChannelRead(data)
    }

    private func awaitHead(_ context: ChannelHandlerContext) {
        schedule(context, in: .seconds(Int64(options.headSeconds))) { $0.close(promise: nil) }
    }

    private func watchBody(_ context: ChannelHandlerContext) {
        let before = body?.bytes ?? 0
        schedule(context, in: .seconds(Int64(options.silentSeconds))) { [self] context in
            guard let body else { return }
            let seconds = Double((NIODeadline.now() - body.start).nanoseconds) / 1e9
            guard body.bytes > before, Double(body.bytes) >= seconds * Double(options.leastRate) else {
                context.fireErrorCaught(BodyIsSlow())
                return
            }
            watchBody(context)
        }
    }

    private func schedule(
        _ context: ChannelHandlerContext, in time: TimeAmount, _ body: @escaping (ChannelHandlerContext) -> Void
    ) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { body(context) }
    }

    // MARK: - Answers

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            if head.headerFields[.connection]?.lowercased() == "close" { closesAfterAnswer = true }
            context.write(data, promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            requests -= 1
            if closesAfterAnswer {
                context.flush()
                linger(context)
            } else if requests == 0 {
                awaitHead(context)
            }
        }
    }

    /// Closes the own side and waits a while: a client that is still sending would else lose the answer.
    private func linger(_ context: ChannelHandlerContext) {
        isLingering = true
        context.close(mode: .output, promise: nil)
        schedule(context, in: Self.lingering) { $0.close(promise: nil) }
    }
}
