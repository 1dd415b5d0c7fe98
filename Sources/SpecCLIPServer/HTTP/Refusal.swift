import HTTPTypes
import Support

/// Why a request is not answered as it asks: a status and one line.
struct Refusal: Error, CustomStringConvertible {
    var status: HTTPResponse.Status
    var diagnostic: Diagnostic
    var headers = HTTPFields()

    var description: String { diagnostic.description }

    init(_ status: HTTPResponse.Status, _ diagnostic: Diagnostic, headers: HTTPFields = [:]) {
        (self.status, self.diagnostic, self.headers) = (status, diagnostic, headers)
    }

    /// What a request says makes no sense.
    static func bad(_ subject: String, _ problem: String, _ remedy: String = "") -> Refusal {
        Refusal(.badRequest, Diagnostic(subject, problem: problem, remedy: remedy))
    }

    /// There is nothing of this name.
    static func absent(_ subject: String, _ problem: String = "is not here", _ remedy: String = "") -> Refusal {
        Refusal(.notFound, Diagnostic(subject, problem: problem, remedy: remedy))
    }

    /// More than one request may bring.
    static func tooLarge(_ subject: String, _ problem: String, _ remedy: String) -> Refusal {
        Refusal(.contentTooLarge, Diagnostic(subject, problem: problem, remedy: remedy))
    }

    /// Others come first.
    /// - Parameter seconds: after which to ask again.
    static func busy(_ subject: String, _ problem: String, seconds: Int = 1) -> Refusal {
        Refusal(
            .tooManyRequests, Diagnostic(subject, problem: problem, remedy: "ask again in \(seconds) s"),
            headers: [.retryAfter: "\(seconds)"])
    }
}
