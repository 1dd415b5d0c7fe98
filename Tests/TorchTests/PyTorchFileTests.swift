import Foundation
import GoldenNumbers
import Testing
@testable import Support
@testable import Torch

@Suite struct PyTorchFileTests {
    private func scratch() throws -> URL {
        let url = FileManager.default.temporaryDirectory.appending(path: "pytorch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appending(path: "a.ckpt")
        let state: [(String, Tensor)] = DType.allCases.enumerated().map { index, dtype in
            ("layer.\(index).\(dtype)", (Tensor.arange(6).reshaped([2, 3]) - 2).to(dtype))
        }
        let scalar = ("batches", Tensor([7] as [Int64], shape: []))
        let entries: [(String, PickleValue)] = [
            ("epoch", .integer(12)), ("big", .integer(1 << 40)), ("rate", .double(1e-5)), ("name", .string("späť")),
            ("flags", .list(PickleList([.bool(true), .none]))),
            ("hyper_parameters", .dictionary(PickleDictionary([(.string("embed_dim"), .integer(768))]))),
        ]
        try PyTorchFile.write(stateDictionary: state + [scalar], entries: entries, to: url)
        let file = try PyTorchFile(contentsOf: url)
        #expect(file.root["epoch"]?.int == 12 && file.root["big"]?.int == 1 << 40)
        #expect(file.root["rate"]?.double == 1e-5 && file.root["name"]?.string == "späť")
        #expect(file.root["flags"]?.values?.first?.bool == true)
        #expect(file.root["hyper_parameters"]?["embed_dim"]?.int == 768)
        let read = try file.stateDictionary()
        #expect(read.map(\.name) == (state + [scalar]).map(\.0))
        for ((_, expected), (_, reference)) in zip(state + [scalar], read) {
            let tensor = try file.tensor(reference)
            #expect(tensor.dtype == expected.dtype && tensor.shape == expected.shape)
            #expect(tensor.doubles() == expected.doubles())
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.ckpt"])
        let again = folder.appending(path: "b.ckpt")
        try PyTorchFile.write(stateDictionary: state + [scalar], entries: entries, to: again)
        #expect(try Data(contentsOf: url) == Data(contentsOf: again))
    }

    @Test func packedFilesAreUnpacked() throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appending(path: "a.pt")
        try PyTorchFile.write(stateDictionary: [("w", Tensor.arange(1000).to(.float32))], to: url)
        for tool in ["gzip", "xz"] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [tool, "-k", url.path]
            try process.run()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else { continue }
            let packed = URL(fileURLWithPath: url.path + (tool == "gzip" ? ".gz" : ".xz"))
            let file = try PyTorchFile(contentsOf: packed)
            #expect(try file.tensor(file.stateDictionary()[0].tensor).doubles().last == 999)
            // Cut short, it says so.
            let cut = folder.appending(path: "cut")
            try Data(contentsOf: packed).dropLast(20).write(to: cut)
            #expect(throws: Diagnostic.self) { try PyTorchFile(contentsOf: cut) }
        }
    }

    /// Calls and classes become records; nothing is looked up.
    @Test func unknownClassesAreInert() throws {
        // Protocol 0: cos\nsystem\n(S'echo'\ntR.
        let pickle = Array("cposix\nsystem\n(S'echo pwned'\ntR.".utf8)
        let call = try Unpickler.read(pickle, budget: 1 << 20)
        #expect(call.object?.module == "posix" && call.object?.name == "system")
        #expect(call.object?.arguments.values?.first?.string == "echo pwned")
        // An nn.Module as torch pickles it: NEWOBJ, then BUILD with its attributes.
        var bytes: [UInt8] = [0x80, 2] + Array("cspecclip.modules\nFlexibleAttention\n)".utf8) + [0x81]
        bytes +=
            Array("}(X".utf8) + [9, 0, 0, 0] + Array("num_heads".utf8) + [UInt8(ascii: "K"), 6] + Array("ub.".utf8)
        let module = try Unpickler.read(bytes, budget: 1 << 20)
        #expect(module["num_heads"]?.int == 6 && module.object?.name == "FlexibleAttention")
    }

