/// A part of a model: parameters, buffers and other modules in its stored properties.
///
/// Paths come from the code: a property `dataEmbed` of type ``Linear`` puts its weight at `data_embed.weight`. Properties of
/// type ``Parameter``, ``Buffer``, `Module`, arrays of these (`blocks.0`, `blocks.1`, …), dictionaries `[String: Module]`
/// (in order of their keys) and optionals of all of these are found, superclass first, in the order of declaration.
///
/// Modules are references. Using one from several threads for inference is safe in evaluation mode; training is not.
open class Module {
    /// Whether layers behave as in training (dropout drops, batch norm uses the statistics of the batch).
    open internal(set) var isTraining = true

    /// A module without parameters.
    public init() {}

    /// Names for properties whose key in the state dictionary is not their name in snake case: `["out": "out_proj"]`.
    open class var keyOverrides: [String: String] { [:] }

    /// Switches this module and all within it to training mode.
    @discardableResult
    public func train() -> Self { setTraining(true) }

    /// Switches this module and all within it to evaluation mode: results depend on the input alone.
    @discardableResult
    public func evaluate() -> Self { setTraining(false) }

    private func setTraining(_ training: Bool) -> Self {
        for module in modules() { module.isTraining = training }
        return self
    }

    /// This module and all within it, outermost first.
    public func modules() -> [Module] {
        var found: [Module] = [self]
        for case (_, .module(let child)) in children() { found += child.modules() }
        return found
    }

    /// Where its first parameter is; the CPU where it has none. Looks no further than that one.
    public var device: Device {
        func first(in module: Module) -> Parameter? {
            for (_, member) in module.children() {
                switch member {
                case .parameter(let parameter): return parameter
                case .module(let module): if let parameter = first(in: module) { return parameter }
                case .buffer: break
                }
            }
            return nil
        }
        return first(in: self)?.value.device ?? .cpu
    }

    /// Every parameter and its path, in the order of declaration; one that appears twice is listed under its first path.
    /// Looks through all properties (some 20 µs for each module): ask once, not at every training step.
    public func parameters() -> [(path: String, parameter: Parameter)] {
        var seen = Set<ObjectIdentifier>()
        return members().compactMap { path, member in
            guard case .parameter(let parameter) = member, seen.insert(ObjectIdentifier(parameter)).inserted else {
                return nil
            }
            return (path, parameter)
        }
    }

    /// Every buffer and its path.
    public func buffers() -> [(path: String, buffer: Buffer)] {
        members().compactMap { path, member in
            if case .buffer(let buffer) = member { (path, buffer) } else { nil }
        }
    }

    /// The number of numbers in all parameters.
    public var parameterCount: Int { parameters().reduce(0) { $0 + $1.parameter.value.count } }

    /// Stops gradients at every parameter of this module.
    public func freeze() {
        for (_, parameter) in parameters() { parameter.isTrainable = false }
    }

    /// Lets gradients reach every parameter of this module again.
    public func unfreeze() {
        for (_, parameter) in parameters() { parameter.isTrainable = true }
    }

    /// Forgets all gradients.
    public func zeroGradients() {
        for (_, parameter) in parameters() { parameter.gradient = nil }
    }

    /// Moves all parameters and buffers to a device.
    /// - Throws: `Diagnostic` when the device cannot be used; nothing has moved then.
    public func to(_ device: Device) throws {
        try device.makeReady()
        try replaceTensors { try $0.to(device) }
    }

    /// Converts all floating-point parameters and buffers.
    public func to(_ dtype: DType) throws {
        try replaceTensors { $0.dtype.isFloatingPoint ? $0.to(dtype) : $0 }
    }

    private func replaceTensors(_ change: (Tensor) throws -> Tensor) throws {
        let parameters = parameters().map(\.parameter)
        let buffers = buffers().map(\.buffer)
        let (values, states) = try catchingTorchErrors {
            try (parameters.map { try change($0.value.detached()) }, buffers.map { try change($0.value) })
        }
        for (parameter, value) in zip(parameters, values) { parameter.value = value }
        for (buffer, value) in zip(buffers, states) { buffer.value = value }
    }
}
