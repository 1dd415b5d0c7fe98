import Foundation
import Support
import Torch

/// What a flow learns from: labels and the context that they go with, in memory.
public struct FlowData: Sendable {
    /// `[N, C]`.
    public let context: Tensor
    /// `[N, D]`; NaN where missing.
    public let labels: Tensor
    /// One standard deviation of each label, `[N, D]`; nil where labels are taken as exact.
    public let errors: Tensor?
    /// Names of the labels.
    public let names: [String]
    /// How messages call the data.
    public let name: String

    /// The fewest rows that a label must be known for.
    public static let leastRows = 50

    /// - Parameters:
    ///   - context: `[B, C]`.
    ///   - labels: `[N, D]`; NaN where missing.
    ///   - errors: one standard deviation each, `[N, D]`; nil where none is known.
    ///   - names: nil numbers the labels: `theta_1`, `theta_2`, …
    ///   - name: how messages call the data.
    /// - Throws: `Diagnostic` where shapes do not fit, contexts are not finite, labels are infinite, a label that
    ///   is known has no error, or a label is known for fewer than 50 rows.
    public init(
        context: Tensor, labels: Tensor, errors: Tensor? = nil, names: [String]? = nil, name: String = "the data"
    ) throws {
        self.context = context.to(.float32)
        self.labels = labels.to(.float32)
        self.errors = errors?.to(.float32)
        self.name = name
        let count = labels.rank == 2 ? labels.size(1) : 0
        self.names = names ?? (0..<count).map { "theta_\($0 + 1)" }
        try check()
    }

    /// Rows.
    public var count: Int { context.size(0) }

    /// 1 where a label is known, else 0, `[N, D]`.
    package var present: Tensor { labels.isnan().logicalNot().to(.float32) }

    private func check() throws {
        func require(_ isFine: Bool, _ field: String, _ problem: @autoclosure () -> String) throws {
            if !isFine { throw Diagnostic(name, field: field, problem: problem()) }
        }
        for (field, tensor) in [("context", context), ("labels", labels)] {
            try require(
                tensor.rank == 2 && tensor.size(1) > 0, field, "has shape \(tensor.shape); give rows and columns")
        }
        try require(
            context.size(0) == labels.size(0), "labels", "\(labels.size(0)) rows for \(context.size(0)) of the context")
        try require(
            names.count == labels.size(1), "labels", "\(labels.size(1)) columns but \(names.count) names; name each")
        if let errors {
            try require(
                errors.shape == labels.shape, "errors", "have shape \(errors.shape), the labels \(labels.shape)")
        }
        if let row = firstRow(context.isfinite()) {
            try require(false, "context", "row \(row) holds a number that is not finite; leave such rows out")
        }
        if let row = firstRow(labels.abs().ne(Double.infinity)) {
            try require(false, "labels", "row \(row) is infinite; give NaN where a label is missing")
        }
        if let errors, let row = firstRow(labels.isnan().logicalOr(errors.ge(0).logicalAnd(errors.isfinite()))) {
            try require(
                false, "errors", "row \(row) has a label without an error of 0 or more; give one, or leave it out")
        }
        let known = present.sum(dims: [0]).doubles()
        for (label, rows) in zip(names, known) where Int(rows) < Self.leastRows {
            try require(
                false, label,
                "is known for \(Int(rows)) rows, at least \(Self.leastRows) are needed; leave it out or give more rows")
        }
    }

    /// The first row in which something does not hold.
    private func firstRow(_ holds: Tensor) -> Int? {
        holds.to(.float32).min(dims: [1]).bools().firstIndex(of: false)
    }

    func rows(_ wanted: [Int]) -> Rows {
        let index = Tensor(wanted.map(Int64.init))
        return Rows(
            context: context.indexSelect(0, index), labels: labels.indexSelect(0, index),
            errors: errors?.indexSelect(0, index))
    }

    /// Some of the rows.
    package struct Rows: Sendable {
        let context: Tensor
        let labels: Tensor
        let errors: Tensor?

        package init(context: Tensor, labels: Tensor, errors: Tensor?) {
            (self.context, self.labels, self.errors) = (context, labels, errors)
        }

        var count: Int { context.size(0) }
        package var present: Tensor { labels.isnan().logicalNot().to(.float32) }

        /// Mean and standard deviation of each label over the rows that have it.
        var labelStatistics: (mean: Tensor, std: Tensor) {
            let (present, exact) = (present.to(.float64), labels.to(.float64))
            let known = exact.where(present.ne(0), 0)
            let rows = present.sum(dims: [0])
            let mean = known.sum(dims: [0]) / rows
            let squares = ((known - mean).square() * present).sum(dims: [0])
            return (mean.to(.float32), Self.spread((squares / (rows - 1).clamp(min: 1)).sqrt()))
        }

        var contextStatistics: (mean: Tensor, std: Tensor) {
            let exact = context.to(.float64)
            return (exact.mean(dims: [0]).to(.float32), Self.spread(exact.std(dim: 0)))
        }

        /// 1 where there is none, so that what is constant stays finite, also where it is not constant one day.
        private static func spread(_ std: Tensor) -> Tensor {
            std.where(std.gt(1e-12), 1).to(.float32)
        }
    }
}
