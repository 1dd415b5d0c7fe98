import Support
import Torch

// Configuration sections with a `kind`, written by hand: the compiler's own coding of enums nests where YAML should not.

extension NetworkConfiguration {
    private enum Kind: String, Codable { case dense, convolutional, transformer }
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case kind, hidden, activation, shortcut, channels, patch, width, layers, heads
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        let activation: Activation = try fields(.activation, default: .gelu)
        switch try fields(.kind, default: Kind.dense) {
        case .dense:
            self = .dense(
                hidden: try fields(.hidden, default: [256, 256]), activation: activation,
                shortcut: try fields(.shortcut, default: true))
        case .convolutional:
            self = .convolutional(
                channels: try fields(.channels, default: [12, 24, 48]),
                hidden: try fields(.hidden, default: [256, 128]),
                activation: activation)
        case .transformer:
            self = .transformer(
                patch: try fields(.patch, default: 16), width: try fields(.width, default: 64),
                layers: try fields(.layers, default: 2), heads: try fields(.heads, default: 4))
        }
    }

    /// Writes the section with its kind.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .dense(let hidden, let activation, let shortcut):
            try container.encode(Kind.dense, forKey: .kind)
            try container.encode(hidden, forKey: .hidden)
            try container.encode(activation, forKey: .activation)
            try container.encode(shortcut, forKey: .shortcut)
        case .convolutional(let channels, let hidden, let activation):
            try container.encode(Kind.convolutional, forKey: .kind)
            try container.encode(channels, forKey: .channels)
            try container.encode(hidden, forKey: .hidden)
            try container.encode(activation, forKey: .activation)
        case .transformer(let patch, let width, let layers, let heads):
            try container.encode(Kind.transformer, forKey: .kind)
            try container.encode(patch, forKey: .patch)
            try container.encode(width, forKey: .width)
            try container.encode(layers, forKey: .layers)
            try container.encode(heads, forKey: .heads)
        }
    }
}

extension OrderedObjective {
    private enum Kind: String, Codable {
        case linear, geometric, uniform, poisson
        case logUniform = "log-uniform"
    }
    private enum CodingKeys: String, CodingKey, CaseIterable { case kind, weights, widthsPerRow, p, rate, per, sweep }

    /// Reads the section strictly: `linear`, or `kind:` with its numbers.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(Kind.self) {
            self =
                switch name {
                case .linear: .linear
                case .geometric: .geometric(p: 0.1)
                case .uniform: .random(.uniform, per: .sample, sweep: nil)
                case .poisson: .random(.poisson(rate: 4), per: .sample, sweep: nil)
                case .logUniform: .random(.logUniform, per: .sample, sweep: nil)
                }
            return
        }
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        let draw: BottleneckLayer.Draw = try fields(.per, default: .sample)
        let sweep: UnitSweep.Options? = try fields(.sweep, default: nil)
        switch try fields(.kind, default: Kind.linear) {
        case .linear:
            self = .linear(
                weights: try fields(.weights, default: nil), widthsPerRow: try fields(.widthsPerRow, default: nil))
        case .geometric: self = .random(.geometric(p: try fields(.p, default: 0.1)), per: draw, sweep: sweep)
        case .uniform: self = .random(.uniform, per: draw, sweep: sweep)
        case .logUniform: self = .random(.logUniform, per: draw, sweep: sweep)
        case .poisson: self = .random(.poisson(rate: try fields(.rate, default: 4)), per: draw, sweep: sweep)
        }
    }

    /// Writes the section with its kind.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .linear(let weights, let perRow):
            try container.encode(Kind.linear, forKey: .kind)
            try container.encodeIfPresent(weights, forKey: .weights)
            try container.encodeIfPresent(perRow, forKey: .widthsPerRow)
        case .random(let distribution, let draw, let sweep):
            switch distribution {
            case .uniform: try container.encode(Kind.uniform, forKey: .kind)
            case .logUniform: try container.encode(Kind.logUniform, forKey: .kind)
            case .geometric(let p):
                try container.encode(Kind.geometric, forKey: .kind)
                try container.encode(p, forKey: .p)
            case .poisson(let rate):
                try container.encode(Kind.poisson, forKey: .kind)
                try container.encode(rate, forKey: .rate)
            }
            try container.encode(draw, forKey: .per)
            try container.encodeIfPresent(sweep, forKey: .sweep)
        }
    }
}
