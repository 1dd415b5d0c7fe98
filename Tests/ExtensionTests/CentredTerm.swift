import SpecCLIP
import Torch

// A new objective term, all of it. No other file knows it.

/// Embeddings of all instruments are to have one mean.
struct CentredTerm: AlignmentTerm {
    static let name = "centred"

    func loss(_ views: AlignedViews) throws -> Tensor? {
        let means = views.keys.compactMap { key -> Tensor? in
            guard let shared = views.shared[key] else { return nil }
            let rows = views.seen(key) ?? Array(0..<shared.size(0))
            return shared.indexSelect(0, Tensor(rows.map(Int64.init), shape: [rows.count])).mean(
                dims: [0], keepDims: false)
        }
        guard let first = means.first, means.count > 1 else { return nil }
        return means.dropFirst().reduce(Tensor.zeros([1])) { $0 + ($1 - first).square().sum() }
    }
}
