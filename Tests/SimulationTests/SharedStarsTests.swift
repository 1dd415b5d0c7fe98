import Foundation
import TestFiles
import Testing
@testable import Datasets
@testable import Instruments
@testable import Simulation
@testable import Spectra
@testable import Support

/// Stars of which each was seen by some of four instruments.
@Suite struct SharedStarsTests {
    /// A library of stars from formulas: each has a bump of its own, which sets it apart from the mean star of its labels.
    private static func library() -> [LibraryStar] {
        let wavelengths = Array(stride(from: 3540.0, through: 7410, by: 0.9))
        return (0..<60).map { number in
            var random = SeededGenerator(seed: 7, source: "library \(number)")
            let labels = [
                "teff": random.uniform(in: 5000...5600), "logg": random.uniform(in: 4.2...4.7),
                "fe_h": random.uniform(in: -0.3...0.2),
            ]
            let (centre, height) = (random.uniform(in: 4300...5300), 0.15 * random.gaussian())
            let flux = wavelengths.map { wavelength in
                let bump = height * exp(-0.5 * pow((wavelength - centre) / 8, 2))
                return 1 + 0.05 * sin(wavelength / 40) * (labels["teff", default: 0] / 5300) + bump
            }
            return LibraryStar(
                id: "library \(number)", spectrum: Spectrum(wavelength: wavelengths, flux: flux), labels: labels)
        }
    }

    private static let mixers = [Instrument.optical, .opticalR500, .lamostLRS].map { StarMixer(library(), $0, seed: 1) }

    private func sight(_ options: PairOptions) -> SharedSight {
        SharedSight(
            instruments: [.gaiaXP] + Self.mixers.map(\.instrument),
            spectrographs: Self.mixers.map { MixedStars(mixer: $0, options.conditions) }, options: options)
    }

    /// A star of XP; the library covers its labels.
    private func star(_ number: Int) -> LibraryStar {
        var random = SeededGenerator(seed: 3, source: "star \(number)")
        let wavelengths = Instrument.gaiaXP.grid.wavelengths
        return LibraryStar(
            id: "star \(number)",
            spectrum: Spectrum(
                wavelength: wavelengths, flux: wavelengths.map { 1 + $0 / 1e4 }, ivar: wavelengths.map { _ in 1e4 },
                origin: "row \(number)"),
            labels: [
                "teff": random.uniform(in: 5200...5400), "logg": random.uniform(in: 4.4...4.5),
                "fe_h": random.uniform(in: -0.1...0.1),
            ])
    }

    private func rows(_ options: PairOptions, _ count: Int = 60) -> [(row: PairedRow, split: Split)] {
        let sight = sight(options)
        return (0..<count).compactMap { number in
            guard case .row(let row, let split) = sight.candidate(for: star(number)) else { return nil }
            return (row, split)
        }
    }

    @Test func trainingStarsAreSeenBySomeAndTestStarsByAll() throws {
        let made = rows(PairOptions())
        #expect(made.count == 60)
        for (row, split) in made {
            #expect(row.flux.count == (split == .test ? 4 : 2) && Set(row.flux.keys) == Set(row.ivar.keys))
            // What was not seen is not told.
            for key in ["optical", "optical_r500", "lamost"] {
                #expect((row.labels["rv_\(key)"] != nil) == (row.flux[key] != nil))
            }
            #expect(split == PairOptions().splits.split(of: row.sourceID))
        }
        #expect(made.contains { $0.split == .test })
    }

    /// Each of six pairs has its share of the stars; with a hub, only the three that it is part of.
    @Test func pairsAreDrawnEvenly() {
        func shares(_ options: PairOptions) -> [Set<String>: Int] {
            let sight = sight(options)
            return (0..<3000).reduce(into: [:]) { $0[Set(sight.seeing("star \($1)").map(\.name)), default: 0] += 1 }
        }
        let even = shares(PairOptions())
        #expect(even.count == 6 && even.values.allSatisfy { abs($0 - 500) < 100 }, "\(even)")
        let hub = shares(PairOptions(hub: "gaia-xp"))
        #expect(hub.count == 3 && hub.keys.allSatisfy { $0.contains("gaia-xp") })
        #expect(hub.values.allSatisfy { abs($0 - 1000) < 120 })
        #expect(shares(PairOptions(instrumentsPerStar: 4)).count == 1)
    }

