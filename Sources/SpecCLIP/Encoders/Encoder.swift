import Support
import Synchronization
import Torch

/// A foundation model of one instrument: spectra in, features out, and a loss to learn from spectra alone.
///
/// A new one is a file with a module that conforms, its sizes (``EncoderSizes``), and a call of
/// ``EncoderConfiguration/register(_:)``.
public protocol Encoder: Module {
    /// Pixels of the spectra it reads.
    var pixels: Int { get }
    /// Numbers per feature vector.
    var width: Int { get }
    /// The shape of one spectrum's features: `[tokens, width]` or `[width]`.
    var featureShape: [Int] { get }
    /// What it asks for beside the flux; nothing by default.
    var inputs: SpectrumInputs { get }

    /// - Parameter x: prepared spectra, `[B, pixels]`.
    /// - Returns: features, `[B] + featureShape`.
    func callAsFunction(_ x: SpectrumBatch) -> Tensor

    /// Takes from spectra that it will be trained on what it needs to know of them beforehand; nothing by
    /// default, and then they are not read.
    func adapt(to spectra: @autoclosure () throws -> SpectrumBatch) rethrows

    /// The loss of self-supervised pre-training, a scalar.
    /// - Parameters:
    ///   - x: prepared spectra as they are shown, `[B, pixels]`.
    ///   - clean: what is to be found in them: the same flux, or this without its noise.
    func pretrainingLoss(_ x: SpectrumBatch, finding clean: Tensor) throws -> Tensor
}

extension Encoder {
    /// Nothing beside the flux.
    public var inputs: SpectrumInputs { [] }

    /// Nothing.
    public func adapt(to spectra: @autoclosure () throws -> SpectrumBatch) rethrows {}

    /// The features of spectra of which the flux alone is known, `[B, pixels]`.
    public func callAsFunction(_ flux: Tensor) -> Tensor { self(SpectrumBatch(flux)) }

    /// The loss where spectra are to be found as they are shown.
    public func pretrainingLoss(_ flux: Tensor) throws -> Tensor {
        try pretrainingLoss(SpectrumBatch(flux), finding: flux)
    }

    /// One vector per spectrum, for an encoder used by itself: the mean token, or the latent.
    public func summary(_ features: Tensor) -> Tensor {
        features.rank == 3 ? features.mean(dims: [1], keepDims: false) : features
    }
}

/// The sizes of one kind of encoder: a section of a configuration, and of the model file.
public protocol EncoderSizes: Codable, Sendable, Hashable {
    /// What stands under `kind:` in a configuration.
    static var kind: String { get }
    /// Numbers per feature vector.
    var featureWidth: Int { get }
    /// Kind and sizes, in a line.
    var text: String { get }
    /// What that line leaves out.
    var details: String { get }
    /// How many times fewer steps a short training takes than one of the auto-encoder; above 1 they are of half the rows
    /// too (``Configuration/shorten(to:steps:batch:)``).
    var cost: Int { get }
    /// What makes an encoder of these sizes impossible, as `field: problem; remedy`; nil when nothing does.
    func problem(pixels: Int) -> String?
    /// A new encoder with initial weights drawn from the default generator.
    func makeEncoder(pixels: Int) -> any Encoder
}

extension EncoderSizes {
    /// Nothing more.
    public var details: String { "" }
    /// As many steps as the auto-encoder.
    public var cost: Int { 1 }
}

/// Which encoder, and its sizes. Written into the model file, read from `kind:` in a configuration.
public struct EncoderConfiguration: Codable, Sendable, Hashable {
    /// The sizes, of some kind.
    public let sizes: any EncoderSizes

    /// An encoder of these sizes.
    public init(_ sizes: any EncoderSizes) { self.sizes = sizes }

    /// A transformer of these sizes.
    public static func maskedTransformer(_ sizes: MaskedTransformerConfiguration) -> Self { Self(sizes) }
    /// An auto-encoder of these sizes.
    public static func autoEncoder(_ sizes: AutoEncoderConfiguration) -> Self { Self(sizes) }

    private typealias Read = @Sendable (any Decoder) throws -> any EncoderSizes

    /// How the sizes of each known kind are read, by its name.
    private static let kinds = Mutex<[String: Read]>([
        MaskedTransformerConfiguration.kind: read(MaskedTransformerConfiguration.self),
        AutoEncoderConfiguration.kind: read(AutoEncoderConfiguration.self),
        ResidualEncoderConfiguration.kind: read(ResidualEncoderConfiguration.self),
        PatchTransformerConfiguration.kind: read(PatchTransformerConfiguration.self),
    ])

    private static func read<Sizes: EncoderSizes>(_: Sizes.Type) -> Read { { try Sizes(from: $0) } }

    /// Makes a kind of encoder known to configurations and model files.
    public static func register<Sizes: EncoderSizes>(_ sizes: Sizes.Type) {
        let read = read(sizes)
        kinds.withLock { $0[Sizes.kind] = read }
    }

    private enum KindKey: String, CodingKey { case kind }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown kinds and keys and for values out of range.
    public init(from decoder: any Decoder) throws {
        let name = try decoder.container(keyedBy: KindKey.self).decode(String.self, forKey: .kind)
        let kinds = Self.kinds.withLock { $0 }
        guard let read = kinds[name] else {
            let known = kinds.keys.sorted()
            let path = (decoder.codingPath.map(\.stringValue) + ["kind"]).joined(separator: ".")
            throw Diagnostic.invalid(
                path: path,
                problem: "no encoder '\(name)'; " + suggestion(for: name, among: known))
        }
        sizes = try read(decoder)
    }

    /// Writes the section with its kind.
    public func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.container(keyedBy: KindKey.self)
        try container.encode(type(of: sizes).kind, forKey: .kind)
        try sizes.encode(to: encoder)
    }

    /// Whether kind and sizes are the same.
    public static func == (a: Self, b: Self) -> Bool { AnyHashable(a.sizes) == AnyHashable(b.sizes) }

    /// Hashes kind and sizes.
    public func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(sizes)) }

    /// Numbers per feature vector.
    public var featureWidth: Int { sizes.featureWidth }

    /// A new encoder with initial weights drawn from the default generator.
    public func makeEncoder(pixels: Int) -> any Encoder { sizes.makeEncoder(pixels: pixels) }
}
