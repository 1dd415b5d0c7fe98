import HTTPTypes
import Hummingbird

/// One thing that can be asked for: the route and its line of the OpenAPI document are made of the same value.
struct Endpoint: Sendable {
    typealias Handler = @Sendable (StarService, Request, ServiceContext) async throws -> Response

    var method: HTTPRequest.Method
    /// `/v1/sessions/{session}/stars`.
    var path: String
    var operation: Operation
    var handler: Handler

    init(_ method: HTTPRequest.Method, _ path: String, _ operation: Operation, handler: @escaping Handler) {
        (self.method, self.path, self.operation, self.handler) = (method, path, operation, handler)
    }

    /// Whether a path is one of these.
    func matches(_ path: String) -> Bool {
        let (own, given) = (self.path.split(separator: "/"), path.split(separator: "/"))
        return own.count == given.count && zip(own, given).allSatisfy { $0.first == "{" || $0 == $1 }
    }
}

/// What OpenAPI says of an endpoint.
struct Operation: Sendable {
    /// A part of the path or of the query.
    struct Parameter: Sendable {
        var name: String
        var place = "query"
        var about: String
        var schema: JSON
        var isRequired = false
    }

    /// An answer.
    struct Answer: Sendable {
        var status: Int
        var about: String
        /// Of the content, by its type; none of an empty answer.
        var content: [(type: String, schema: JSON)] = []
    }

    var summary: String
    var parameters: [Parameter] = []
    /// Whether its body brings stars.
    var takesStars = false
    var answers: [Answer] = []
    /// Whether `--token` holds for it.
    var needsToken = true
}
