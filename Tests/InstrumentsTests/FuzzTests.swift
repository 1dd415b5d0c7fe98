import Foundation
import TestFiles
import Testing
@testable import Instruments
@testable import Spectra
@testable import Support
@testable import Tables

/// Damaged files end in a typed error or a valid result: never in a crash, a hang or an error of another kind.
struct FuzzTests {
    /// Reads `data` as a file and prepares what comes out.
    static func feed(_ data: Data, _ folder: TemporaryFolder, as instrument: Instrument) throws {
        let url = folder.file("fuzzed")
        try data.write(to: url)
        do {
            for spectrum in try SpectrumReader.read(url).prefix(3) {
                let prepared = try instrument.prepare(spectrum)
                #expect(prepared.flux.count == instrument.grid.count && prepared.flux.allSatisfy(\.isFinite))
            }
        } catch let error as Diagnostic {
            #expect(!error.problem.isEmpty && !error.description.contains("\n"))
        }
    }

    static func mutations(of data: Data, count: Int, headerBytes: Int, seed: UInt64) -> [Data] {
        var generator = SeededGenerator(seed: seed)
        let digits = Array("0123456789-+.E'TF PQXABIJKDLCM()".utf8)
        return (0..<count).map { n in
            var copy = data
            if n % 4 == 0 { return copy.prefix(Int.random(in: 0...data.count, using: &generator)) }
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let inHeader = n % 4 != 1
                let position = Int.random(
                    in: 0..<(inHeader ? min(headerBytes, data.count) : data.count), using: &generator)
                copy[position] =
                    inHeader ? digits.randomElement(using: &generator) ?? 0 : .random(in: 0...255, using: &generator)
            }
            return copy
        }
    }

    static let rounds = Int(ProcessInfo.processInfo.environment["SPECCLIP_FUZZ_ROUNDS"] ?? "") ?? 40
    static let seed = UInt64(ProcessInfo.processInfo.environment["SPECCLIP_FUZZ_SEED"] ?? "") ?? 1

    @Test(
        .enabled(if: SharedFiles.hasData, "\(SharedFiles.absent)"),
        arguments: [
            "lamost/spec-55862-B6212_sp06-003.fits", "lamost/spec-55859-F5902_sp01-013_dr8.fits.gz",
            "gaia_xp/XP_SAMPLED_RAW_dr3int6.fits", "gaia_xp/XP_CONTINUOUS_RAW.fits",
        ])
    func fits(name: String) throws {
        let folder = try TemporaryFolder()
        let data = try FileBytes.read(SharedFiles.url("data/\(name)"))
        for mutated in Self.mutations(of: data, count: Self.rounds, headerBytes: 23040, seed: Self.seed) {
            try Self.feed(mutated, folder, as: name.hasPrefix("lamost") ? .lamostLRS : .gaiaXP)
        }
    }

    /// Numbers of the header are what a reader believes: each is replaced by a hostile one.
    @Test(
        .enabled(if: SharedFiles.hasData, "\(SharedFiles.absent)"),
        arguments: [
            "lamost/spec-55862-B6212_sp06-003.fits", "lamost/spec-55859-F5902_sp01-013_dr8.fits.gz",
            "gaia_xp/XP_SAMPLED_RAW_dr3int6.fits",
        ])
    func hostileHeaders(name: String) throws {
        let folder = try TemporaryFolder()
        let data = try FileBytes.read(SharedFiles.url("data/\(name)"))
        let keys = [
            "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS", "TFORM1", "TFORM3", "TFORM5",
            "COEFF0",
            "COEFF1", "TTYPE1", "TTYPE5", "TDIM5", "TSCAL5", "TNULL1", "THEAP", "BSCALE", "BZERO", "BLANK", "ZIMAGE",
        ]
        let values = [
            "0", "-1", "1", "2147483647", "9223372036854775807", "99999999999999999999", "1E300", "NaN", "'999999999E'",
            "'PE(99999999)'", "'QD'", "'1A'", "'0E'", "'99999999A'", "T", "'x'", "''", "-32", "999",
        ]
        for key in keys {
            for value in values.enumerated().filter({ Self.rounds > 100 || $0.offset % 3 == key.utf8.count % 3 }).map(
                \.element)
            {
                let card = key.padding(toLength: 8, withPad: " ", startingAt: 0) + "= "
                guard let place = data.range(of: Data(card.utf8)), place.lowerBound % 80 == 0 else { continue }
                var copy = data
                let text =
                    value.hasPrefix("'") ? value : String(repeating: " ", count: max(0, 20 - value.count)) + value
                let padded = text.padding(toLength: 70, withPad: " ", startingAt: 0)
                copy.replaceSubrange(place.upperBound..<place.upperBound + 70, with: Data(padded.utf8))
                try Self.feed(copy, folder, as: name.hasPrefix("lamost") ? .lamostLRS : .gaiaXP)
            }
        }
    }

    @Test func text() throws {
        let folder = try TemporaryFolder()
        var seeds = [
            "wavelength,flux,ivar\n3700.0,1.0,2\n3701,1.1,3\n", "1 2\n3 4\n5 6\n", "a;b\n1;2\n", "\u{feff}# c\n1,2\n",
        ]
        seeds.append("source_id,flux,flux_error\n1,\"(1.0, 2.0, 3)\",\"[1,2,3]\"\n2,\"\",\"\"\n")
        seeds.append((0..<40).map { "\(3700 + 50 * $0),\($0 % 7 + 1)" }.joined(separator: "\n"))
        let alphabet = Array("0123456789.,;eE+-\"'()[]\n\r\t #nanullinf\u{0}é".utf8)
        var generator = SeededGenerator(seed: Self.seed)
        for text in seeds {
            for _ in 0..<Self.rounds * 3 {
                var bytes = Array(text.utf8)
                for _ in 0..<Int.random(in: 1...8, using: &generator) {
                    let position = Int.random(in: 0..<bytes.count, using: &generator)
                    let byte = alphabet.randomElement(using: &generator) ?? 0
                    if Bool.random(using: &generator) {
                        bytes[position] = byte
                    } else {
                        bytes.insert(byte, at: position)
                    }
                }
                if Int.random(in: 0..<6, using: &generator) == 0 { bytes = Array(bytes.prefix(bytes.count / 2)) }
                try Self.feed(Data(bytes), folder, as: .lamostLRS)
            }
        }
    }

    /// Every layout and container of the fixtures, unpacked, spoilt and read.
    @Test func layouts() throws {
        let folder = try TemporaryFolder()
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Layouts")
        let files = try FileManager.default.contentsOfDirectory(at: fixtures, includingPropertiesForKeys: nil)
        #expect(files.count >= 20)
        for (number, file) in files.sorted(by: { $0.path < $1.path }).enumerated() {
            let data = try FileBytes.read(file)
            let seed = Self.seed &+ UInt64(number)
            for mutated in Self.mutations(of: data, count: Self.rounds, headerBytes: 8640, seed: seed) {
                try Self.feed(mutated, folder, as: .lamostLRS)
            }
        }
    }

    @Test(
        .enabled(if: SharedFiles.hasData, "\(SharedFiles.absent)"),
        arguments: [
            "XP_CONTINUOUS_RAW.csv", "XP_CONTINUOUS_RAW.ecsv", "XP_CONTINUOUS_RAW.xml", "XP_CONTINUOUS_RAW_plain.xml",
            "XP_SAMPLED_RAW_votable_dr3int6.xml",
        ])
    func coefficients(name: String) throws {
        let folder = try TemporaryFolder()
        let data = try FileBytes.read(SharedFiles.url("data/gaia_xp/\(name)"))
        for mutated in Self.mutations(of: data, count: Self.rounds, headerBytes: 6000, seed: Self.seed) {
            try Self.feed(mutated, folder, as: .gaiaXP)
        }
    }

    /// Packed files that were cut or changed.
    @Test(arguments: ["bzip2 -kf", "xz -kf"]) func packed(command: String) throws {
        let folder = try TemporaryFolder()
        let url = folder.file("plain")
        try Data((0..<400).map { "\(3700 + 5 * $0),\($0 % 7 + 1)\n" }.joined().utf8).write(to: url)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command.split(separator: " ").map(String.init) + [url.path]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { return }
        let data = try Data(contentsOf: folder.file(command.hasPrefix("xz") ? "plain.xz" : "plain.bz2"))
        for mutated in Self.mutations(of: data, count: Self.rounds, headerBytes: 40, seed: Self.seed) {
            try Self.feed(mutated, folder, as: .lamostLRS)
        }
    }

    @Test func gzip() throws {
        let folder = try TemporaryFolder()
        var data = Data([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])
        try Self.feed(data, folder, as: .gaiaXP)
        data += Data((0..<200).map { UInt8(truncatingIfNeeded: $0 * 37) })
        for mutated in Self.mutations(of: data, count: Self.rounds, headerBytes: 12, seed: Self.seed) {
            try Self.feed(mutated, folder, as: .gaiaXP)
        }
    }

    @Test func npz() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("good.npz")
        try NPZ.write(
            arrays: [
                ("a", NPYArray(.float32([1, 2, 3, 4]), shape: [2, 2])), ("s", NPYArray(.string(["x", "yy"]))),
                ("i", NPYArray(.int64([1, 2]))),
            ], to: url)
        let data = try Data(contentsOf: url)
        for mutated in Self.mutations(of: data, count: Self.rounds * 10, headerBytes: data.count, seed: Self.seed) {
            let bad = folder.file("bad.npz")
            try mutated.write(to: bad)
            do { _ = try NPZ.read(bad) } catch is Diagnostic {}
        }
        // A number that changed does not pass for another.
        let flipped = try #require(data.range(of: Data([0, 0, 0x80, 0x3f]))).lowerBound + 2
        var changed = data
        changed[flipped] ^= 1
        let other = folder.file("flipped.npz")
        try changed.write(to: other)
        #expect(throws: Diagnostic.self) { try NPZ.read(other) }
        // Without the archive's check sums in the way.
        let array = NPYFormat.encode(NPYArray(.float64([1, 2, 3, 4, 5, 6]), shape: [2, 3]))
        for mutated in Self.mutations(of: array, count: Self.rounds * 10, headerBytes: 80, seed: Self.seed) {
            do { _ = try NPYFormat.decode(mutated) } catch is NPYFormat.Failure {}
        }
    }
}
