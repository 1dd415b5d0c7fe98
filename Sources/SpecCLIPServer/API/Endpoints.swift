import Datasets
import HTTPTypes
import Hummingbird
import Support

/// Everything that can be asked for.
enum Endpoints {
    static let all: [Endpoint] = page + facts + questions + SessionEndpoints.all

    // MARK: - The page

    private static let page = [
        Endpoint(
            .get, "/",
            Operation(summary: "The page.", answers: [.ok("HTML", "text/html", Schema.string)], needsToken: false)
        ) { _, request, _ in
            try PageFiles.answer("index.html", request)
        },
        Endpoint(
            .get, "/page/{name}",
            Operation(
                summary: "A file of the page.", parameters: [.path("name", "Its name.")],
                answers: [.ok("The file", "*/*", Schema.string), .notFound], needsToken: false)
        ) { _, request, context in
            _ = try Query(request)
            return try PageFiles.answer(context.parameter("name"), request)
        },
    ]

    // MARK: - Facts

    private static let facts = [
        Endpoint(
            .get, "/health",
            Operation(
                summary: "Whether the server takes requests.",
                answers: [
                    .ok("It does", Schema.object(["status": Schema.string])),
                    .json(503, "It is shutting down", Schema.object(["status": Schema.string])),
                ], needsToken: false)
        ) { service, request, _ in
            _ = try Query(request)
            return .json(
                .object([("status", .text(service.isStopping ? "stopping" : "ok"))]),
                status: service.isStopping ? .serviceUnavailable : .ok)
        },
        Endpoint(
            .get, "/metrics",
            Operation(
                summary: "What the server measures of itself, for Prometheus.",
                answers: [.ok("Text format 0.0.4", "text/plain", Schema.string)])
        ) { service, request, _ in
            _ = try Query(request)
            return .text(service.metricsText, type: "text/plain; version=0.0.4; charset=utf-8")
        },
        Endpoint(
            .get, "/openapi.json",
            Operation(
                summary: "This document.", answers: [.ok("OpenAPI 3.1", .object([("type", .text("object"))]))],
                needsToken: false)
        ) { _, request, _ in
            _ = try Query(request)
            return .json(OpenAPI.document)
        },
        Endpoint(
            .get, "/v1/model",
            Operation(
                summary: "What the model reads, and where it comes from.", answers: [.ok("The model", Schema.model)])
        ) { service, request, _ in
            _ = try Query(request)
            return .json(service.modelAnswer)
        },
    ]

    // MARK: - Questions about stars

    private static let questions = [
        Endpoint(
            .post, "/v1/predict",
            .stars("Labels with errors and flags: the columns of `specclip predict`.", Schema.labels)
        ) { service, request, context in
            _ = try Query(request)
            return try await service.answer(service.labelsQuestion(), to: request, context)
        },
        Endpoint(
            .post, "/v1/embed",
            .stars("Embeddings.", Schema.star(["embedding": Schema.numbers]))
        ) { service, request, context in
            _ = try Query(request)
            return try await service.answer(service.embeddingQuestion(), to: request, context)
        },
        Endpoint(
            .post, "/v1/translate",
            .stars(
                "The spectra that another instrument would see.", Schema.star(["flux": Schema.numbers]),
                parameters: [
                    .query("to", "The instrument, such as gaia-xp.", Schema.string(like: "gaia-xp"), isRequired: true),
                    .query("samples", "Spectra that are drawn of each.", Schema.integer(0...100)),
                ])
        ) { service, request, context in
            let query = try Query(request, "to", "samples")
            guard let target = query["to"] else {
                throw Refusal.bad("?to", "is not given", "name one of the model's instruments")
            }
            let samples = try query.integer("samples", in: 0...100, default: 0)
            return try await service.answer(
                service.translationQuestion(to: target, samples: samples), to: request, context)
        },
        Endpoint(
            .post, "/v1/search",
            .stars(
                "Known stars that look alike.",
                Schema.star(["look_alikes": Schema.list(of: .object([("type", .text("object"))]))]),
                parameters: [
                    .query("top", "How many of each instrument.", Schema.integer(1...1000)),
                    .query("among", "Whose spectra are searched (default: both).", Schema.string(like: "both")),
                    .query(
                        "where", "Stars alone whose labels are such; may be repeated.",
                        Schema.list(of: Schema.string(like: "teff<5000"))),
                ])
        ) { service, request, context in
            let query = try Query(request, "top", "among", "where", repeatable: ["where"])
            let top = try query.integer("top", in: 1...1000, default: 5)
            let conditions = try query.all("where").map { try LabelCondition($0, of: "?where") }
            return try await service.answer(
                service.searchQuestion(top: top, among: query["among"] ?? "both", where: conditions), to: request,
                context)
        },
        Endpoint(
            .post, "/v1/outliers",
            .stars("How odd spectra are: the columns of `specclip outliers`.", Schema.star([:]))
        ) { service, request, context in
            _ = try Query(request)
            return try await service.answer(service.outliersQuestion(), to: request, context)
        },
    ]
}

extension ServiceContext {
    /// A part of the path.
    func parameter(_ name: String) throws -> String {
        guard let value = parameters.get(name) else { throw Refusal.absent(name) }
        return value
    }
}
