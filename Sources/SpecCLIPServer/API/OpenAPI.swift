import Foundation
import HTTPTypes
import Support

/// The document that tells programs what can be asked for, made of the endpoints themselves.
enum OpenAPI {
    static let document: JSON = {
        let paths = Endpoints.all.map(\.path).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        return .object([
            ("openapi", .text("3.1.0")),
            (
                "info",
                .object([
                    ("title", .text("specclip")), ("version", .text(Release.version)),
                    ("summary", .text("Reads stellar spectra with a model.")),
                    ("license", .object([("name", .text("Apache-2.0")), ("identifier", .text("Apache-2.0"))])),
                ])
            ),
            ("paths", .object(paths.map { path in (path, .object(item(path))) })),
            (
                "components",
                .object([
                    (
                        "securitySchemes",
                        .object([("token", .object([("type", .text("http")), ("scheme", .text("bearer"))]))])
                    ),
                    ("schemas", .object(Schema.named)),
                ])
            ),
        ])
    }()

    private static func item(_ path: String) -> [(String, JSON)] {
        Endpoints.all.filter { $0.path == path }.map { endpoint in
            (endpoint.method.rawValue.lowercased(), operation(endpoint))
        }
    }

    private static func operation(_ endpoint: Endpoint) -> JSON {
        let own = endpoint.operation
        let words = endpoint.path.split { !$0.isLetter && !$0.isNumber }
        var fields: [(String, JSON)] = [
            ("summary", .text(own.summary)),
            (
                "operationId",
                .text(([endpoint.method.rawValue.lowercased()] + words.map(String.init)).joined(separator: "_"))
            ),
        ]
        if !own.parameters.isEmpty { fields.append(("parameters", .array(own.parameters.map(parameter)))) }
        if own.takesStars { fields.append(("requestBody", Schema.starsBody)) }
        var answers = own.answers
        answers += [.refusal(400, "The request makes no sense"), .refusal(421, "The name is not the server's")]
        if endpoint.method != .get { answers.append(.refusal(403, "The page of another site asks")) }
        if own.takesStars {
            answers += [
                .refusal(408, "The body comes too slowly"), .refusal(413, "More than one request may bring"),
                .refusal(415, "A body of another type"), .refusal(422, "Nothing of it could be read"),
                .refusal(503, "The server cannot take it now"),
            ]
        }
        if own.needsToken {
            answers += [.refusal(401, "The token is missing or not right"), .refusal(429, "Ask again later")]
            // The empty one: without --token nobody is asked for it.
            fields.append(("security", .array([.object([("token", .array([]))]), .object([])])))
        }
        let told = answers.reduce(into: [Operation.Answer]()) { all, answer in
            if !all.contains(where: { $0.status == answer.status }) { all.append(answer) }
        }
        fields.append(
            ("responses", .object(told.sorted { $0.status < $1.status }.map { ("\($0.status)", answer($0)) })))
        return .object(fields)
    }

    private static func parameter(_ own: Operation.Parameter) -> JSON {
        .object([
            ("name", .text(own.name)), ("in", .text(own.place)), ("description", .text(own.about)),
            ("required", .bool(own.isRequired || own.place == "path")), ("schema", own.schema),
        ])
    }

    private static func answer(_ own: Operation.Answer) -> JSON {
        var fields: [(String, JSON)] = [("description", .text(own.about))]
        if !own.content.isEmpty {
            fields.append(
                ("content", .object(own.content.map { ($0.type, .object([("schema", $0.schema)])) })))
        }
        return .object(fields)
    }
}

extension Operation.Parameter {
    static func path(_ name: String, _ about: String, _ schema: JSON = Schema.string) -> Self {
        Self(name: name, place: "path", about: about, schema: schema, isRequired: true)
    }

    static func query(_ name: String, _ about: String, _ schema: JSON, isRequired: Bool = false) -> Self {
        Self(name: name, about: about, schema: schema, isRequired: isRequired)
    }
}

extension Operation.Answer {
    static func ok(_ about: String, _ schema: JSON) -> Self { json(200, about, schema) }

    static func ok(_ about: String, _ type: String, _ schema: JSON) -> Self {
        Self(status: 200, about: about, content: [(type, schema)])
    }

    static func json(_ status: Int, _ about: String, _ schema: JSON) -> Self {
        Self(status: status, about: about, content: [("application/json", schema)])
    }

    static func refusal(_ status: Int, _ about: String) -> Self { json(status, about, Schema.reference("Error")) }

    static let notFound = refusal(404, "There is no such thing")
}

extension Operation {
    /// A question about the stars that the body brings.
    static func stars(_ summary: String, _ star: JSON, parameters: [Parameter] = []) -> Operation {
        Operation(
            summary: summary, parameters: parameters, takesStars: true,
            answers: [
                Answer(
                    status: 200, about: "The stars, and what could not be read",
                    content: [
                        ("application/json", Schema.answer(of: star)), ("application/x-ndjson", Schema.string),
                    ])
            ])
    }
}

/// Shapes of JSON, as JSON Schema tells them.
enum Schema {
    static let string = type("string")
    static let numbers = list(of: nullable("number"))

    static func type(_ name: String) -> JSON { .object([("type", .text(name))]) }

    /// A text such as the example.
    static func string(like example: String) -> JSON {
        .object([("type", .text("string")), ("examples", .texts([example]))])
    }

