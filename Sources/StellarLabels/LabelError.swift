/// What can be wrong with labels.
public enum LabelError: Error, CustomStringConvertible {
    case noLabels(String)
    case noHead(String, known: [String])
    case tooFewStars(label: String, data: String, stars: Int, needed: Int)
    case recalibration(String, head: String, problem: String)
    case statistics(String, problem: String)
    case regressor(String, problem: String)

    /// One line: what is wrong, where, and the remedy.
    public var description: String {
        switch self {
        case .noLabels(let file): "\(file): this model has no label heads; make them with `specclip labels fit`"
        case .noHead(let name, let known):
            "this model has no label head for \(name); it has heads for \(known.joined(separator: ", "))"
        case .tooFewStars(let label, let data, let stars, let needed):
            "\(data): label '\(label)' is known for \(stars) training stars, at least \(needed) are needed; "
                + "leave it out of labels.heads or give more stars"
        case .recalibration(let file, let head, let problem):
            "\(file): head \(head): \(problem); give the configuration and the data that the model was trained with"
        case .statistics(let file, let problem), .regressor(let file, let problem): "\(file): \(problem)"
        }
    }
}
