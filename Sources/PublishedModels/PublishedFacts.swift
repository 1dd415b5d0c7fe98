import Foundation
import Instruments
import SpecCLIP
import Spectra
import Support
import Torch

/// What is known of a checkpoint beside its tensors, asked in a fixed order: attributes of the modules pickled with it,
/// hyper-parameters stored in it, hyper-parameters of backbone files, the user's flags. Every answer notes its source.
struct PublishedFacts {
    /// Hyper-parameters of a file, with the words that name it.
    struct Source {
        var name: String
        var values: PickleValue
    }

    let path: String
    let root: PickleValue
    let hints: PublishedHints
    private let sources: [Source]
    /// What was inferred and from where, a line each.
    private(set) var notes: [String] = []

    init(_ file: PyTorchFile, path: String, hints: PublishedHints) throws {
        self.path = path
        self.hints = hints
        root = file.root
        var sources: [Source] = []
        if let own = file.root["hyper_parameters"] { sources.append(Source(name: "its hyper_parameters", values: own)) }
        for url in hints.backbones {
            guard let values = try PyTorchFile(contentsOf: url).root["hyper_parameters"] else {
                throw Diagnostic(url.path, problem: "has no hyper_parameters; give the flags instead")
            }
            sources.append(Source(name: "hyper_parameters of \(url.lastPathComponent)", values: values))
        }
        self.sources = sources
    }

    /// A head module pickled in a CLIP file; `nil` where there is none.
    func head(_ key: String) -> PickleValue? { root["hyper_parameters"]?["\(key)_encoder"] }

    /// A whole number that shapes do not tell.
    /// - Parameters:
    ///   - what: in words, for notes and errors.
    ///   - attribute: where it is in the module of the instrument, if modules were pickled.
    ///   - parameter: its name among hyper-parameters.
    ///   - fits: which hyper-parameters belong to this part, where there are several files.
    ///   - flag: the user's word, with the name of the flag.
    mutating func integer(
        _ what: String, attribute: PickleValue?, parameter: String?, fits: (PickleValue) -> Bool = { _ in true },
        flag: (name: String, value: Int?)
    ) throws -> Int {
        if let value = attribute?.int { return note(what, value, "the pickled module") }
        for source in sources {
            guard let parameter, let value = source.values[parameter]?.int, fits(source.values) else { continue }
            return note(what, value, source.name)
        }
        if let value = flag.value { return note(what, value, flag.name) }
        throw Diagnostic(
            path,
            problem: "\(what) cannot be told from names and shapes; give \(flag.name) N, or --backbone with the "
                + "checkpoint of the encoder")
    }

    /// A number that matters only in further training: the published one where the file does not say, with a note.
    mutating func trainingNumber(
        _ what: String, attribute: PickleValue?, parameter: String?, fits: (PickleValue) -> Bool = { _ in true },
        published: Double
    ) -> Double {
        if let value = attribute?.double { return value }
        for source in sources {
            if let parameter, let value = source.values[parameter]?.double, fits(source.values) { return value }
        }
        notes.append("\(what): \(published) (as published; the file does not say, and only training uses it)")
        return published
    }

    /// How an auto-encoder was masked in training; `nil` where it was not, and for Gaia XP, where the published code hides
    /// nothing even if asked to (quirk Q11).
    func pixelMask(attributes: PickleValue?, fits: (PickleValue) -> Bool, on instrument: Instrument) -> PixelMask? {
        let known = (attributes.map { [$0] } ?? []) + sources.map(\.values).filter(fits)
        guard instrument == .lamostLRS, let values = known.first(where: { $0["use_masking"]?.bool != nil }),
            values["use_masking"]?.bool == true
        else { return nil }
        let base = PixelMask()
        return PixelMask(
            chunks: values["mask_num_chunks"]?.int ?? base.chunks, width: values["mask_chunk_width"]?.int ?? base.width,
            ratio: values["mask_ratio"]?.double ?? base.ratio, scale: .published)
    }

    mutating func note(_ text: String) { notes.append(text) }

    private mutating func note(_ what: String, _ value: Int, _ source: String) -> Int {
        notes.append("\(what): \(value) (from \(source))")
        return value
    }

    /// Plain facts of the file for the provenance of the model.
    var provenance: [String: String] {
        var found: [String: String] = ["converted": URL(fileURLWithPath: path).lastPathComponent]
        for key in ["epoch", "global_step"] {
            if let value = root[key]?.int { found[key] = "\(value)" }
        }
        if let version = root["pytorch-lightning_version"]?.string { found["lightning"] = version }
        guard let parameters = root["hyper_parameters"] else { return found }
        let entries = (parameters.dictionary ?? parameters.object?.items)?.entries ?? []
        for (key, value) in entries {
            guard let name = key.string, let text = value.plainText else { continue }
            found["hyper_parameters.\(name)"] = text
        }
        return found
    }
}

extension PickleValue {
    /// A number, text or truth value in words; `nil` for anything else.
    fileprivate var plainText: String? {
        switch self {
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let value): value
        default: nil
        }
    }
}
