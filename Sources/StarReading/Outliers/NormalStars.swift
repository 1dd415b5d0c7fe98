import Foundation
import Posteriors
import SpecCLIP
import Support
import Torch

/// Normal stars of an instrument, and what they are like: what others are compared with.
final class NormalStars: Module, @unchecked Sendable {
    /// What is known of them beside numbers.
    struct Description: Codable, Sendable, Hashable {
        /// Source ids, or files where these are not known.
        var names: [String]
        /// Numbers of the place among features, of a spectrum, and pixels.
        var place: Int, components: Int, pixels: Int
        /// What scores they have.
        var scores: OutlierReference

        var isPossible: Bool {
            (1...10_000_000).contains(names.count)
                && [place, components, pixels].allSatisfy { (1...1_000_000).contains($0) }
        }
    }

    var about: Description
    /// Where they lie among features, `[N, F]`, and the numbers of their spectra, `[N, K]`.
    let places: Buffer, numbers: Buffer
    /// How large sums of residuals are at each pixel, by width, `[W, P]`.
    let spreads: Buffer

    static let part = "outliers"

    init(_ about: Description) {
        self.about = about
        places = Buffer(Tensor.zeros([about.names.count, about.place]))
        numbers = Buffer(Tensor.zeros([about.names.count, about.components]))
        spreads = Buffer(Tensor.ones([Oddity.widths.count, about.pixels]))
        super.init()
    }

    // MARK: - Features

    /// Share of normal stars within ± 1.645 spreads, as of a Gaussian: lines that vary from star to star shall count little, and cosmic
    /// rays shall not make them count less.
    private static let within = 0.9
    /// Stars without which nothing is known of a pixel.
    private static let fewest = 50
    private static let least = 0.05

    /// Learns how large features of normal stars are.
    func learn(featuresOf stars: OddityEvidence) {
        let pixels = about.pixels
        let rows = Oddity.widths.map { width -> Tensor in
            guard width <= pixels else { return Tensor.ones([1, pixels]) }
            let sums = stars.sums(of: width).abs()
            let seen = sums.ne(0).to(.float32).sum(dims: [0]).floats()
            // Stars that did not see a pixel stand first, with 0.
            let sorted = sums.sort(dim: 0).values
            let ranks = seen.map { seen in
                Int64(Double(sums.size(0)) - 1 - (1 - Self.within) * Double(max(seen - 1, 0)))
            }
            let found = sorted.gather(0, Tensor(ranks, shape: [1, ranks.count])).squeezed(0).floats()
            let known = zip(found, seen).filter { $1 >= Float(Self.fewest) }.map(\.0).sorted()
            let usual = known.isEmpty ? 1 : known[known.count / 2]
            let own = zip(found, seen).map { max($1 >= Float(Self.fewest) ? $0 : usual, Float(Self.least)) / 1.645 }
            return Tensor(own + [Float](repeating: 1, count: pixels - own.count), shape: [1, pixels])
        }
        spreads.value = Tensor.cat(rows, dim: 0)
    }

    func spread(of width: Int) -> Tensor {
        spreads.value.select(0, Oddity.widths.firstIndex(of: width) ?? 0)
    }

    // MARK: - Neighbours

    private static let neighbours = 50
    /// Spread of the numbers that all stars have at least, and the share of the covariance that is kept off the diagonal: fifty stars
    /// tell the covariance of thirty numbers badly.
    private static let (leastSpread, kept) = (0.1, 0.5)

    /// The normal stars that are most like others, nearest first.
    /// - Parameters:
    ///   - query: places among features, `[B, F]`.
    ///   - count: so many.
    ///   - apart: leaves out the nearest, where the others are these stars themselves.
    /// - Returns: their rows, `[B, count]`.
    func nearest(to query: Tensor, _ count: Int, apart: Bool = false) -> Tensor {
        // In double precision, or close neighbours could not be told from a star itself.
        let (known, query) = (places.value.to(.float64), query.to(.float64))
        let squares =
            query.square().sum(dims: [1], keepDims: true) + known.square().sum(dims: [1])
            - query.matmul(known.transposed()) * 2
        let first = apart ? 1 : 0
        let count = max(1, min(count, known.size(0) - first))
        return squares.topk(count + first, dim: 1, largest: false).indices
            .narrow(1, start: first, length: count)
    }

    /// What spectra look like of the normal stars that are most like others: a Gaussian in the numbers of the components.
    func density(near query: Tensor, apart: Bool = false) -> Mixture {
        let rows = nearest(to: query, Self.neighbours, apart: apart)
        let (stars, count, size) = (rows.size(0), rows.size(1), about.components)
        let own = numbers.value.indexSelect(0, rows.reshaped([stars * count])).reshaped([stars, count, size])
        let mean = own.mean(dims: [1], keepDims: true)
        let off = own - mean
        let covariance = off.transposed(1, 2).matmul(off) * (1 / Double(max(1, count - 1)))
        let unit = Tensor.eye(size)
        let steadied =
            covariance * Self.kept + covariance * unit * (1 - Self.kept) + unit * (Self.leastSpread * Self.leastSpread)
        return Mixture(
            logWeights: Tensor.zeros([stars, 1]), means: mean,
            factors: steadied.cholesky().unsqueezed(1))
    }

    // MARK: - Scores

    /// Scores that spectra have beside these stars.
    /// - Parameters:
    ///   - told: by the spectra.
    ///   - places: where they lie among features; nil where that is not known.
    ///   - apart: they are these stars themselves.
    func scores(_ told: OddityEvidence, at places: Tensor?, apart: Bool = false) -> OddityScores {
        var scores = OddityScores()
        for kind in Oddity.ofFeatures {
            let found = told.strongest(kind.widths, spreads: spread)
            (scores.values[kind], scores.places[kind]) = (found.scores, found.features)
        }
        if let places {
            scores.values[.neighbours] = told.surprise(by: density(near: places, apart: apart))
        }
        return scores
    }

    // MARK: - The file

    /// The normal stars of all instruments of a file, by `embeddingKey`.
    static func all(in file: ModelFile) throws -> [String: NormalStars] {
        let found: [String: Description] = try file.modules(
            of: part, problem: "cannot be read: it is damaged, or of an earlier version",
            remedy: "get the file anew, or show it normal stars (`specclip outliers calibrate`)"
        ) { $0.isPossible }
        return try found.reduce(into: [:]) { all, entry in
            let stars = NormalStars(entry.value)
            try file.load(stars, part: "\(part).\(entry.key)")
            all[entry.key] = stars
        }
    }

    /// The part of a model file that holds the normal stars of all instruments.
    static func part(_ all: [String: NormalStars]) throws -> ModelFilePart {
        try ModelFilePart(
            name: part, modules: all.sorted { $0.key < $1.key }.map { ($0.key, $0.value.about, $0.value) })
    }
}
