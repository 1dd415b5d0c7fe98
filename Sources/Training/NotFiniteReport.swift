import Foundation

/// What `not-finite.json` holds: the rows to look at when a loss is NaN or infinite.
struct NotFiniteReport: Codable {
    /// "the loss", "the gradient" or "the validation loss".
    let what: String
    /// Optimiser step, counted from 1.
    let step: Int
    /// `training` or `validation`.
    let split: String
    /// Row numbers within that split of the data set, from 0.
    let rows: [Int]

    func write(to url: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try encoder.encode(self).write(to: url, options: .atomic)
    }
}
