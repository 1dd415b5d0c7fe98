import StellarLabels
import Torch

extension LabelReader {
    /// The labels of stars of any instruments from their embeddings, in their order.
    func read(_ embeddings: Tensor, of stars: [Star], device: Device) throws -> [[LabelEstimate]] {
        var estimates = [[LabelEstimate]](repeating: [], count: stars.count)
        var seen: Set<String> = []
        for instrument in stars.map(\.instrument) where seen.insert(instrument.name).inserted {
            let own = stars.indices.filter { stars[$0].instrument == instrument }
            let rows = embeddings.indexSelect(0, Tensor(own.map { Int64($0) }, shape: [own.count]))
            let found = try catchingTorchErrors { try predict(try rows.to(device), from: instrument) }
            for (place, labels) in zip(own, found) { estimates[place] = labels }
        }
        return estimates
    }
}
