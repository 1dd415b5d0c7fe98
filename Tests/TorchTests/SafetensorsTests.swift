import Foundation
import Testing
@testable import Support
@testable import Torch

extension TorchTests {
    @Suite("Safetensors")
    struct SafetensorsTests {
        /// Written by the Python package safetensors 0.6: float32 `b.weight`, int64 `a`, bool `flag`, a float64 scalar and an
        /// empty tensor, with metadata.
        private let fromPython = """
            aAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJub3RlIjoidGFiXHRxdW90ZVwiIMOp8J+YgCIsImZvcm1hdCI6Im5wIn0sImEiOnsiZHR5cGUiOiJJ\
            NjQiLCJzaGFwZSI6WzNdLCJkYXRhX29mZnNldHMiOlswLDI0XX0sInhcIsOpIjp7ImR0eXBlIjoiRjY0Iiwic2hhcGUiOltdLCJkYXRhX29mZnNl\
            dHMiOlsyNCwzMl19LCJiLndlaWdodCI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMiwyXSwiZGF0YV9vZmZzZXRzIjpbMzIsNDhdfSwibm9uZSI6\
            eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMCwzXSwiZGF0YV9vZmZzZXRzIjpbNDgsNDhdfSwiZmxhZyI6eyJkdHlwZSI6IkJPT0wiLCJzaGFwZSI6\
            WzNdLCJkYXRhX29mZnNldHMiOls0OCw1MV19fSAgICABAAAAAAAAAP7/////////AwAAAAAAAAAAAAAAAAAEQAAAwD8AAADAAACAPgAAQEABAAE=
            """

        private func file(header: String, data: Int = 0, in folder: TemporaryFolder) throws -> URL {
            let url = folder.file("crafted.safetensors")
            let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init)
            try Data(length + header.utf8 + [UInt8](repeating: 0, count: data)).write(to: url)
            return url
        }