    /// What an instrument sees depends neither on who else looks nor on the splits; equal seeds give equal spectra.
    @Test func whatIsSeenDoesNotDependOnWhoElseLooks() throws {
        let all = rows(PairOptions(instrumentsPerStar: 4), 20)
        for (part, whole) in zip(rows(PairOptions(hub: "gaia-xp"), 20), all) {
            for (key, flux) in part.row.flux { #expect(flux == whole.row.flux[key] && flux.allSatisfy(\.isFinite)) }
        }
        let (again, other) = (
            rows(PairOptions(instrumentsPerStar: 4), 5), rows(PairOptions(seed: 2, instrumentsPerStar: 4), 5)
        )
        for (index, (first, second)) in zip(again, other).enumerated() {
            #expect(first.row.flux == all[index].row.flux && first.row.labels == all[index].row.labels)
            #expect(first.row.flux["optical"] != second.row.flux["optical"])
            #expect(first.split == second.split)
        }
    }

    /// The star is one, its observations are not: traits agree between spectrographs, velocities and noise do not.
    @Test func observationsOfOneStarAreIndependent() throws {
        let (optical, lamost) = (Self.mixers[0], Self.mixers[2])
        let labels = try #require(LocalLinearInterpolator.Labels(star(0).labels))
        var agreement: [Double] = []
        for number in 0..<10 {
            var random = SeededGenerator(seed: UInt64(number))
            let trait = try #require(optical.trait(near: labels, &random) { lamost.hasResidual(of: $0) })
            func bump(_ mixer: StarMixer) throws -> [Double] {
                let (own, mean) = (
                    try #require(mixer.spectrum(at: labels, with: trait)),
                    try #require(mixer.interpolator.predict(labels))
                )
                // From 4200 to 5400 Å, where both see.
                return stride(from: 4200.0, through: 5400, by: 2).map { wavelength in
                    mixer.instrument.grid.nearestPixel(to: wavelength).map { Double(own[$0] - mean[$0]) } ?? 0
                }
            }
            agreement.append(correlation(try bump(optical), try bump(lamost)))
        }
        // Each has a normalisation of its own.
        #expect(agreement.allSatisfy { $0 > 0.8 }, "\(agreement)")
        let made = rows(PairOptions(instrumentsPerStar: 4))
        func column(_ name: String) -> [Double] { made.map { $0.row.labels[name] ?? .nan } }
        #expect(abs(correlation(column("rv_optical"), column("rv_lamost"))) < 0.4)
        #expect(abs(correlation(column("snr_optical"), column("snr_optical_r500"))) < 0.4)
    }

    @Test func wrongOptionsAreRefused() {
        let four = [Instrument.gaiaXP, .optical, .opticalR500, .lamostLRS]
        #expect { try SharedStarsSource.check(PairOptions(instrumentsPerStar: 5), among: four) } throws: {
            "\($0)".contains("5 of 4 instruments; give 1 to 4")
        }
        #expect { try SharedStarsSource.check(PairOptions(hub: "hubble"), among: four) } throws: {
            "\($0)".contains("'hubble'") && "\($0)".contains("gaia-xp, optical, optical-r500, lamost-lrs")
        }
    }

    /// Where the libraries are: the file tells who has seen what, and the same seed gives the same bytes.
    @Test(
        .enabled(
            if: LibraryStore().contains(.mangaTemplates) && LibraryStore().contains(.gaiaXPAPOGEE), "no libraries"))
    func theFileTellsWhoHasSeenWhat() throws {
        let folder = try TemporaryFolder()
        for name in ["a.h5", "b.h5"] {
            try PairMaker(.fourInstruments, options: PairOptions(test: 0.3, limit: 80)).write(to: folder.file(name))
        }
        #expect(try Data(contentsOf: folder.file("a.h5")) == Data(contentsOf: folder.file("b.h5")))
        let data = try PairedDataSet(opening: folder.file("a.h5"))
        #expect(Set(data.instruments) == [.gaiaXP, .optical, .opticalR500, .lamostLRS])
        let presence = try data.instruments.compactMap { try data.presence($0, split: .train) }
        #expect(presence.count == 4)
        #expect((0..<data.count(.train)).allSatisfy { row in presence.count { $0[row] } == 2 })
        #expect(try data.instruments.allSatisfy { try data.presence($0, split: .test) == nil } && data.count(.test) > 5)
        #expect(Set(try data.sourceIDs(.train)).isDisjoint(with: try data.sourceIDs(.test)))
        // A spectrograph of low dispersion: lines are shallower.
        func spread(_ instrument: Instrument) throws -> Double {
            let stored = try data.spectra(instrument, split: .test, range: 0..<data.count(.test))
            let ivar = try #require(stored.ivar)
            let seen = zip(stored.flux, ivar).filter { $1 > 400 }.map { Double($0.0 - 1) }
            return (seen.reduce(0) { $0 + $1 * $1 } / Double(seen.count)).squareRoot()
        }
        #expect(try spread(.opticalR500) < 0.9 * spread(.optical))
    }

    private func correlation(_ x: [Double], _ y: [Double]) -> Double {
        let n = Double(x.count)
        let (mx, my) = (x.reduce(0, +) / n, y.reduce(0, +) / n)
        let sums = zip(x, y).reduce((0.0, 0.0, 0.0)) {
            let (dx, dy) = ($1.0 - mx, $1.1 - my)
            return ($0.0 + dx * dy, $0.1 + dx * dx, $0.2 + dy * dy)
        }
        return sums.0 / (sums.1 * sums.2).squareRoot()
    }
}
