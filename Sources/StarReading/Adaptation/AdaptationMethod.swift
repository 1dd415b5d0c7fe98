import Foundation

/// A way to read labels of somebody's own, from the plainest to the most costly.
public enum AdaptationMethod: String, CaseIterable, Codable, Sendable, Hashable {
    /// A cubic of the labels that the model reads already: what needs no spectrum.
    case labels
    /// The same and a smooth function of the frozen features.
    case features
    /// Low-rank changes of the model's encoder (LoRA).
    case lowRank = "lora"
    /// All parameters of the model's encoder.
    case full
    /// A network that has seen no other spectra: what the model is to be worth more than.
    case flux

    /// As tables call it.
    public var title: String {
        switch self {
        case .labels: "model's labels"
        case .features: "features"
        case .lowRank: "LoRA"
        case .full: "fine-tuning"
        case .flux: "flux alone"
        }
    }

    /// What may read a label: one way alone, or the mean of two or three that err differently, the cheapest first.
    static func choices(among methods: [AdaptationMethod]) -> [[AdaptationMethod]] {
        let together: [[AdaptationMethod]] = [
            [.features, .lowRank], [.features, .full], [.lowRank, .full], [.features, .lowRank, .full],
        ]
        return methods.map { [$0] } + together.filter { Set($0).isSubset(of: methods) }
    }
}

extension [AdaptationMethod] {
    /// As tables call several that are read together.
    public var title: String { map(\.title).joined(separator: " + ") }
    /// As files call them.
    public var key: String { map(\.rawValue).joined(separator: "+") }
}