        @Test("a file written by Python is read")
        func python() throws {
            let folder = try TemporaryFolder()
            let url = folder.file("python.safetensors")
            try #require(Data(base64Encoded: fromPython)).write(to: url)
            let file = try SafetensorsFile(contentsOf: url)
            #expect(file.names == ["a", "x\"é", "b.weight", "none", "flag"])
            #expect(file.metadata == ["format": "np", "note": "tab\tquote\" é😀"])
            #expect(
                try file.tensor("b.weight").floats() == [1.5, -2, 0.25, 3] && file.shape(of: "b.weight") == [2, 2])
            #expect(try file.tensor("a").ints() == [1, -2, 3] && file.tensor("flag").bools() == [true, false, true])
            #expect(try file.tensor("x\"é").item() == 2.5 && file.tensor("none").shape == [0, 3])
            let error = #expect(throws: Diagnostic.self) { try file.tensor("c") }
            #expect(error?.description == "\(url.path): has no tensor 'c'")
        }

        @Test("a module and its optimiser survive the way through a file, bit for bit")
        func roundTrip() throws {
            let folder = try TemporaryFolder()
            let url = folder.file("model.safetensors")
            func make() -> Sequential { Sequential(Linear(3, 4), BatchNorm1d(4), GELU(), Linear(4, 2)) }
            let (model, other) = (make(), make())
            let optimiser = AdamW(parameters: model.parameters(), learningRate: 0.01)
            func step(_ model: Sequential, _ optimiser: AdamW) {
                optimiser.zeroGradients()
                model(ramp(5, 3)).square().sum().backward()
                optimiser.step()
            }
            step(model, optimiser)
            let state = model.stateDictionary() + optimiser.state().map { ("optimiser.\($0.0)", $0.1) }
            try SafetensorsFile.write(state, metadata: ["b": "2", "a": "\u{1}\\\"é"], to: url)
            let bytes = try Data(contentsOf: url)
            let file = try SafetensorsFile(contentsOf: url)
            #expect(file.names == state.map(\.0) && file.metadata == ["b": "2", "a": "\u{1}\\\"é"])

            let tensors = try file.all()
            try other.load(tensors, strict: false)
            let resumed = AdamW(parameters: other.parameters(), learningRate: 0.01)
            try resumed.load(
                state: Dictionary(
                    uniqueKeysWithValues: tensors.filter { $0.key.hasPrefix("optimiser.") }
                        .map { (String($0.key.dropFirst("optimiser.".count)), $0.value) }))
            step(model, optimiser)
            step(other, resumed)
            for ((path, a), (_, b)) in zip(model.stateDictionary(), other.stateDictionary()) {
                #expect(a.doubles() == b.doubles(), "\(path)")
            }
            // Neither model has written through to the file, and the folder holds nothing else.
            #expect(try Data(contentsOf: url) == bytes)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["model.safetensors"])
            #expect(throws: Diagnostic.self) { try resumed.load(state: ["9.weight.step": Tensor(1)]) }
        }

        @Test("weights can be used where they lie in the file, and changing them leaves the file alone")
        func sharing() throws {
            let folder = try TemporaryFolder()
            let url = folder.file("shared.safetensors")
            let source = Linear(3, 2)
            try SafetensorsFile.write(source.stateDictionary(), to: url)
            let model = Linear(3, 2)
            do {
                let tensors = try SafetensorsFile(contentsOf: url).all()
                try model.load(tensors, sharing: true)
                #expect(model.weight.value.sharesMemory(with: try #require(tensors["weight"])))
            }
            #expect(model(ramp(1, 3)).floats() == source(ramp(1, 3)).floats())
            withoutGradient { model.weight.value.zeroInPlace() }
            #expect(try SafetensorsFile(contentsOf: url).tensor("weight").floats() == source.weight.value.floats())
        }

        @Test("all types, scalars, empty and non-contiguous tensors")
        func types() throws {
            let folder = try TemporaryFolder()
            let url = folder.file("types.safetensors")
            var tensors = DType.allCases.map { ("\($0)", Tensor([0, 1, 2] as [Float]).to($0)) }
            tensors += [("scalar", Tensor(3)), ("empty", .zeros([0, 2])), ("turned", ramp(2, 3).transposed())]
            try SafetensorsFile.write(tensors, to: url)
            let file = try SafetensorsFile(contentsOf: url)
            for (name, tensor) in tensors {
                let read = try file.tensor(name)
                #expect(read.dtype == tensor.dtype && read.shape == tensor.shape && read.doubles() == tensor.doubles())
            }
        }

        @Test(
            "crafted headers are refused",
            arguments: [
                ("", 0), ("{", 0), ("[]", 0), ("{}x", 0), ("{}", 1), ("{\"a\":1}", 0), ("{\"a\":{}}", 0),
                (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4),
                (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 3),
                (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4),
                (#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, 4),
                (#"{"a":{"dtype":"F8","shape":[4],"data_offsets":[0,4]}}"#, 4),
                (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}"#, 4),
                (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#, 8),
                (#"{"a":{"dtype":"U8","shape":[0,9223372036854775807,4],"data_offsets":[0,0]}}"#, 0),
                (#"{"a":{"dtype":"U8","shape":[9223372036854775807,3],"data_offsets":[0,4]}}"#, 4),
                (#"{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, 4),
                (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":0}}"#, 4),
                (#"{"a":{"dtype":"U8","shape":[],"shape":[4],"data_offsets":[0,4]}}"#, 4),
                (
                    #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
                    0
                ),
                (
                    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#,
                    6
                ),
                (#"{"a\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#, 0),
                (#"{"__metadata__":{"a":{"b":"c"}}}"#, 0),
            ])
        func crafted(header: String, data: Int) throws {
            let folder = try TemporaryFolder()
            let url = try file(header: header, data: data, in: folder)
            let error = #expect(throws: Diagnostic.self) { try SafetensorsFile(contentsOf: url) }
            let message = error?.description ?? ""
            #expect(message.hasPrefix(url.path + ": ") && !message.contains("\n"), "\(message)")
        }

        @Test("files that are no files, or cut anywhere, are refused")
        func truncated() throws {
            let folder = try TemporaryFolder()
            for url in [folder.url, folder.file("missing")] {
                #expect(throws: Diagnostic.self) { try SafetensorsFile(contentsOf: url) }
            }
            let whole = try #require(Data(base64Encoded: fromPython))
            for count in 0..<whole.count {
                let url = folder.file("cut")
                try whole.prefix(count).write(to: url)
                #expect(throws: Diagnostic.self) { try SafetensorsFile(contentsOf: url) }
            }
            for length in [UInt64.max, 1 << 63, 100_000_001, 400] {
                let bytes = withUnsafeBytes(of: length.littleEndian, Array.init) + Array(whole.dropFirst(8).prefix(300))
                let refused = bytes.withUnsafeBytes { (try? SafetensorsHeader($0)) == nil }
                #expect(refused, "header length \(length)")
            }
        }

        @Test("random damage is refused or read, and never crashes")
        func fuzz() throws {
            let whole = try [UInt8](#require(Data(base64Encoded: fromPython)))
            let words = ["0", "[", "]", "{", "}", "\"", ",", ":", "\\u", "-", "999999999999", "F64", "shape"].map {
                Array($0.utf8)
            }
            var random = SplitMix(state: 2025)
            var refused = 0
            for _ in 0..<20_000 {
                var bytes = whole
                for _ in 0...Int.random(in: 0..<4, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 2: bytes.insert(contentsOf: words.randomElement(using: &random) ?? [], at: place)
                    default:
                        bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1..<20, using: &random)))
                    }
                    if bytes.isEmpty { break }
                }
                bytes.withUnsafeBytes { memory in
                    guard let header = try? SafetensorsHeader(memory) else { return refused += 1 }
                    for entry in header.entries {
                        #expect(header.dataStart + entry.range.upperBound <= memory.count)
                    }
                }
            }
            #expect(refused > 5_000 && refused < 20_000)
        }

        @Test("what cannot be written leaves no trace")
        func refusals() throws {
            let folder = try TemporaryFolder()
            let url = folder.file("out.safetensors")
            for names in [["a", "a"], ["__metadata__"]] {
                #expect(throws: Diagnostic.self) { try SafetensorsFile.write(names.map { ($0, Tensor(1)) }, to: url) }
            }
            let missing = folder.file("no/such/folder/out.safetensors")
            let error = #expect(throws: Diagnostic.self) { try SafetensorsFile.write([("a", Tensor(1))], to: missing) }
            #expect(
                error?.description
                    == "\(missing.path): cannot be written (No such file or directory); choose a folder that can be written"
            )
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
        }
    }
}
