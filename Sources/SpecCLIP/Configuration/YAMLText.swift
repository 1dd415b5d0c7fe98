import Support
import Yams

/// Reads a configuration of any kind from YAML text.
/// - Parameters:
///   - type: what to read.
///   - text: the YAML text.
///   - source: the file's name, for the error line.
/// - Throws: `Diagnostic` naming source, field and remedy.
public func decodeYAML<Value: Decodable>(_ type: Value.Type, _ text: String, source: String) throws -> Value {
    do {
        return try YAMLDecoder().decode(type, from: text)
    } catch let error as Diagnostic {
        throw Diagnostic(source, problem: "\(error)")
    } catch let DecodingError.dataCorrupted(context) where context.underlyingError is Diagnostic {
        throw Diagnostic(source, problem: context.underlyingError.map { "\($0)" } ?? "")
    } catch let error as DecodingError {
        throw Diagnostic(source, problem: Configuration.explain(error))
    } catch {
        throw Diagnostic(source, problem: "not valid YAML: \(error)")
    }
}
