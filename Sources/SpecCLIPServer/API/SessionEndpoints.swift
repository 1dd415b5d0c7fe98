import Figures
import Foundation
import HTTPTypes
import Hummingbird
import StarReading
import Support
import Tables

/// What the page asks for: sessions that keep stars while somebody looks at them.
enum SessionEndpoints {
    static let all: [Endpoint] = sessions + stars + downloads + [kiel]

    private static let session = Operation.Parameter.path("session", "Of the session, as it was begun.")
    private static let number = Operation.Parameter.path(
        "n", "Of the star in its session, from 1.", Schema.type("integer"))

    // MARK: - Sessions

    private static let sessions = [
        Endpoint(
            .post, "/v1/sessions",
            Operation(
                summary: "Begin a session.",
                answers: [
                    .json(
                        201, "Its name, which nobody guesses, and for how long it is kept unused",
                        Schema.object(["session": Schema.string, "expires_s": Schema.type("integer")]))
                ])
        ) { service, request, _ in
            _ = try Query(request)
            let session = try service.sessions.begin()
            return .json(
                .object([
                    ("session", .text(session.id)), ("expires_s", .integer(service.options.sessionSeconds)),
                ]), status: .created, headers: [.location: "/v1/sessions/\(session.id)/stars"])
        },
        Endpoint(
            .delete, "/v1/sessions/{session}",
            Operation(
                summary: "End a session: what it kept is forgotten.", parameters: [session],
                answers: [Operation.Answer(status: 204, about: "It has ended"), .notFound])
        ) { service, request, context in
            _ = try Query(request)
            try service.sessions.end(context.parameter("session"))
            return Response(status: .noContent)
        },
        Endpoint(
            .post, "/v1/sessions/{session}/stars",
            .stars(
                "Read stars and keep them: as /v1/predict, with the number of each.",
                Schema.star(["star": Schema.type("integer"), "flag": Schema.type("integer")]),
                parameters: [session]
            ).with(.notFound)
        ) { service, request, context in
            _ = try Query(request)
            let session = try service.sessions.session(context.parameter("session"))
            return try await service.answer(service.labelsQuestion(keptIn: session), to: request, context)
        },
        Endpoint(
            .get, "/v1/sessions/{session}/stars",
            Operation(
                summary: "The stars of a session.", parameters: [session],
                answers: [
                    .ok("Their rows", Schema.object(["stars": Schema.list(of: Schema.type("object"))])), .notFound,
                ])
        ) { service, request, context in
            _ = try Query(request)
            let session = try service.sessions.session(context.parameter("session"))
            return .json(.object([("stars", .array(session.stars.map { .object($0.row) }))]))
        },
    ]

    // MARK: - A star

    /// An endpoint of one star, answered by the engine.
    private static func star(
        _ path: String, _ summary: String, parameters: [Operation.Parameter] = [], _ about: String,
        _ schema: JSON, _ answer: @escaping @Sendable (StarPage, Session, Int, ServiceContext) throws -> JSON
    ) -> Endpoint {
        Endpoint(
            .get, "/v1/sessions/{session}/stars/{n}" + path,
            Operation(
                summary: summary, parameters: [session, number] + parameters,
                answers: [.ok(about, schema), .notFound, .refusal(503, "The server is shutting down")])
        ) { service, request, context in
            _ = try Query(request)
            let (session, star, number) = try await service.star(of: context)
            let json = try await service.workers.run(context.ticket) {
                try service.perform(context.ticket) { reader in
                    try answer(StarPage(star, reader, service.known), session, number, context)
                }.ready
            }
            return .json(json)
        }
    }

    private static let stars = [
        star(
            "", "What is known of a star: spectra, labels, look-alikes, what is odd.", "The star",
            Schema.object([
                "star": Schema.type("integer"), "name": Schema.string, "row": Schema.type("object"),
                "labels": Schema.list(of: Schema.type("object")), "flags": Schema.list(of: Schema.type("object")),
            ])
        ) { page, session, number, _ in
            var others: [String: Int] = [:]
            for (place, star) in session.stars.enumerated() where place + 1 != number {
                others[star.observation.sourceID] = place + 1
            }
            return try page.json(number, others: others)
        },
        star(
            "/posterior", "Draws of the joint posterior of its labels.", "500 draws of each label at the most",
            Schema.object([
                "labels": Schema.list(of: Schema.type("object")), "samples": Schema.list(of: Schema.numbers),
            ])
        ) { page, _, _, _ in
            try page.posterior()
        },
        star(
            "/look-alikes/{k}", "The spectrum of a look-alike.",
            parameters: [.path("k", "Its number in the star's list, from 1.", Schema.type("integer"))],
            "The look-alike",
            Schema.object([
                "source_id": Schema.string, "instrument": Schema.string, "wavelength": Schema.numbers,
                "flux": .object([("type", .array([.text("array"), .text("null")]))]),
            ])
        ) { page, _, _, context in
            try page.lookAlike(context.parameter("k"))
        },
    ]

