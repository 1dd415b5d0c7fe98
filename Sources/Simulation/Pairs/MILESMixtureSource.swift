import Datasets
import Foundation
import Instruments
import Spectra
import Support

/// Tier `miles-mixtures`: many stars to train on, made from the few of MILES; validation and test are real MILES stars.
///
/// An interpolated spectrum is the mean star at its labels, and a model trained on mean stars trusts every line too
/// much. So each mixture also gets what sets a real star near these labels apart from the mean: its residual against
/// the interpolation from all other stars, by a random factor.
struct MILESMixtureSource: PairSource {
    let instruments: [Instrument]
    let labelNames = ["teff", "logg", "fe_h", "rv"]
    let notes: [String]
    private let mixer: StarMixer
    private let heldOut: [(star: LibraryStar, split: Split)]
    private let options: PairOptions

    /// Training rows where none are asked for.
    private static let defaultCount = 30_000

    /// - Parameter instrument: whose grid and normalisation the stars get; of one that knows masks, also which pixels there are.
    init(_ store: LibraryStore, _ options: PairOptions, of instrument: Instrument = .lamostLRS) throws {
        self.options = options
        instruments = [instrument]
        let splits = options.splits
        let stars = try MILESLibrary.stars(store)
        mixer = StarMixer(stars.filter { splits.split(of: $0.id) == .train }, instrument, seed: options.seed)
        heldOut = stars.filter { !$0.labels.isEmpty }.map { ($0, splits.split(of: $0.id)) }.filter { $0.1 != .train }
        notes = [
            "train: local linear interpolation among \(mixer.interpolator.count) MILES stars of the training split at labels "
                + "scattered around theirs, plus 0 to \(StarMixer.scatter) times the residual of a star near them; one row in "
                + "\(Int(1 / StarMixer.realShare)) is a MILES star itself. validation, test: real MILES stars, once each.",
            "Noise-free, at rest, FWHM 2.5 Å as published: velocities, broadening and noise are for the training to add. "
                + "`rv` is 0. Split by a hash of the star's number, as in real-miles.",
        ]
    }

    /// The held-out stars come first, so that a limit is one of the mixtures.
    var count: Int { options.limit ?? heldOut.count + Self.defaultCount }

    func rows(_ wanted: [Int]) throws -> [PairCandidate] {
        concurrentMap(wanted) { row in
            guard row < heldOut.count else { return .row(mixer.row(row - heldOut.count), .train) }
            let (star, split) = heldOut[row]
            guard let prepared = try? instruments[0].prepare(star.spectrum) else {
                return .skipped("cannot be normalised")
            }
            let labels = star.labels.merging(["rv": 0]) { $1 }
            let shown = mixer.paired(star.id, prepared.flux, known: prepared.mask.map { !$0 }, labels)
            return .row(shown, split)
        }
    }
}
