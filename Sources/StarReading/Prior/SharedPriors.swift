import Spectra
import Synchronization

/// What makes one prior of the instruments of a model, for any of them that see a star; worked out when first asked for.
final class SharedPriors: Sendable {
    /// By the instrument's `embeddingKey`: what its posterior tells, and its prior.
    private let heads: [String: (labels: [StellarLabel], prior: LabelPrior?)]
    private let found = Mutex<[Set<String>: SharedPrior?]>([:])

    /// - Throws: `Diagnostic` for a head that cannot be read.
    init(_ labels: LabelReader, _ instruments: [Instrument]) throws {
        heads = try instruments.filter { (try? labels.labels(for: $0)) != nil }.reduce(into: [:]) { heads, instrument in
            // What is combined: the joint posterior where there is one.
            let drawn = try labels.posterior(of: instrument)?.description.labels
            heads[instrument.embeddingKey] = (
                try drawn ?? labels.labels(for: instrument), try labels.prior(of: instrument)
            )
        }
    }

    /// Whether no prior counts more than once that need not: some are known, or there are no two instruments.
    var isKnown: Bool { heads.count < 2 || heads.values.contains { $0.prior != nil } }

    /// The prior of posteriors of some instruments, each of another; nil where none is known.
    func prior(of instruments: [String]) -> SharedPrior? {
        found.withLock { found in
            let key = Set(instruments)
            if let known = found[key] { return known }
            let own = key.sorted().compactMap { heads[$0] }
            let labels = StarPosterior.shared(own.map(\.labels))
            let prior = labels.isEmpty ? nil : SharedPrior(own.map(\.prior), labels: labels)
            found[key] = .some(prior)
            return prior
        }
    }
}