    static func nullable(_ name: String) -> JSON {
        .object([("type", .array([.text(name), .text("null")]))])
    }

    static func integer(_ range: ClosedRange<Int>) -> JSON {
        .object([
            ("type", .text("integer")), ("minimum", .integer(range.lowerBound)),
            ("maximum", .integer(range.upperBound)),
        ])
    }

    static func list(of item: JSON) -> JSON { .object([("type", .text("array")), ("items", item)]) }

    static func reference(_ name: String) -> JSON { .object([("$ref", .text("#/components/schemas/\(name)"))]) }

    /// All of the properties are there; more may be.
    static func object(_ properties: KeyValuePairs<String, JSON>) -> JSON { object(Array(properties)) }

    static func object(_ properties: [(key: String, value: JSON)]) -> JSON {
        .object([
            ("type", .text("object")), ("properties", .object(properties.map { ($0.key, $0.value) })),
            ("required", .texts(properties.map(\.key))),
        ])
    }

    /// A star of an answer.
    static func star(_ more: KeyValuePairs<String, JSON>) -> JSON {
        object(
            [
                ("file", string), ("row", integer(1...Int(Int32.max))), ("source_id", nullable("string")),
                ("instrument", string),
            ]
                + Array(more))
    }

    static let labels = star([
        "flag": type("integer"), "flags": list(of: string), "snr": nullable("number"),
    ])

    /// An answer of stars.
    static func answer(of star: JSON) -> JSON {
        object(["stars": list(of: star), "failures": list(of: reference("Failure")), "notes": list(of: string)])
    }

    static let model = object([
        "name": string, "version": string, "tier": nullable("string"), "embedding_width": type("integer"),
        "draws": type("integer"), "has_atlas": type("boolean"), "has_outliers": type("boolean"),
        "has_spectra": type("boolean"), "instruments": list(of: type("object")), "labels": list(of: type("object")),
        "flags": list(of: type("object")), "translations": list(of: type("object")), "provenance": type("object"),
        "citation": list(of: string), "limits": type("object"),
    ])

    /// Those that have a name.
    static let named: [(String, JSON)] = [
        ("Error", object(["error": string])),
        ("Failure", object(["file": string, "row": type("integer"), "error": string])),
        ("Spectrum", spectrum), ("Options", options), ("Spectra", spectra),
    ]

    private static let options: JSON = .object([
        ("type", .text("object")),
        ("description", .text("What files do not say themselves, as the command's options have it.")),
        (
            "properties",
            .object(
                StarStatements.names.map {
                    ($0, .object([("type", .array(["string", "boolean", "number"].map(JSON.text)))]))
                })
        ),
        ("additionalProperties", .bool(false)),
    ])

    private static let spectrum: JSON = {
        let arrays: [(String, JSON)] = ["wavelength", "flux", "ivar", "error"].map { ($0, numbers) }
        let more: [(String, JSON)] = [
            ("mask", list(of: type("boolean"))),
            ("source_id", .object([("type", .array([.text("string"), .text("integer"), .text("null")]))])),
            ("name", nullable("string")), ("ra", nullable("number")), ("dec", nullable("number")),
            ("snr", nullable("number")), ("resolution", nullable("number")), ("wavelength_unit", nullable("string")),
            ("flux_unit", nullable("string")),
        ]
        return .object([
            ("type", .text("object")),
            (
                "description",
                .text(
                    "Wavelengths in Å (vacuum, unless options say air); or the columns of a continuous Gaia XP spectrum "
                        + "(bp_coefficients, rp_coefficients, …).")
            ),
            ("properties", .object(arrays + more)),
        ])
    }()

    private static let spectra: JSON = .object([
        ("type", .text("object")),
        (
            "properties",
            .object([
                ("spectra", list(of: reference("Spectrum"))), ("options", reference("Options")),
                ("instrument", string),
            ])
        ),
        ("required", .texts(["spectra"])),
    ])

    /// A spectrum as Gaia XP samples it, 336 to 1020 nm: smooth, but one.
    private static let example: JSON = {
        let wavelength = (0..<343).map { 3360 + 20 * Double($0) }
        let flux = wavelength.map { (1000 * (1 + 0.3 * sin($0 / 900))).rounded() / 1000 }
        let spectrum: JSON = .object([
            ("wavelength", .numbers(wavelength)), ("flux", .numbers(flux)), ("source_id", .text("1")),
        ])
        return .object([("spectra", .array([spectrum]))])
    }()

    /// The body of a request that brings stars.
    static let starsBody: JSON = {
        let file: JSON = .object([("type", .text("string")), ("format", .text("binary"))])
        let form: JSON = .object([
            ("type", .text("object")),
            (
                "properties",
                .object([
                    ("file", list(of: file)), ("instrument", string), ("options", reference("Options")),
                ])
            ),
            ("required", .texts(["file"])),
        ])
        let types: [(String, [(String, JSON)])] =
            [
                ("multipart/form-data", [("schema", form)]),
                ("application/json", [("schema", reference("Spectra")), ("example", example)]),
            ]
            + UploadReceiver.wholeFiles.keys.sorted().map { ($0, [("schema", file)]) }
        return .object([
            ("required", .bool(true)), ("content", .object(types.map { ($0.0, .object($0.1)) })),
        ])
    }()
}
