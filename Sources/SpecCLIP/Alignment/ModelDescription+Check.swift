extension ModelDescription {
    /// What makes a model of this description impossible, as `field: problem; remedy`; `nil` when nothing does.
    ///
    /// Sizes come from a file that anyone may have written: without this check a wrong one would show as a failing
    /// operator deep inside a model, or as an attempt to take all memory.
    public var problem: String? {
        if let embedding, !Self.sizes.contains(embedding) {
            return "embedding: \(embedding) numbers; give 1 to \(Self.sizes.upperBound)"
        }
        if let privateEmbedding {
            guard embedding != nil else { return "privateEmbedding: there is no shared one; give embedding too" }
            guard Self.sizes.contains(privateEmbedding) else {
                return "privateEmbedding: \(privateEmbedding) numbers; give 1 to \(Self.sizes.upperBound)"
            }
        }
        for branch in branches {
            if let problem = branch.problem(embedding: embedding, privateEmbedding: privateEmbedding) {
                return "\(branch.instrument.name).\(problem)"
            }
        }
        return nil
    }

    /// Widths that make sense: the published models stay below 5000.
    static let sizes = 1...(1 << 16)
}

extension BranchDescription {
    fileprivate func problem(embedding: Int?, privateEmbedding: Int?) -> String? {
        let pixels = instrument.grid.count
        guard (1...1_000_000).contains(pixels) else { return "grid: \(pixels) pixels; give 1 to 1000000" }
        if let problem = encoder.sizes.problem(pixels: pixels) { return "encoder." + problem }
        if let projection, let embedding {
            if let problem = projection.problem(embedding: embedding, private: privateEmbedding) {
                return "projection." + problem
            }
        }
        if projection == nil, privateEmbedding != nil { return "projection: is missing; give its kind" }
        if decoder?.kind == .split, privateEmbedding == nil {
            return
                "decoder.kind: split reads a private part, which the model lacks; give privateEmbedding, or kind: mlp"
        }
        if crossDecoder?.kind == .split {
            return "crossDecoder.kind: split reads a private part, which other instruments do not see; take kind: mlp"
        }
        for (name, part) in [("decoder", decoder), ("crossDecoder", crossDecoder)] {
            guard let part else { continue }
            if let width = part.hidden.first(where: { !ModelDescription.sizes.contains($0) }) {
                return "\(name).hidden: \(width) is no width; give 1 to \(ModelDescription.sizes.upperBound)"
            }
            if let problem = dropoutProblem(part.dropout) { return "\(name).\(problem)" }
        }
        return nil
    }
}

extension ProjectionConfiguration {
    fileprivate func problem(embedding: Int, private own: Int?) -> String? {
        if let problem = sizeProblem(embedding, heads: "heads", hidden: "hidden") { return problem }
        guard let own else { return dropoutProblem(dropout) }
        return ofPrivatePart.sizeProblem(own, heads: "privateHeads", hidden: "privateHidden")
            ?? dropoutProblem(dropout)
    }

    /// - Parameters: what the fields are called, for the private part's have other names.
    private func sizeProblem(_ embedding: Int, heads headsField: String, hidden hiddenField: String) -> String? {
        switch kind {
        case .crossAttention where heads < 1 || embedding % heads != 0:
            "\(headsField): the embedding's \(embedding) numbers must be a multiple of \(heads); change either"
        case .mlp where !ModelDescription.sizes.contains(hidden):
            "\(hiddenField): \(hidden) is no width; give 1 to \(ModelDescription.sizes.upperBound)"
        default: nil
        }
    }
}

/// What makes a dropout impossible.
func dropoutProblem(_ value: Double) -> String? {
    (0..<1).contains(value) ? nil : "dropout: \(value) is no probability; give a number in [0, 1)"
}
