import Foundation
import SpecCLIP
import Torch

/// Flows that were trained from different seeds: their mean density, which is broader where they disagree.
public final class FlowEnsemble: Module {
    /// The flows, at least one.
    public let members: [ConditionalFlow]

    /// An ensemble of flows of one kind.
    public init(_ members: [ConditionalFlow]) {
        precondition(!members.isEmpty, "an ensemble has members")
        self.members = members
        super.init()
    }

    /// New flows with initial weights drawn from the default generator.
    convenience init(_ configuration: FlowConfiguration, members: Int, labels: Int, context: Int) {
        self.init((0..<members).map { _ in ConditionalFlow(configuration, labels: labels, context: context) })
    }

    /// Log of the mean density of labels that are all known.
    /// - Parameters:
    ///   - labels: `[B, D]`.
    ///   - context: `[B, C]`.
    /// - Returns: `[B]`.
    public func logDensity(_ labels: Tensor, given context: Tensor) -> Tensor {
        let each = Tensor.stack(members.map { $0.logDensity(labels, given: context) }, dim: 0)
        return each.logSumExp(dim: 0) - log(Double(members.count))
    }

    /// Samples, as many of each member as of any other (the first ones give what does not divide).
    /// - Parameters:
    ///   - base: independent standard Gaussians, `[count, D]`.
    ///   - context: `[B, C]`.
    /// - Returns: `[B, count, D]`.
    public func samples(_ base: Tensor, given context: Tensor) -> Tensor {
        let count = base.shape[0]
        let shares = members.indices.map { count / members.count + ($0 < count % members.count ? 1 : 0) }
        let parts = zip(members, base.split(shares)).filter { $1.shape[0] > 0 }.map { $0.samples($1, given: context) }
        return parts.count == 1 ? parts[0] : Tensor.cat(parts, dim: 1)
    }
}
