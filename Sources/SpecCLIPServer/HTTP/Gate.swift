import Foundation
import HTTPTypes
import Hummingbird
import Support

/// What every request goes through: it is named, let in or not, counted, and answered in the API's form whatever happens.
struct Gate: RouterMiddleware {
    let service: StarService
    let endpoints: [Endpoint]

    /// What browsers are told with each answer.
    private static let headers: [(HTTPField.Name, String)] = {
        let policy = [
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:",
            "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        ].joined(separator: "; ")
        let named: [(String, String)] = [
            ("Content-Security-Policy", policy), ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
        ]
        return named.compactMap { name, value in HTTPField.Name(name).map { ($0, value) } }
    }()
    private static let requestID = HTTPField.Name("X-Request-ID")
    private static let forwarded = HTTPField.Name("X-Forwarded-For")

    /// Bodies that are read to their end when nobody wants them, so that the connection can go on.
    private static let shortBody = 256 << 10

    func handle(
        _ request: Request, context: ServiceContext,
        next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        let start = DispatchTime.now().uptimeNanoseconds
        let path = request.uri.path
        let matching = endpoints.filter { $0.matches(path) }
        let endpoint = matching.first { $0.method == request.method || ($0.method == .get && request.method == .head) }
        let connection = service.connections[context.channel]
        connection?.hold(context.ticket)
        defer { connection?.hold(nil) }
        var response: Response
        do {
            try letIn(request, context, endpoint)
            if endpoint == nil, !matching.isEmpty {
                let methods = matching.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] }
                throw Refusal(
                    .methodNotAllowed,
                    Diagnostic(
                        path, problem: "is not for \(request.method.rawValue)",
                        remedy: "use \(methods.joined(separator: " or "))"),
                    headers: [.allow: methods.joined(separator: ", ")])
            }
            response = try await next(request, context)
        } catch {
            response = refused(error, path, context)
        }
        if endpoint?.operation.takesStars != true || response.status.code >= 400 {
            let length = request.headers[.contentLength].flatMap(Int.init)
            let isLong = length.map { $0 > Self.shortBody } ?? request.headers.contains(.transferEncoding)
            if isLong { response.headers[.connection] = "close" }
        }
        for (name, value) in Self.headers { response.headers[name] = value }
        if let name = Self.requestID { response.headers[name] = context.requestID }
        if !response.headers.contains(.cacheControl) { response.headers[.cacheControl] = "no-store" }
        service.metrics.answered(
            endpoint == nil ? "other" : request.method.rawValue, endpoint?.path ?? "other", Int(response.status.code),
            nanoseconds: Int64(DispatchTime.now().uptimeNanoseconds - start))
        return response
    }

    /// - Throws: `Refusal` of who may not ask.
    private func letIn(_ request: Request, _ context: ServiceContext, _ endpoint: Endpoint?) throws {
        guard service.hostNames.accepts(request.head.authority) else {
            throw Refusal(
                .misdirectedRequest,
                Diagnostic(
                    "Host", problem: "is no name of this server", remedy: "call it by its own, or start it with --name")
            )
        }
        // A page of elsewhere may send forms, though it would not see the answer.
        if let origin = request.headers[.origin], request.method != .get, request.method != .head {
            let authority = origin.split(separator: "/", omittingEmptySubsequences: true).last.map(String.init)
            guard authority?.lowercased() == request.head.authority?.lowercased() else {
                throw Refusal(
                    .forbidden,
                    Diagnostic("Origin", problem: "is another site's page", remedy: "use the page of this server"))
            }
        }
        let isOpen = endpoint.map { !$0.operation.needsToken } ?? !request.uri.path.hasPrefix("/v1")
        guard !isOpen else { return }
        let client = client(request, context)
        if let seconds = service.rate.take(client) {
            throw Refusal.busy("client", "asks more often than this server allows (--rate)", seconds: seconds)
        }
        if let token = service.options.token {
            let given = request.headers[.authorization] ?? ""
            guard Self.areEqual(given, "Bearer " + token) else {
                throw Refusal(
                    .unauthorized,
                    Diagnostic(
                        "Authorization", problem: given.isEmpty ? "is not given" : "is not right",
                        remedy: "give 'Bearer' and the token that the server was started with"),
                    headers: [.wwwAuthenticate: "Bearer"])
            }
        }
    }

    private func client(_ request: Request, _ context: ServiceContext) -> String {
        guard service.options.trustsProxy, let name = Self.forwarded,
            let last = request.headers[values: name].last?.split(separator: ",").last
        else { return context.address }
        return String(last.trimmingCharacters(in: .whitespaces).prefix(64))
    }

    /// Takes as long wherever they differ.
    private static func areEqual(_ given: String, _ wanted: String) -> Bool {
        let (given, wanted) = (Array(given.utf8), Array(wanted.utf8))
        var difference = given.count ^ wanted.count
        for place in wanted.indices {
            difference |= Int(wanted[place] ^ (place < given.count ? given[place] : 0))
        }
        return difference == 0
    }

    /// An error as the API tells it.
    private func refused(_ error: any Error, _ path: String, _ context: ServiceContext) -> Response {
        let refusal: Refusal
        switch error {
        case let error as StarService.Unreadable: return .json(error.json, status: .unprocessableContent)
        case let error as Refusal: refusal = error
        case let error as Diagnostic: refusal = Refusal(.badRequest, error)
        case is ConnectionGuard.BodyIsSlow:
            refusal = Refusal(
                .requestTimeout, Diagnostic("body", problem: "comes too slowly", remedy: "send it again"),
                headers: [.connection: "close"])
        case is CancellationError:
            refusal = Refusal(.serviceUnavailable, Diagnostic("request", problem: "was given up", remedy: "ask again"))
        case let error as HTTPError where error.status == .notFound:
            refusal = .absent(String(path.prefix(120)), "is not here", "see /openapi.json")
        case let error as HTTPError where error.status.code < 500:
            refusal = Refusal(error.status, Diagnostic("request", problem: error.body ?? "cannot be read"))
        default:
            // What it is stands in the log: it may name files.
            context.logger.error("\(context.requestID) \(path): \(error)")
            refusal = Refusal(
                .internalServerError, Diagnostic("server", problem: AnswerText.line(of: error)))
        }
        return .json(.object([("error", .text(refusal.description))]), status: refusal.status, headers: refusal.headers)
    }
}
