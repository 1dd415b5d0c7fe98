/// What can be wrong with data or files of an ordered bottleneck.
public enum BottleneckError: Error, Equatable, CustomStringConvertible {
    case data(String, problem: String)
    case file(String, problem: String)
    case width(Int, of: Int)
    case features(found: Int, expected: Int, data: String)

    /// One line: what is wrong, where, and the remedy.
    public var description: String {
        switch self {
        case .data(let data, let problem): "\(data): \(problem)"
        case .file(let path, let problem): "\(path): \(problem)"
        case .width(let width, let full): "width \(width): this model has \(full) latents; give 0 to \(full)"
        case .features(let found, let expected, let data):
            "\(data): \(found) features per row, but the model was trained on \(expected); give data of the same kind"
        }
    }
}
