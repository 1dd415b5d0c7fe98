import Foundation
import Instruments
import Spectra
import Support

/// Spectra as JSON: `{"spectra": [{"wavelength": […], "flux": […], …}], "options": {…}}`.
enum SpectraText {
    /// Reads what a request brought as JSON, if it did.
    /// - Throws: `Refusal` for what is no JSON, or another.
    static func read(_ upload: inout Upload, mostSpectra: Int) throws {
        guard let data = upload.text else { return }
        upload.text = nil
        let body: Body = try decoded(data)
        guard !body.spectra.isEmpty else { throw UploadReceiver.empty }
        guard body.spectra.count <= mostSpectra else {
            throw Refusal.tooLarge("spectra", "are \(body.spectra.count)", "send \(mostSpectra) at once at most")
        }
        upload.statements = body.statements
        for (place, var spectrum) in body.spectra.enumerated() {
            let name = spectrum.name ?? (body.spectra.count == 1 ? "spectrum" : "spectrum \(place + 1)")
            guard spectrum.coefficients.isEmpty else {
                upload.add(try spectrum.table(named: name, at: upload.nextPath(".csv")))
                continue
            }
            guard let wavelength = spectrum.wavelength, let flux = spectrum.flux else {
                throw Refusal.bad("spectra[\(place)]", "has no wavelength and flux", "give an array of each")
            }
            spectrum.arrays.wavelength = wavelength
            spectrum.arrays.flux = flux
            spectrum.arrays.name = name
            upload.spectra.append(spectrum.arrays)
        }
    }

    /// Options alone.
    static func statements(_ data: Data, into upload: inout Upload) throws {
        let statements: [String: Statement] = try decoded(data, "options")
        for (name, statement) in statements { upload.statements[name] = statement.text }
    }

    private static func decoded<Value: Decodable>(_ data: Data, _ subject: String = "body") throws -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: data)
        } catch let error as Diagnostic {
            throw Refusal(.badRequest, error)
        } catch let error as DecodingError {
            throw Refusal.bad(subject, problem(of: error), "see /openapi.json")
        }
    }

    private static func problem(of error: DecodingError) -> String {
        func place(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.reduce("") { path, key in
                key.intValue.map { path + "[\($0)]" } ?? (path.isEmpty ? "" : path + ".") + key.stringValue
            }
            return path.isEmpty ? "" : String(path.prefix(120)) + " "
        }
        switch error {
        case .typeMismatch(_, let context): return place(context) + "is of another type"
        case .valueNotFound(_, let context): return place(context) + "is null"
        case .keyNotFound(let key, let context): return place(context) + "has no '\(key.stringValue)'"
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty ? "is no JSON" : place(context) + "cannot be read"
        @unknown default: return "cannot be read"
        }
    }

    // MARK: - Forms

    private struct Body: Decodable {
        var spectra: [SpectrumText]
        var statements: [String: String] = [:]

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Name.self)
            spectra = try values.decode([SpectrumText].self, forKey: Name("spectra"))
            for key in values.allKeys {
                switch key.stringValue {
                case "spectra": break
                case "options":
                    for (name, own) in try values.decode([String: Statement].self, forKey: key) {
                        statements[name] = own.text
                    }
                default: statements[key.stringValue] = try values.decode(Statement.self, forKey: key).text
                }
            }
        }
    }

    /// A value of an option, whatever JSON has it as.
    private struct Statement: Decodable {
        var text: String

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let own = try? value.decode(String.self) {
                text = own
            } else if let own = try? value.decode(Bool.self) {
                text = own ? "true" : "false"
            } else {
                text = "\(try value.decode(Double.self))"
            }
        }
    }

    fileprivate struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

/// One spectrum of the body.
private struct SpectrumText: Decodable {
    var arrays = SpectrumArrays(wavelength: [], flux: [])
    var wavelength: [Double]?
    var flux: [Double]?
    var name: String?
    /// Fields of a continuous Gaia XP spectrum, as the archive's tables have them: by name, as text of a cell.
    var coefficients: [(name: String, cell: String)] = []

    /// What is known beside columns of coefficients.
    private static let known = [
        "wavelength", "flux", "ivar", "error", "mask", "source_id", "name", "ra", "dec", "snr", "resolution",
        "wavelength_unit", "flux_unit",
    ]

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: SpectraText.Name.self)
        func numbers(_ key: SpectraText.Name) throws -> [Double]? {
            if let own = try? values.decode([Double].self, forKey: key) { return own }
            return try values.decodeIfPresent([Double?].self, forKey: key)?.map { $0 ?? .nan }
        }
        func number(_ key: SpectraText.Name) throws -> Double? {
            try values.decodeIfPresent(Double.self, forKey: key)
        }
        let isContinuous = values.allKeys.contains { key in
            ["bp_coefficients", "rp_coefficients"].contains(key.stringValue)
        }
        (arrays.unit, arrays.fluxUnit) = (.angstrom, "")
        for key in values.allKeys {
            let field = key.stringValue
            if isContinuous, field != "name" {
                coefficients.append((field, try values.decode(Cell.self, forKey: key).text))
                continue
            }
            switch field {
            case "wavelength": wavelength = try numbers(key)
            case "flux": flux = try numbers(key)
            case "ivar": arrays.ivar = try numbers(key)
            case "error": arrays.error = try numbers(key)
            case "mask":
                if let own = try? values.decode([Bool].self, forKey: key) {
                    arrays.mask = own
                } else {
                    arrays.mask = try numbers(key)?.map { $0 != 0 }
                }
            case "source_id": arrays.sourceID = try values.decodeIfPresent(Cell.self, forKey: key)?.text
            case "name":
                name = try values.decodeIfPresent(String.self, forKey: key).map(MultipartHeader.shown)
            case "ra": arrays.ra = try number(key)
            case "dec": arrays.dec = try number(key)
            case "snr": arrays.snr = try number(key)
            case "resolution": arrays.resolution = try number(key)
            case "flux_unit": arrays.fluxUnit = try values.decodeIfPresent(String.self, forKey: key) ?? ""
            case "wavelength_unit":
                guard let text = try values.decodeIfPresent(String.self, forKey: key) else { break }
                arrays.unit = try WavelengthUnit(stated: text, as: "wavelength_unit \(text.prefix(40))")
            default:
                throw Refusal.bad(
                    String(field.prefix(80)), "is no field of a spectrum", suggestion(for: field, among: Self.known))
            }
        }
    }

    /// The coefficients as a table of one row, which is read as the archive's are.
    func table(named name: String, at path: String) throws -> Upload.File {
        func quoted(_ text: String) -> String { "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" }
        let lines = [coefficients.map(\.name), coefficients.map(\.cell)].map {
            $0.map(quoted).joined(separator: ",") + "\n"
        }
        do {
            try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: path))
        } catch {
            throw Refusal(.serviceUnavailable, Diagnostic("server", problem: "cannot keep the spectrum"))
        }
        return Upload.File(shown: name, path: path)
    }

    /// A value as a cell of a table has it.
    private struct Cell: Decodable {
        var text: String

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if value.decodeNil() {
                text = ""
            } else if let numbers = try? value.decode([Double].self) {
                text = "[" + numbers.map { "\($0)" }.joined(separator: ", ") + "]"
            } else if let text = try? value.decode(String.self) {
                self.text = text.replacingOccurrences(of: "\n", with: " ")
            } else if let whole = try? value.decode(Int.self) {
                text = "\(whole)"
            } else {
                text = "\(try value.decode(Double.self))"
            }
        }
    }
}
