import Spectra

/// Draws from the joint posterior of one star, label by label.
struct StarPosterior {
    /// In the order drawn.
    let labels: [StellarLabel]
    /// The draws of each label, all as many.
    let columns: [StellarLabel: [Float]]
    /// How many draws.
    let count: Int

    /// The draws of a star among those of many.
    init(_ samples: PosteriorSamples, star: Int) {
        labels = samples.labels
        count = samples.draws
        columns = samples.labels.enumerated().reduce(into: [:]) {
            $0[$1.element] = samples.draws(ofStar: star, label: $1.offset)
        }
    }

    /// - Parameter columns: draws by label, at least one of each.
    init(_ labels: [StellarLabel], _ columns: [[Float]]) {
        self.labels = labels
        count = columns.first?.count ?? 0
        self.columns = Dictionary(uniqueKeysWithValues: zip(labels, columns))
    }

    /// Draws at some places, in their order.
    func selecting(_ places: [Int]) -> StarPosterior {
        StarPosterior(labels, columns(of: labels).map { column in places.map { column[$0] } })
    }

    /// The draws of some labels; none for a label that it does not have.
    func columns(of wanted: [StellarLabel]) -> [[Float]] { wanted.map { columns[$0] ?? [] } }

    /// The labels that all lists have, in the order of the first. A radial velocity is no trait of a star, but of a visit.
    static func shared(_ lists: [[StellarLabel]]) -> [StellarLabel] {
        (lists.first ?? []).filter { label in
            label.name != RadialVelocity.label && lists.allSatisfy { $0.contains(label) }
        }
    }
}
