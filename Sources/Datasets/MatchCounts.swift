/// How spectra, or rows of another table, found rows of a table.
public struct MatchCounts: Sendable {
    /// Spectra by what they were matched by.
    public private(set) var found: [String: Int] = [:]
    /// Spectra of no row, and one of them.
    public private(set) var unmatched: (count: Int, example: String) = (0, "")
    /// Spectra that several rows fit, and one of them.
    public private(set) var ambiguous: (count: Int, example: String) = (0, "")
    /// Spectra whose row has none of the labels.
    public private(set) var unlabelled = 0
    private var rows: [Int: Int] = [:]
    private let things: String

    /// - Parameter things: what is matched, for messages.
    package init(of things: String = "spectra") { self.things = things }

    package mutating func addUnlabelled() { unlabelled += 1 }

    package mutating func add(_ match: LabelTable.Match, of name: String) {
        switch match {
        case .row(let row, let what):
            found[what, default: 0] += 1
            rows[row, default: 0] += 1
        case .several(let count, let what):
            ambiguous = (
                ambiguous.count + 1, ambiguous.count > 0 ? ambiguous.example : "\(name): \(count) rows by \(what)"
            )
        case .none: unmatched = (unmatched.count + 1, unmatched.count > 0 ? unmatched.example : name)
        }
    }

    /// What was found and what was left out, each a clause.
    /// - Parameter count: rows of the table.
    public func notes(rows count: Int) -> [String] {
        var notes = found.sorted { $0.key < $1.key }.map { "\($0.value) \(things) matched by \($0.key)" }
        let visits = rows.values.filter { $0 > 1 }.count
        if visits > 0 { notes.append("\(visits) rows have several \(things): all are used, and never parted") }
        if unmatched.count > 0 {
            notes.append(
                "\(unmatched.count) \(things) are of no row, and are left out (the first: \(unmatched.example))")
        }
        if ambiguous.count > 0 {
            notes.append(
                "\(ambiguous.count) \(things) fit several rows, and are left out (the first: \(ambiguous.example))")
        }
        if unlabelled > 0 { notes.append("\(unlabelled) \(things) have none of the labels, and are left out") }
        if rows.count < count {
            notes.append("\(count - rows.count) rows have \(things == "spectra" ? "no spectrum" : "none")")
        }
        return notes
    }
}
