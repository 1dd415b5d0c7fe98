/// What can be wrong with posteriors, their files and the data to learn them from.
public enum PosteriorError: Error, Equatable, CustomStringConvertible {
    /// Something that needs all transforms to take the labels in one order.
    case order(String)
    case data(String, field: String, problem: String)
    case file(String, problem: String)

    /// One line: what is wrong, where, and the remedy.
    public var description: String {
        switch self {
        case .order(let what):
            "\(what) need a flow that keeps the order of labels; train one with keepsOrder: true"
        case .data(let data, let field, let problem): "\(data): \(field): \(problem)"
        case .file(let path, let problem): "\(path): \(problem)"
        }
    }
}
