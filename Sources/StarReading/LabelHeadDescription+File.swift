import Foundation
import SpecCLIP
import Support
import Torch

extension LabelHeadDescription {
    /// The heads of a model file by name: the instrument's `embeddingKey` for one that we fitted, `key/label` for a
    /// published regressor; nil when there are none.
    package static func all(in file: ModelFile) throws -> [String: LabelHeadDescription]? {
        guard let text = file.header(LabelReader.part) else { return nil }
        let descriptions: [String: LabelHeadDescription]
        do {
            descriptions = try JSONDecoder().decode([String: LabelHeadDescription].self, from: Data(text.utf8))
        } catch {
            throw Diagnostic(file.url.path, problem: "the 'labels' entry of the header cannot be read")
        }
        for (name, description) in descriptions where !description.isConsistent {
            throw Diagnostic(
                file.url.path,
                problem: "the 'labels' entry of the header contradicts itself for \(name): the file is damaged; "
                    + "get it anew")
        }
        return descriptions
    }

    /// The instrument's key in the name of a head.
    static func embeddingKey(ofHead name: String) -> String { String(name.prefix { $0 != "/" }) }

    /// Writes these heads as the labels of a model file.
    package static func part(_ heads: [String: LabelHeadDescription], tensors: [(String, Tensor)]) throws
        -> ModelFilePart
    {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ModelFilePart(
            name: LabelReader.part, header: String(decoding: try encoder.encode(heads), as: UTF8.self),
            tensors: tensors)
    }
}