    @Test func hostilePicklesAreRefused() throws {
        func problem(_ bytes: [UInt8], budget: Int = 1 << 24) -> String {
            do {
                _ = try Unpickler.read(bytes, budget: budget)
                return "read"
            } catch { return (error as? Unpickler.Problem)?.text ?? "\(error)" }
        }
        // A list that holds itself: ]q\0h\0a.
        let cycle: [UInt8] = [UInt8(ascii: "]"), UInt8(ascii: "q"), 0, UInt8(ascii: "h"), 0] + Array("a.".utf8)
        #expect(problem(cycle).contains("contains itself"))
        let deep = Array(repeating: UInt8(ascii: "]"), count: 5000) + Array(repeating: UInt8(ascii: "a"), count: 4999)
        #expect(problem(deep + Array(".".utf8)).contains("nested"))
        // The same dropped on the way, and a cycle too: neither harms when it is let go.
        #expect(problem(deep + Array("0N.".utf8)) == "read")
        #expect(problem(cycle.dropLast() + Array("0N.".utf8)) == "read")
        #expect(problem(Array(repeating: UInt8(ascii: "]"), count: 1_000_000) + Array(".".utf8)).contains("memory"))
        // Each list holds the former twice: exponentially large to walk, small to hold. It is read, not walked.
        var laughs: [UInt8] = Array("]q".utf8) + [0]
        for i in 1..<150 {
            laughs +=
                Array("](h".utf8) + [UInt8(i - 1), UInt8(ascii: "h"), UInt8(i - 1)] + Array("eq".utf8) + [UInt8(i)]
        }
        #expect(problem(laughs + Array(".".utf8)) == "read")
        #expect(problem(Array("X".utf8) + [0xFF, 0xFF, 0xFF, 0xFF] + Array("abc.".utf8)).contains("cut short"))
        #expect(problem([0x8d, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]).contains("impossible"))
        #expect(problem(Array("a.".utf8)).contains("none"))
        #expect(problem(Array("t.".utf8)).contains("not begun"))
        #expect(problem([0x82, 1]).contains("no instruction"))
        #expect(problem([0x80, 9]).contains("newer"))
        #expect(problem([]).contains("cut short"))
        #expect(problem(Array("h".utf8) + [3]).contains("not stored"))
        func tensor(_ fields: String) -> [UInt8] {
            let storage = "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI10\ntQ"
            return Array("ctorch._utils\n_rebuild_tensor_v2\n(\(storage)\(fields)I00\nNtR.".utf8)
        }
        #expect(problem(tensor("I0\n(I2\nI5\nt(I5\nI1\nt")) == "read")
        #expect(problem(tensor("I1\n(I2\nI5\nt(I5\nI1\nt")).contains("reaches element 10"))
        #expect(problem(tensor("I0\n(I9223372036854775807\nI2\nt(I9223372036854775807\nI1\nt")).contains("impossible"))
        #expect(problem(tensor("I0\n(I1000\nt(I0\nt")).contains("claims more elements"))
        #expect(problem(tensor("I0\n(I-1\nt(I1\nt")).contains("strides"))
        let path = "(S'storage'\nctorch\nFloatStorage\nS'../../etc'\nS'cpu'\nI10\ntQ."
        #expect(problem(Array(path.utf8)).contains("no name of a storage"))
    }

