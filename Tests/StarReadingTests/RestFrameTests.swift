import Foundation
import SpecCLIP
import Testing
import Torch
@testable import StarReading

struct RestFrameTests {
    /// Each "spectrum" is its velocity; the reader tells four fifths of it, with one that never tells the same.
    private let rest = RestFrame(
        features: { $0.flux * 2 }, velocity: { features in features.doubles().map { $0 > 4000 ? 300 : $0 / 2 * 0.8 } })

    private func read(_ velocities: [Float]) throws -> RestFrame.Result {
        let flux = Tensor(velocities, shape: [velocities.count, 1])
        return try rest(SpectrumBatch(flux)) { rows, removed in
            SpectrumBatch(Tensor(zip(rows, removed).map { velocities[$0] - Float($1) }, shape: [rows.count, 1]))
        }
    }

    @Test func whatIsLeftOfAVelocityIsReadAgain() throws {
        let velocities: [Float] = [0, 350, -120, 0.5, 40]
        let found = try read(velocities)
        for (row, velocity) in velocities.enumerated() {
            #expect(abs(found.velocities[row] - Double(velocity)) < 1.3)
            #expect(abs(found.spectra.flux.doubles()[row]) < 1.3)
            #expect(found.features.doubles()[row] == 2 * found.spectra.flux.doubles()[row])
        }
        #expect(found.velocities[0] == 0 && found.velocities[3] == 0)
    }

    @Test func whatNeverComesToRestStaysAsObserved() throws {
        let found = try read([9000, 100, .nan])
        #expect(
            found.velocities[0] == 0 && found.spectra.flux.doubles()[0] == 9000 && found.features.doubles()[0] == 18000)
        #expect(abs(found.velocities[1] - 100) < 1.3)
        #expect(found.velocities[2] == 0 && found.features.doubles()[2].isNaN)
        #expect(try read([]).velocities.isEmpty)
    }
}