    // MARK: - Downloads

    /// Formats of catalogues, with their types.
    private static let tables = [
        ("csv", "text/csv; charset=utf-8"), ("fits", "application/fits"), ("ecsv", "text/plain; charset=utf-8"),
        ("vot", "application/x-votable+xml"),
    ]
    private static let pictures = [("png", "image/png"), ("pdf", "application/pdf")]

    private static let downloads =
        tables.map { ending, type in
            Endpoint(
                .get, "/v1/sessions/{session}/catalogue.\(ending)",
                Operation(
                    summary: "The labels of a session's stars, as `specclip predict -o` writes them.",
                    parameters: [session],
                    answers: [.ok("A file", plain(type), Schema.string), .notFound])
            ) { service, request, context in
                _ = try Query(request)
                let stars = try service.sessions.session(context.parameter("session")).stars
                let catalogue = try service.catalogue()
                let data = try await service.workers.run(context.ticket) {
                    let table = catalogue.table(stars.map(\.observation), stars.map(\.labels))
                    return try service.written("catalogue.\(ending)") { try TableFile.write(table, to: $0) }
                }
                return .download(data, type: type, name: "specclip.\(ending)")
            }
        }
        + pictures.map { ending, type in
            Endpoint(
                .get, "/v1/sessions/{session}/stars/{n}/card.\(ending)",
                Operation(
                    summary: "A star on one page.", parameters: [session, number],
                    answers: [
                        .ok("A picture", type, Schema.string), .notFound,
                        .refusal(501, "gnuplot, which draws it, is not installed"),
                    ])
            ) { service, request, context in
                _ = try Query(request)
                let (_, star, _) = try await service.star(of: context)
                let gnuplot: Gnuplot
                do { gnuplot = try Gnuplot() } catch {
                    throw Refusal(
                        .notImplemented,
                        Diagnostic(
                            "card", problem: "cannot be drawn here: gnuplot is missing",
                            remedy: "ask whoever runs the server to install it"))
                }
                let data = try await service.workers.run(context.ticket) {
                    let card = try service.perform(context.ticket) { reader in
                        try StarPage(star, reader, service.known).card()
                    }
                    return try service.written("card.\(ending)") {
                        try CardFigure(card).write(to: $0, force: true, gnuplot: gnuplot)
                    }
                }
                return .download(data, type: type, name: "star.\(ending)")
            }
        }

    private static func plain(_ type: String) -> String { String(type.prefix { $0 != ";" }) }

    private static let kiel = Endpoint(
        .get, "/v1/kiel",
        Operation(
            summary: "Where stars of the training lie in the Kiel diagram.",
            answers: [
                .ok(
                    "A number of each star",
                    Schema.object(["teff": Schema.numbers, "logg": Schema.numbers, "fe_h": Schema.numbers]))
            ])
    ) { service, request, _ in
        _ = try Query(request)
        return .json(try KielDiagram.json(service.reader))
    }
}

extension Operation {
    /// The same, with one more answer.
    fileprivate func with(_ answer: Answer) -> Operation {
        var own = self
        own.answers.append(answer)
        return own
    }
}

extension StarService {
    /// The star that a path names.
    func star(of context: ServiceContext) async throws -> (session: Session, star: Session.Star, number: Int) {
        let session = try sessions.session(context.parameter("session"))
        let text = try context.parameter("n")
        return (session, try session.star(text), Int(text) ?? 0)
    }

    /// The bytes of a file that `write` makes, which goes away again.
    func written(_ name: String, _ write: (URL) throws -> Void) throws -> Data {
        let folder = PrivateFolder(in: receiver.folder.url)
        let url = try folder.made().appending(path: name)
        try write(url)
        return try withExtendedLifetime(folder) { try Data(contentsOf: url) }
    }
}
