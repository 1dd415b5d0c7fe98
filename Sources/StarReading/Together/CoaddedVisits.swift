import Foundation
import Spectra
import Tables

extension Observation {
    /// Visits of a star by one instrument as one spectrum, each brought to rest first.
    ///
    /// Noise is the visits' own and averages down as inverse variances add up. What the network makes of the star is not: it
    /// misreads the same star in the same way, however often it is shown. So visits are averaged as spectra and read once,
    /// with the posterior of the better spectrum, in which that stays; multiplying their posteriors would let it average down
    /// as well. A pixel that one visit lacks is filled by the others. Two visits with the same flux in every pixel are one
    /// spectrum that was given twice.
    /// - Parameters:
    ///   - visits: at least one, all of one instrument.
    ///   - velocities: radial velocity of each, km/s, positive when receding.
    static func coadded(_ visits: [Observation], removing velocities: [Double]) -> Observation {
        var (resting, seen): ([PreparedSpectrum], Set<[Float]>) = ([], [])
        for (visit, velocity) in zip(visits, velocities) where seen.insert(visit.prepared.flux).inserted {
            resting.append(velocity == 0 ? visit.prepared : visit.atRest(removing: velocity).prepared)
        }
        var star = visits[0]
        guard resting.count > 1 else { return star }
        star.name = visits.map(\.name).joined(separator: "+")
        star.raw = nil
        let weights = resting.map { $0.ivar ?? $0.estimatedIvar }
        let pixels = resting[0].flux.count
        var (flux, ivar, mask) = ([Float](), [Float](), [Bool]())
        for pixel in 0..<pixels {
            let good = resting.indices.filter {
                weights[$0][pixel] > 0 && (resting[$0].mask.isEmpty || !resting[$0].mask[pixel])
            }
            let own = good.isEmpty ? Array(resting.indices) : good
            let shares = good.isEmpty ? own.map { _ in 1 } : own.map { Double(weights[$0][pixel]) }
            let sum = shares.reduce(0, +)
            flux.append(Float(zip(own, shares).reduce(0) { $0 + Double(resting[$1.0].flux[pixel]) * $1.1 } / sum))
            ivar.append(good.isEmpty ? 0 : Float(sum))
            mask.append(good.isEmpty)
        }
        let ratios = resting.compactMap(\.snr)
        let added = ratios.count == resting.count ? ratios.reduce(0) { $0 + $1 * $1 }.squareRoot() : nil
        let told = PreparedSpectrum.signalToNoise(flux, ivar)
        star.prepared = PreparedSpectrum(
            flux: flux, ivar: resting.allSatisfy { $0.ivar != nil } ? ivar : nil, mask: mask,
            snr: star.instrument.leastCoverage == nil ? added ?? told : told ?? added, origin: star.name,
            sourceID: star.sourceID)
        return star
    }
}
