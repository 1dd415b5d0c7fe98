import Foundation
import Torch

/// Flows of one kind trained from several seeds, taken together: their mean density is wider where they disagree, which
/// one flow alone does not know (Hermans et al. 2022, arXiv 2110.06581).
public final class FlowEnsemble: Module {
    /// The members, at least one.
    public let flows: [ConditionalFlow]

    /// - Parameter flows: at least one, of the same labels and context.
    public init(_ flows: [ConditionalFlow]) {
        precondition(!flows.isEmpty, "an ensemble has members")
        self.flows = flows
        super.init()
    }

    /// D.
    public var labelCount: Int { flows[0].labelCount }
    /// C.
    public var contextCount: Int { flows[0].contextCount }

    /// The logarithm of the mean density; see ``ConditionalFlow/logDensity(_:given:)``.
    /// - Returns: `[B]`.
    public func logDensity(_ labels: Tensor, given context: Tensor) -> Tensor {
        logMean(flows.map { $0.logDensity(labels, given: context) })
    }

    /// The logarithm of the mean density of the labels that are known. The mean is one over products of terms, so it has
    /// no terms itself.
    /// - Parameters:
    ///   - labels: `[B, D]`.
    ///   - present: 1 where a label is known, else 0, `[B, D]`.
    ///   - context: `[B, C]`.
    /// - Returns: `[B]`; 0 where no label is known.
    public func logDensity(_ labels: Tensor, present: Tensor, given context: Tensor) throws -> Tensor {
        logMean(try flows.map { try $0.logDensities(labels, present: present, given: context).sum(dims: [1]) })
    }

    /// The logarithm of the mean marginal densities; see ``ConditionalFlow/logMarginals(_:given:)``.
    /// - Returns: `[B, D]`.
    public func logMarginals(_ labels: Tensor, given context: Tensor) throws -> Tensor {
        logMean(try flows.map { try $0.logMarginals(labels, given: context) })
    }

    private func logMean(_ values: [Tensor]) -> Tensor {
        guard values.count > 1 else { return values[0] }
        return Tensor.stack(values).logSumExp(dim: 0) - Foundation.log(Double(values.count))
    }

    /// Draws from the mean density; every member gives as many samples as the others, the first ones one more where the
    /// number does not divide.
    /// - Parameters:
    ///   - count: how many.
    ///   - context: `[B, C]`.
    ///   - seed: fixes the draws; nil takes them from the default generator.
    /// - Returns: `[B, count, D]` on the CPU, member after member.
    public func samples(_ count: Int, given context: Tensor, seed: UInt64? = nil) throws -> Tensor {
        try sampler()(count, given: context, seed: seed)
    }

    /// The ensemble as it is now, ready to draw from for one context after another.
    public func sampler() throws -> EnsembleSampler { EnsembleSampler(members: try flows.map { try $0.sampler() }) }
}

/// Draws samples of an ensemble.
public struct EnsembleSampler {
    let members: [FlowSampler]

    /// As `FlowEnsemble.samples(_:given:seed:)`.
    public func callAsFunction(_ count: Int, given context: Tensor, seed: UInt64? = nil) throws -> Tensor {
        try joined(
            zip(members.indices, shares(of: count)).compactMap { index, share -> Tensor? in
                guard share > 0 else { return nil }
                return try members[index](
                    share, given: context, seed: seed.map { $0 &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15 })
            })
    }

    /// Draws that are made of Gaussian numbers which are spread evenly, the same for every context. Quantiles of a few
    /// hundred of them are as good as those of many thousand random draws; made of random numbers that are the same for
    /// all stars, all would share one error.
    /// - Parameter seed: fixes the numbers.
    /// - Returns: `[B, count, D]` on the CPU, member after member.
    package func even(_ count: Int, given context: Tensor, seed: UInt64) throws -> Tensor {
        let shares = shares(of: count)
        let numbers = EvenNormals.shared(shares, dimensions: members[0].labelCount, seed: seed)
        let noise = Tensor(numbers.values, shape: [1, count, numbers.dimensions])
        var start = 0
        return try joined(
            zip(members, shares).compactMap { member, share -> Tensor? in
                guard share > 0 else { return nil }
                defer { start += share }
                return try member.draws(of: noise.narrow(1, start: start, length: share), given: context)
            })
    }

    /// Draws of each member.
    private func shares(of count: Int) -> [Int] {
        members.indices.map { count / members.count + ($0 < count % members.count ? 1 : 0) }
    }

    private func joined(_ parts: [Tensor]) -> Tensor { parts.count == 1 ? parts[0] : Tensor.cat(parts, dim: 1) }
}
