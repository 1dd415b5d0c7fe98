import Torch

/// Rows a model may be judged on.
public struct HeldOutRows {
    /// Rows not seen in training, `[N, …]`.
    public var test: Tensor
    /// How training divided the rows; nil where these are other data.
    public var split: OrderedSplit?
    /// Which rows these are, in words.
    public var description: String

    /// The tenth that was kept apart where these are the data the model was trained on, else all of them.
    /// - Parameters:
    ///   - rows: `[N, …]`.
    ///   - name: how messages call them.
    ///   - model: that is judged.
    public init(_ rows: Tensor, name: String, for model: OrderedModel) {
        let shaped = rows.count % max(1, model.description.shape.reduce(1, *)) == 0
        let isSame = shaped && model.description.provenance["fingerprint"] == OrderedSplit.fingerprint(of: rows)
        guard isSame else {
            (test, split, description) = (rows, nil, "\(name): all \(rows.size(0)) rows, taken as unseen")
            return
        }
        let split = OrderedSplit(rows)
        (test, self.split) = (split.test, split)
        description = "\(name): the \(split.test.size(0)) rows that training left out"
    }
}
