import CTorch
import Foundation
import Synchronization

/// Turns normal noise into samples of a normalizing flow: undoes a stack of autoregressive transforms (Papamakarios et
/// al. 2017, arXiv 1705.07057; Durkan et al. 2019, arXiv 1906.04032).
///
/// Of each transform's network every hidden unit is computed once, as soon as the labels that it sees are known, for a
/// few samples at a time that stay in the processor's first cache. Runs on the CPU, on all threads, without a graph.
public struct FlowInversion: Sendable {
    /// The sizes of a stack of transforms.
    public struct Layout: Sendable, Hashable {
        /// D.
        public var labels: Int
        /// Units of a hidden layer.
        public var hidden: Int
        /// Hidden layers.
        public var layers: Int
        /// Transforms of the stack.
        public var transforms: Int
        /// Bins of the splines; 0 for shift and scale alone.
        public var bins: Int
        /// The splines bend values between -bound and bound.
        public var bound: Double
        /// The least share of that which a bin has.
        public var least: Double
        /// By which the numbers that shape a spline are multiplied first.
        public var gain: Double
        /// Whether the order of the labels is reversed from one transform to the next.
        public var reverses: Bool
        /// For each label, how many units of a hidden layer its outputs may read.
        public var ends: [Int]

        /// A layout of these sizes.
        public init(
            labels: Int, hidden: Int, layers: Int, transforms: Int, bins: Int, bound: Double, least: Double,
            gain: Double, reverses: Bool, ends: [Int]
        ) {
            (self.labels, self.hidden, self.layers, self.transforms) = (labels, hidden, layers, transforms)
            (self.bins, self.bound, self.least, self.gain) = (bins, bound, least, gain)
            (self.reverses, self.ends) = (reverses, ends)
        }

        /// Numbers that a network gives for each label: shift, log scale, and widths, heights and inner slopes of bins.
        public var outputs: Int { Int(ctorch_flow_outputs(Int64(bins))) }
    }

    /// The most bins of a spline.
    public static let maximumBins = Int(CTORCH_FLOW_MAX_BINS)

    private let layout: Layout
    private let ends: [Int64]
    private let weights: [Float]
    private let (mean, std): ([Float], [Float])

    /// - Parameters:
    ///   - layout: sizes of the flow.
    ///   - weights: for each transform those of the input layer `[hidden, D]`, of the other layers `[hidden, hidden]` and
    ///     of the output `[D · outputs, hidden]`, masked.
    ///   - mean: added to the samples at the end, `[D]`.
    ///   - std: by which they are multiplied before.
    public init(_ layout: Layout, weights: [[Tensor]], mean: Tensor, std: Tensor) {
        self.layout = layout
        ends = layout.ends.map(Int64.init)
        self.weights = weights.flatMap { $0.flatMap { $0.floats() } }
        (self.mean, self.std) = (mean.floats(), std.floats())
        precondition(layout.bins <= Self.maximumBins && ends.count == layout.labels, "\(layout)")
        precondition(self.mean.count == layout.labels && self.std.count == layout.labels, "mean and std of all labels")
        withFlow { flow in
            precondition(
                self.weights.count == layout.transforms * Int(ctorch_flow_weights(&flow)), "\(layout): other weights")
        }
    }

    /// - Parameters:
    ///   - noise: draws from the standard normal distribution, `[B, count, D]`.
    ///   - offsets: for each context and transform what is added in the input layer, the other layers and the output,
    ///     `[B, transforms · (layers · hidden + D · outputs)]`.
    /// - Returns: samples, `[B, count, D]` in float32 on the CPU.
    public func callAsFunction(noise: Tensor, offsets: Tensor) -> Tensor {
        let (contexts, count) = (noise.size(0), noise.size(1))
        let result = Tensor.empty(noise.shape)
        guard noise.count > 0 else { return result }
        noise.to(.float32).withUnsafeBytes { noise in
            offsets.to(.float32).withUnsafeBytes { offsets in
                result.withUnsafeMutableBytes { samples in
                    run(
                        contexts, count, noise.bindMemory(to: Float.self), offsets.bindMemory(to: Float.self),
                        Shared(samples.bindMemory(to: Float.self)))
                }
            }
        }
        return result
    }

    /// Memory that several threads write to, each a part of its own.
    private struct Shared: @unchecked Sendable {
        let buffer: UnsafeMutableBufferPointer<Float>
        init(_ buffer: UnsafeMutableBufferPointer<Float>) { self.buffer = buffer }
    }

    /// Samples that a thread takes at a time.
    private static let share = 512

    private func run(
        _ contexts: Int, _ count: Int, _ noise: UnsafeBufferPointer<Float>, _ offsets: UnsafeBufferPointer<Float>,
        _ samples: Shared
    ) {
        let labels = layout.labels
        let shares = (count + Self.share - 1) / Self.share
        let next = Atomic(0)
        nonisolated(unsafe) let (noise, offsets) = (noise, offsets)
        let each = offsets.count / contexts
        DispatchQueue.concurrentPerform(iterations: min(TorchRuntime.threads, contexts * shares)) { _ in
            withFlow { flow in
                precondition(each == Int(ctorch_flow_offsets(&flow)), "\(layout): other offsets")
                while true {
                    let task = next.add(1, ordering: .relaxed).oldValue
                    guard task < contexts * shares else { return }
                    let (context, first) = (task / shares, task % shares * Self.share)
                    let place = (context * count + first) * labels
                    guard let own = offsets.baseAddress, let from = noise.baseAddress,
                        let to = samples.buffer.baseAddress
                    else { return }
                    let status = ctorch_flow_invert(
                        &flow, own + context * each, from + place, to + place, Int64(min(Self.share, count - first)))
                    if status != 0 { Failure.report(operation: "flow inversion") }
                }
            }
        }
    }

    private func withFlow(_ body: (inout ctorch_flow) -> Void) {
        ends.withUnsafeBufferPointer { ends in
            weights.withUnsafeBufferPointer { weights in
                mean.withUnsafeBufferPointer { mean in
                    std.withUnsafeBufferPointer { std in
                        var flow = ctorch_flow()
                        flow.labels = Int64(layout.labels)
                        flow.hidden = Int64(layout.hidden)
                        flow.layers = Int64(layout.layers)
                        flow.transforms = Int64(layout.transforms)
                        flow.bins = Int64(layout.bins)
                        flow.bound = Float(layout.bound)
                        flow.least = Float(layout.least)
                        flow.gain = Float(layout.gain)
                        flow.reverses = layout.reverses
                        flow.ends = ends.baseAddress
                        flow.weights = weights.baseAddress
                        flow.mean = mean.baseAddress
                        flow.std = std.baseAddress
                        body(&flow)
                    }
                }
            }
        }
    }
}