    @Test func otherFilesAreNamed() throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        func problem(_ name: String, _ bytes: [UInt8]) throws -> String {
            let url = folder.appending(path: name)
            try Data(bytes).write(to: url)
            do {
                _ = try PyTorchFile(contentsOf: url)
                return "read"
            } catch { return "\(error)" }
        }
        #expect(
            try problem("old.pt", [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20]).contains(
                "before PyTorch 1.6"))
        #expect(try problem("text.pt", Array("hello, world".utf8)).contains("no zip archive"))
        #expect(try problem("empty.pt", []).contains("empty"))
        #expect(try problem("x.pt", [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}  ".utf8)).contains("safetensors"))
        let url = folder.appending(path: "good.pt")
        try PyTorchFile.write(stateDictionary: [("w", Tensor.ones([100]))], to: url)
        let bytes = [UInt8](try Data(contentsOf: url))
        #expect(try problem("good2.pt", bytes) == "read")
        for cut in stride(from: 5, to: bytes.count - 1, by: 37) {
            #expect(try problem("cut.pt", Array(bytes[..<cut])) != "read")
        }
        #expect(throws: Diagnostic.self) { try PyTorchFile(contentsOf: folder) }
        #expect(throws: Diagnostic.self) { try PyTorchFile(contentsOf: folder.appending(path: "absent")) }
    }

    /// Any change to a file either leaves it readable or is refused; never a crash, a hang, or memory beyond bounds.
    /// `SPECCLIP_FUZZ_SECONDS` makes it longer than the second it takes by default.
    @Test func mutationsNeverCrash() throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appending(path: "seed.ckpt")
        try PyTorchFile.write(
            stateDictionary: [("a.weight", Tensor.ones([3, 4])), ("b", Tensor.arange(5))],
            entries: [("hyper_parameters", .dictionary(PickleDictionary([(.string("n"), .integer(6))])))], to: url)
        var seeds = [[UInt8](try Data(contentsOf: url))]
        if Goldens.arePresent {
            seeds.append([UInt8](try Data(contentsOf: Goldens.file("retrieval/param_regressor_small.pt"))))
        }
        let seconds = ProcessInfo.processInfo.environment["SPECCLIP_FUZZ_SECONDS"].flatMap(Double.init) ?? 1
        let target = folder.appending(path: "mutant")
        let end = Date().addingTimeInterval(seconds)
        var random = SystemRandomNumberGenerator()
        var (read, refused) = (0, 0)
        while Date() < end {
            var bytes = seeds.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...40, using: &random)))
                case 3: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 16)], at: at)
                default: bytes = Array(bytes[..<max(1, at)])
                }
                if bytes.isEmpty { bytes = [0] }
            }
            try Data(bytes).write(to: target)
            do {
                let file = try PyTorchFile(contentsOf: target)
                for (_, tensor) in try file.stateDictionary() { _ = try file.tensor(tensor) }
                read += 1
            } catch is Diagnostic { refused += 1 }
            // The pickle by itself, so that checksums do not keep mutations out.
            _ = try? Unpickler.read(Array(bytes.drop { $0 != 0x80 }), budget: 1 << 22)
        }
        #expect(refused > 0)
    }
}

/// Files of the published code.
@Suite(.enabled(if: Goldens.arePresent, "\(Goldens.absence)"))
struct PyTorchGoldenTests {
    @Test(arguments: [
        "models/lrs_mt_small.ckpt", "models/xp_mt_small_oldkeys.ckpt", "train/lrs_mt_small_trainerfit_pl195.ckpt",
        "clip/backbone_lrs_e768.ckpt.xz", "retrieval/param_regressor_full.pt.xz",
    ])
    func publishedFilesAreRead(name: String) throws {
        let file = try PyTorchFile(contentsOf: Goldens.file(name))
        let state = try file.stateDictionary()
        #expect(state.count >= 4)
        for (name, reference) in state {
            let tensor = try file.tensor(reference)
            #expect(tensor.shape == reference.shape && tensor.to(.float64).isfinite().all().item() == 1, "\(name)")
        }
    }

    /// Names, shapes and types of a CLIP file, as listed beside it; the heads of its modules as inert data.
    @Test func clipFilesHoldWhatIsListed() throws {
        let file = try PyTorchFile(contentsOf: Goldens.file("clip/split_e48.ckpt.xz"))
        let listed = try String(contentsOf: Goldens.file("clip/split_e48.keys.txt"), encoding: .utf8)
            .split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.split(separator: "\t") }
            .filter { $0.count == 3 }
        let state = try file.stateDictionary()
        #expect(state.count == listed.count && !listed.isEmpty)
        for (found, line) in zip(state, listed) {
            #expect(found.name == line[0] && found.tensor.dtype.rawValue == line[2])
            let shape = line[1].filter { $0.isNumber || $0 == "," }.split(separator: ",").compactMap { Int($0) }
            #expect(found.tensor.shape == shape)
        }
        let encoder = file.root["hyper_parameters"]?["lamost_lrs_encoder"]
        #expect(encoder?["backbone"]?["blocks"]?["0"]?["attention"]?["num_heads"]?.int == 3)
    }
}
