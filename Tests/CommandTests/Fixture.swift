import Foundation
import Simulation
import Synchronization
import TestFiles

/// Files that many tests read: a tiny model, a small data set, two spectra. Made once.
struct Fixture {
    private let folder: TemporaryFolder

    /// Throws where the files could not be made: the tests that need them then fail, saying why.
    static let shared = Result { try Fixture() }

    private init() throws {
        folder = try TemporaryFolder()
        try TinyModel.write(to: URL(fileURLWithPath: model))
        try PairMaker(.procedural, options: PairOptions(limit: 60)).write(to: URL(fileURLWithPath: pairs))
        try Self.csv(Self.lrs()).write(toFile: star, atomically: true, encoding: .utf8)
        try Self.csv(Self.xp()).write(toFile: xp, atomically: true, encoding: .utf8)
        let path = folder.url.path
        Self.remove.withLock { $0.append(path) }
        atexit { Fixture.remove.withLock { for path in $0 { try? FileManager.default.removeItem(atPath: path) } } }
    }

    var model: String { folder.path("tiny.safetensors") }
    var pairs: String { folder.path("pairs.h5") }
    /// An optical spectrum.
    var star: String { folder.path("star.csv") }
    /// A sampled Gaia XP spectrum.
    var xp: String { folder.path("xp.csv") }

    /// A cool star's optical spectrum, 3900 to 5700 Å.
    static func lrs() -> (wavelength: [Double], flux: [Double]) {
        let wavelength = (0..<1801).map { 3900 + Double($0) }
        let flux = wavelength.map { at in
            let lines = [4101.7, 4340.5, 4861.3, 5175].map { 0.4 * exp(-0.5 * pow((at - $0) / 6, 2)) }.reduce(0, +)
            return 1000 * (at / 5500) * (1 - lines) * (1 + 0.01 * sin(at * 1.7))
        }
        return (wavelength, flux)
    }

    /// The same star as Gaia XP samples it, 336 to 1020 nm, in Å.
    static func xp() -> (wavelength: [Double], flux: [Double]) {
        let wavelength = (0..<343).map { 3360 + 20 * Double($0) }
        return (wavelength, wavelength.map { 1 + 0.3 * sin($0 / 900) })
    }

    /// Two columns with a header.
    static func csv(_ spectrum: (wavelength: [Double], flux: [Double])) -> String {
        "wavelength_vac,flux\n" + zip(spectrum.wavelength, spectrum.flux).map { "\($0),\($1)\n" }.joined()
    }

    private static let remove = Mutex<[String]>([])
}
