import Foundation
import Testing
import Torch
@testable import SpecCLIP

/// What a model file in half precision may hold.
@Suite struct ModelFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "model-\(UUID().uuidString)")

    /// An encoder whose first matrix holds `value` everywhere.
    private func model(_ value: Double) throws -> SpecCLIPModel {
        let configuration = try Configuration(named: "tiny")
        let branches = try configuration.resolvedInstruments().map {
            BranchDescription(instrument: $0.instrument, encoder: $0.configuration.encoder)
        }
        let model = SpecCLIPModel(ModelDescription(embedding: nil, branches: branches, provenance: [:]))
        let matrix = try #require(model.parameters().first { $0.parameter.value.rank == 2 }).parameter
        matrix.value = Tensor.ones(like: matrix.value) * value
        return model
    }

    private func write(_ model: SpecCLIPModel, as dtype: DType) throws -> URL {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let (whole, half) = (folder.appending(path: "whole.safetensors"), folder.appending(path: "half.safetensors"))
        try ModelFile.write(model, to: whole)
        try ModelFile(contentsOf: whole).write(as: dtype, to: half)
        return half
    }

    /// Each number fits into half precision, their sum (far above 65504) does not.
    @Test(arguments: [DType.float16, .bfloat16]) func largeSumsAreNoDamage(dtype: DType) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = try ModelFile(contentsOf: try write(try model(1000), as: dtype))
        let read = try file.model()
        let matrix = try #require(read.parameters().first { $0.parameter.value.rank == 2 }).parameter.value
        #expect(matrix.count > 66 && matrix.min().item() == 1000 && matrix.max().item() == 1000)
    }

    @Test func whatIsNotFiniteIsNamed() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect {
            try write(try model(1e5), as: .float16)
        } throws: { "\($0)".contains("does not fit into float16") }
        for value in [Double.nan, .infinity, -.infinity] {
            let whole = folder.appending(path: "whole.safetensors")
            try ModelFile.write(try model(value), to: whole)
            #expect {
                try ModelFile(contentsOf: whole).model()
            } throws: { "\($0)".contains("not finite") && !"\($0)".contains("\n") }
        }
    }

    /// The first model that was shipped has the first layout; files of a later one are refused by name.
    @Test func layoutsOfBeforeAreRead() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let shipped = URL(fileURLWithPath: #filePath).appending(path: "../../../Models/specclip-small-v1.safetensors")
            .standardizedFileURL
        #expect(try ModelFile(contentsOf: shipped).description.format == 1)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let url = folder.appending(path: "now.safetensors")
        try ModelFile.write(try model(1), to: url)
        #expect(try ModelFile(contentsOf: url).description.format == ModelDescription.currentFormat)
        let file = try SafetensorsFile(contentsOf: url)
        var metadata = file.metadata
        metadata["specclip"] = metadata["specclip"]?.replacing(
            "\"format\":\(ModelDescription.currentFormat)", with: "\"format\":\(ModelDescription.currentFormat + 1)")
        let later = folder.appending(path: "later.safetensors")
        try SafetensorsFile.write(file.names.map { ($0, try file.tensor($0)) }, metadata: metadata, to: later)
        #expect { try ModelFile(contentsOf: later) } throws: { "\($0)".contains("newer than this program") }
    }
}
