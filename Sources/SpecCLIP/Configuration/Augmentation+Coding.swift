import Simulation
import Support

/// Read strictly from YAML: a misspelt part would silently leave a training without it.
extension Augmentation: Codable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case observing, velocity, ownNoise, continuumWarp, skyResiduals, gaps, windows, extinction
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        self.init()
        observing = try fields(.observing, default: nil as ObservingSection?)?.conditions
        velocity = try fields(.velocity, default: 0)
        ownNoise = try fields(.ownNoise, default: 0)
        continuumWarp = try fields(.continuumWarp, default: 0)
        skyResiduals = try fields(.skyResiduals, default: 0)
        gaps = try fields(.gaps, default: 0)
        windows = try fields(.windows, default: 0)
        extinction = try fields(.extinction, default: 0)
        let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
        guard (0...500).contains(velocity) else {
            throw Diagnostic.invalid(path: "\(path).velocity", problem: "\(velocity); give 0 to 500 km/s")
        }
        for (name, value) in [("ownNoise", ownNoise), ("continuumWarp", continuumWarp), ("extinction", extinction)] {
            guard value >= 0 else {
                throw Diagnostic.invalid(
                    path: "\(path).\(name)", problem: "\(value) is negative; give 0 or more")
            }
        }
        for (name, value) in [("skyResiduals", skyResiduals), ("gaps", gaps), ("windows", windows)]
        where !(0...1).contains(value) {
            throw Diagnostic.invalid(path: "\(path).\(name)", problem: "\(value) is no share; give 0 to 1")
        }
    }

    /// Writes the section.
    public func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(observing.map(ObservingSection.init), forKey: .observing)
        try container.encode(ownNoise, forKey: .ownNoise)
        try container.encode(continuumWarp, forKey: .continuumWarp)
        try container.encode(skyResiduals, forKey: .skyResiduals)
        try container.encode(gaps, forKey: .gaps)
        // Files and runs of before say nothing of it.
        if velocity > 0 { try container.encode(velocity, forKey: .velocity) }
        if windows > 0 { try container.encode(windows, forKey: .windows) }
        try container.encode(extinction, forKey: .extinction)
    }
}

/// Observing conditions as a section: those of one instrument, each with a default.
private struct ObservingSection: Codable {
    var conditions = ObservingConditions()

    enum CodingKeys: String, CodingKey, CaseIterable {
        case velocitySigma, uniformVelocityShare, uniformVelocityLimit, signalToNoise, signalToNoiseSpread, broadening
    }

    init(_ conditions: ObservingConditions) { self.conditions = conditions }

    init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        let base = ObservingConditions()
        conditions.velocitySigma = try fields(.velocitySigma, default: base.velocitySigma)
        conditions.uniformVelocityShare = try fields(.uniformVelocityShare, default: base.uniformVelocityShare)
        conditions.uniformVelocityLimit = try fields(.uniformVelocityLimit, default: base.uniformVelocityLimit)
        conditions.lrsSignalToNoise = try fields(.signalToNoise, default: base.lrsSignalToNoise)
        conditions.lrsSignalToNoiseSpread = try fields(.signalToNoiseSpread, default: base.lrsSignalToNoiseSpread)
        let widths = try fields(.broadening, default: [base.broadening.lowerBound, base.broadening.upperBound])
        let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
        guard widths.count == 2, widths[0] > 0, widths[0] <= widths[1], widths[1] <= 1.2 else {
            throw Diagnostic.invalid(
                path: "\(path).broadening", problem: "\(widths) is no range of pixels; give two numbers from 0 to 1.2")
        }
        conditions.broadening = widths[0]...widths[1]
        guard conditions.lrsSignalToNoise > 0, conditions.lrsSignalToNoiseSpread >= 0,
            conditions.velocitySigma >= 0, (0...1).contains(conditions.uniformVelocityShare),
            (0...500).contains(conditions.uniformVelocityLimit)
        else {
            throw Diagnostic.invalid(
                path: path,
                problem: "needs signalToNoise > 0, spreads >= 0, uniformVelocityShare in [0, 1], "
                    + "uniformVelocityLimit up to 500 km/s")
        }
    }

    func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(conditions.velocitySigma, forKey: .velocitySigma)
        try container.encode(conditions.uniformVelocityShare, forKey: .uniformVelocityShare)
        try container.encode(conditions.uniformVelocityLimit, forKey: .uniformVelocityLimit)
        try container.encode(conditions.lrsSignalToNoise, forKey: .signalToNoise)
        try container.encode(conditions.lrsSignalToNoiseSpread, forKey: .signalToNoiseSpread)
        try container.encode(
            [conditions.broadening.lowerBound, conditions.broadening.upperBound], forKey: .broadening)
    }
}
