/// What a stored property of a module can be.
enum ModuleMember {
    case parameter(Parameter)
    case buffer(Buffer)
    case module(Module)
}

extension Module {
    /// The parameters, buffers and modules in this module's own properties, with their keys.
    func children() -> [(key: String, member: ModuleMember)] {
        var mirrors: [Mirror] = []
        var next: Mirror? = Mirror(reflecting: self)
        while let mirror = next {
            mirrors.append(mirror)
            next = mirror.superclassMirror
        }
        let overrides = Self.keyOverrides
        return mirrors.reversed().flatMap { mirror in
            mirror.children.flatMap { label, value -> [(key: String, member: ModuleMember)] in
                guard let label else { return [] }
                let name = propertyName(label)
                return found(in: value, key: overrides[name] ?? snakeCase(name))
            }
        }
    }

    /// Parameters and buffers of this module and all within it, with their paths.
    func members() -> [(path: String, member: ModuleMember)] {
        children().flatMap { key, member -> [(path: String, member: ModuleMember)] in
            guard case .module(let module) = member else { return [(key, member)] }
            return module.members().map { (key.isEmpty ? $0.path : "\(key).\($0.path)", $0.member) }
        }
    }
}

/// The members in a property's value: itself, or those in an array, a dictionary or an optional.
private func found(in value: Any, key: String) -> [(key: String, member: ModuleMember)] {
    switch value {
    case let parameter as Parameter: return [(key, .parameter(parameter))]
    case let buffer as Buffer: return [(key, .buffer(buffer))]
    case let module as Module: return [(key, .module(module))]
    case let modules as [String: Module]:
        return modules.sorted { $0.key < $1.key }.map { (join(key, $0.key), .module($0.value)) }
    default: break
    }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional: return mirror.children.flatMap { found(in: $0.value, key: key) }
    case .collection where holdsMembers(mirror):
        return mirror.children.enumerated().flatMap { found(in: $1.value, key: join(key, "\($0)")) }
    default: return []
    }
}

/// Whether an array is one of parameters, buffers or modules: its first element tells, so that arrays of numbers are not
/// walked.
private func holdsMembers(_ array: Mirror) -> Bool {
    guard let first = array.children.first?.value else { return false }
    return first is Parameter || first is Buffer || first is Module
        || Mirror(reflecting: first).displayStyle == .optional
}

/// An empty key (a property whose override is "") adds no level.
private func join(_ key: String, _ next: String) -> String { key.isEmpty ? next : "\(key).\(next)" }

/// The name of a stored property as written: lazy and wrapped properties are stored under another.
private func propertyName(_ label: String) -> String {
    if label.hasPrefix("$__lazy_storage_$_") { return String(label.dropFirst("$__lazy_storage_$_".count)) }
    return label.hasPrefix("_") ? String(label.dropFirst()) : label
}

/// `dataEmbed` → `data_embed`, `inProjWeight` → `in_proj_weight`, `ln1` → `ln1`, `xpCLIPHead` → `xp_clip_head`.
func snakeCase(_ name: String) -> String {
    let letters = Array(name)
    var result = ""
    for (index, letter) in letters.enumerated() {
        if letter.isUppercase, index > 0 {
            let startsWord = !letters[index - 1].isUppercase
            let endsAcronym = index + 1 < letters.count && letters[index + 1].isLowercase
            if (startsWord || endsAcronym) && letters[index - 1] != "_" { result += "_" }
        }
        result += letter.lowercased()
    }
    return result
}
