import Support

/// The folds of a data set's training stars: groups of stars that share neither a star nor a plate (label `fold`).
package struct FoldedStars: Sendable {
    /// The fold of each row of the training split.
    private let places: [Int]
    /// The folds that there are, ascending.
    package let folds: [Int]

    /// Folds that cross-fitting needs: one to calibrate on, one to stop by, one to learn from.
    private static let least = 3

    /// - Throws: `Diagnostic` where the data set tells of no folds, or of too few.
    package init(_ data: PairedDataSet) throws {
        let label = LabelledCatalogue.foldLabel
        func refuse(_ problem: String) -> Diagnostic {
            Diagnostic(
                data.url.path, field: "label '\(label)'", problem: problem,
                remedy: "cross-fitting parts stars by it: make the data set with `specclip data stars`")
        }
        guard data.labelNames.contains(label) else { throw refuse("is missing") }
        let values = try data.labels(label, split: .train)
        guard let least = values.min(), let most = values.max(), values.allSatisfy(\.isFinite), least >= 0, most < 1000
        else { throw refuse("is not known of all training stars") }
        places = values.map { Int($0) }
        folds = Set(places).sorted()
        guard folds.count >= Self.least else {
            throw refuse("tells of \(folds.count) folds among the training stars, and \(Self.least) are needed")
        }
    }

    /// Training rows of a fold, ascending.
    package func rows(in fold: Int) -> [Int] { places.indices.filter { places[$0] == fold } }

    /// Training rows of all other folds, ascending.
    package func rows(outside folds: Set<Int>) -> [Int] { places.indices.filter { !folds.contains(places[$0]) } }
}
