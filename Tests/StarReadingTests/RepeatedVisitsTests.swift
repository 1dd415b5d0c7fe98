import Foundation
import Instruments
import Spectra
import Support
import TestFiles
import Testing
@testable import StarReading

/// Real stars visited again and again: noise is drawn from a file's own errors, six times as much as it has.
@Suite(.enabled(if: SharedFiles.hasData, "\(SharedFiles.absent)"))
struct RepeatedVisitsTests {
    private static let noise = 6.0

    private func visits(_ file: String, _ count: Int, seed: UInt64) throws -> [Spectrum] {
        var random = SeededGenerator(seed: seed)
        let spectrum = try #require(try SpectrumReader.read(SharedFiles.url(file)).first)
        let ivar = try #require(spectrum.ivar)
        return (0..<count).map { number in
            var visit = spectrum
            for (pixel, ivar) in ivar.enumerated() where ivar > 0 {
                visit.flux[pixel] += random.gaussian() * ((Self.noise * Self.noise - 1) / ivar).squareRoot()
            }
            visit.ivar = ivar.map { $0 / (Self.noise * Self.noise) }
            visit.origin = "\(file)#\(number)"
            return visit
        }
    }

    private func star(_ spectra: [Spectrum]) throws -> ObservedStar {
        let known = try RealStars.reader.get().instruments
        return try #require(ObservedStar(try spectra.map { try Observation($0, among: known) }))
    }

    private func estimate(_ star: StarLabels, _ name: String) throws -> (value: Double, error: Double) {
        let found = try #require(star.estimates.first { $0.label.name == name })
        return (found.value, try #require(found.error))
    }

    /// Noise averages down, and what the network makes of a star does not: errors shrink, but less than they would if visits
    /// had nothing in common; answers come nearer to that of the spectrum without the noise.
    @Test func visitsTogetherAreBetterThanOne() throws {
        let reader = try RealStars.reader.get()
        var (alone, together) = (0.0, 0.0)
        var shrinkage: [Double] = []
        for (number, file) in RealStars.files.enumerated() {
            let quiet = try #require(
                try reader.read(SpectrumReader.read(SharedFiles.url(file))).first)
            let found = try reader.read([try star(visits(file, 5, seed: UInt64(number)))])[0]
            let compared = try #require(found.compared)
            #expect(compared.contradictions.isEmpty && !found.flags.contains(.instrumentsDisagree))
            #expect(compared.alone.count == 5)
            #expect(try #require(compared.velocities).probability > 1e-3)
            for name in ["teff", "logg", "fe_h"] {
                let (truth, own) = (try estimate(quiet, name), try estimate(found, name))
                let single = try compared.alone.map { try estimate($0, name) }
                let error = single.map(\.error).reduce(0, +) / 5
                // The average of faint visits may be seen to be what single ones leave open: of one star an error may stay.
                let ratio = own.error / error
                #expect(ratio < 1.1 && ratio > 0.8 / 5.0.squareRoot(), "\(file) \(name) \(ratio)")
                shrinkage.append(ratio)
                alone += single.reduce(0) { $0 + abs($1.value - truth.value) / error } / 5
                together += abs(own.value - truth.value) / error
            }
        }
        #expect(shrinkage.reduce(0, +) / Double(shrinkage.count) < 0.85, "\(shrinkage)")
        #expect(together < 0.75 * alone, "\(together), alone \(alone)")
    }

    @Test func exchangedVisitsGiveTheSame() throws {
        let all = try visits(RealStars.files[2], 4, seed: 9)
        let found = try RealStars.reader.get().read([try star(all), try star(all.reversed())])
        for name in ["teff", "logg", "fe_h", "rv"] {
            let (one, other) = (try estimate(found[0], name), try estimate(found[1], name))
            #expect(
                abs(one.value - other.value) < 0.02 * one.error && abs(one.error / other.error - 1) < 0.02, "\(name)")
        }
    }

    /// One visit moved by 60 km/s: the star's labels stay, its velocity is told to vary.
    @Test func aMovedVisitVaries() throws {
        var all = try visits(RealStars.files[2], 4, seed: 11)
        let still = try RealStars.reader.get().read([try star(all)])[0]
        all[3].wavelength = RadialVelocity.shift(all[3].wavelength, kmPerSecond: 60)
        let moved = try RealStars.reader.get().read([try star(all)])[0]
        let (before, after) = (try #require(still.compared?.velocities), try #require(moved.compared?.velocities))
        #expect(before.probability > 0.01 && after.probability < 1e-3, "\(before.probability), \(after.probability)")
        #expect(moved.compared?.contradictions.isEmpty == true)
        let (one, other) = (try estimate(still, "teff"), try estimate(moved, "teff"))
        #expect(abs(one.value - other.value) < one.error)
    }

    /// A visit of another star is named, and the answer holds both.
    @Test func aVisitOfAnotherStarIsNamed() throws {
        let reader = try RealStars.reader.get()
        let stars = try RealStars.files.map {
            try #require(try reader.read(SpectrumReader.read(SharedFiles.url($0))).first)
        }
        let order = try stars.indices.sorted {
            try estimate(stars[$0], "teff").value < estimate(stars[$1], "teff").value
        }
        let (cool, hot) = (RealStars.files[order[0]], RealStars.files[order[order.count - 1]])
        let mixed = try visits(cool, 2, seed: 1) + SpectrumReader.read(SharedFiles.url(hot)) + visits(cool, 1, seed: 2)
        let found = try reader.read([try star(mixed)])[0]
        let named = try #require(found.compared).contradictions.map(\.description)
        try #require(!named.isEmpty)
        #expect(named.allSatisfy { $0.contains("3") } && found.flags.contains(.instrumentsDisagree))
        let teff = try #require(found.estimates.first { $0.label.name == "teff" }?.interval)
        let ends = try [order[0], order[order.count - 1]].map { try estimate(stars[$0], "teff").value }
        #expect(teff.upperBound - teff.lowerBound > 0.5 * (ends[1] - ends[0]))
    }
}
