import Support

extension Module {
    /// All parameters and buffers by path, in the order of declaration. The tensors share the module's memory, outside the
    /// recorded graph: clone them to keep them while training goes on.
    public func stateDictionary() -> [(String, Tensor)] {
        members().compactMap { path, member in
            switch member {
            case .parameter(let parameter): (path, parameter.value.detached())
            case .buffer(let buffer): (path, buffer.value)
            case .module: nil
            }
        }
    }

    /// Takes over parameters and buffers from a state dictionary, converted to each one's type and device.
    ///
    /// - Parameters:
    ///   - state: tensors by path.
    ///   - strict: whether a missing or unexpected path is an error. A differing shape always is.
    ///   - sharing: adopt the tensors themselves where type and device agree, instead of copying: faster and lighter for
    ///     inference from a memory-mapped file; the state must then not be changed elsewhere.
    /// - Throws: `Diagnostic` naming the paths and both shapes; the module is unchanged then.
    public func load(_ state: [String: Tensor], strict: Bool = true, sharing: Bool = false) throws {
        let members = members()
        try check(state, against: members.map(\.path), own: stateDictionary(), strict: strict)
        try catchingTorchErrors {
            withoutGradient {
                for (path, member) in members {
                    guard let source = state[path] else { continue }
                    switch member {
                    case .parameter(let parameter):
                        parameter.value = adopted(source, like: parameter.value, sharing: sharing)
                    case .buffer(let buffer): buffer.value = adopted(source, like: buffer.value, sharing: sharing)
                    case .module: break
                    }
                }
            }
        }
    }

    private func check(
        _ state: [String: Tensor], against paths: [String], own: [(String, Tensor)], strict: Bool
    ) throws {
        var complaints: [String] = []
        if strict {
            let missing = paths.filter { state[$0] == nil }
            let unexpected = Set(state.keys).subtracting(paths).sorted()
            if !missing.isEmpty { complaints.append("missing: \(listed(missing))") }
            if !unexpected.isEmpty { complaints.append("unexpected: \(listed(unexpected))") }
        }
        let misfits = own.compactMap { path, tensor -> String? in
            guard let source = state[path], source.shape != tensor.shape else { return nil }
            return "\(path) has shape \(source.shape) where \(tensor.shape) is needed"
        }
        if !misfits.isEmpty { complaints.append(listed(misfits)) }
        if !complaints.isEmpty {
            throw Diagnostic(problem: "the state does not fit \(type(of: self)): " + complaints.joined(separator: "; "))
        }
    }

    /// The source itself, or a new tensor with its values and the place and type of `target`.
    private func adopted(_ source: Tensor, like target: Tensor, sharing: Bool) -> Tensor {
        if sharing, source.dtype == target.dtype, source.device == target.device { return source.detached() }
        let copy = Tensor.empty(target.shape, dtype: target.dtype, device: target.device)
        copy.copyInPlace(from: source)
        return copy
    }
}

/// The first few names and how many more there are.
private func listed(_ names: [String]) -> String {
    let limit = 5
    let rest = names.count > limit ? " and \(names.count - limit) more" : ""
    return names.prefix(limit).joined(separator: ", ") + rest
}
