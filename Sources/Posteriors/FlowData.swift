import Foundation
import Support
import Torch

/// What a flow learns from: labels and the context that they go with, in memory.
public struct FlowData: Sendable {
    /// `[N, C]`, standardised by ``contextScale``.
    public let context: Tensor
    /// `[N, D]`, standardised by ``labelScale``; NaN where missing.
    public let labels: Tensor
    /// One standard deviation of each label, `[N, D]`, in units of ``labelScale``; nil where labels are taken as exact.
    public let errors: Tensor?
    /// What brings contexts to numbers that 32 bits can hold.
    public let contextScale: AffineScale
    /// What brings labels there: a date of 59000.001 keeps its digits, and 10⁻²⁰ is not nothing.
    public let labelScale: AffineScale
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
        self.name = name
        let count = labels.rank == 2 ? labels.size(1) : 0
        self.names = names ?? (0..<count).map { "theta_\($0 + 1)" }
        try Self.check(context, labels, errors, self.names, name)
        let (contexts, scale) = (AffineScale(of: context), AffineScale(of: labels))
        (contextScale, labelScale) = (contexts, scale)
        self.context = contexts.standardised(context)
        self.labels = scale.standardised(labels)
        self.errors = errors.map { ($0.to(.float64) / scale.spreads).to(.float32) }
    }

    private init(_ data: FlowData, context: AffineScale, labels: AffineScale) {
        (name, names, contextScale, labelScale) = (data.name, data.names, context, labels)
        self.context = context.standardised(data.contextScale.raw(data.context))
        self.labels = labels.standardised(data.labelScale.raw(data.labels))
        errors = data.errors.map { ($0.to(.float64) * data.labelScale.spreads / labels.spreads).to(.float32) }
    }

    /// The same rows on the scales of others.
    func scaled(like other: FlowData) -> FlowData {
        FlowData(self, context: other.contextScale, labels: other.labelScale)
    }

    /// Rows.
    public var count: Int { context.size(0) }

    /// 1 where a label is known, else 0, `[N, D]`.
    package var present: Tensor { labels.isnan().logicalNot().to(.float32) }

    private static func check(
        _ context: Tensor, _ labels: Tensor, _ errors: Tensor?, _ names: [String], _ name: String
    ) throws {
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
        let known = labels.isnan().logicalNot().to(.float32).sum(dims: [0]).doubles()
        for (label, rows) in zip(names, known) where Int(rows) < leastRows {
            try require(
                false, label,
                "is known for \(Int(rows)) rows, at least \(leastRows) are needed; leave it out or give more rows")
        }
    }

    /// The first row in which something does not hold.
    private static func firstRow(_ holds: Tensor) -> Int? {
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

/// Centres and spreads of columns, in double: what numbers of any size are brought to order one by, and back.
public struct AffineScale: Codable, Sendable, Hashable {
    /// Of each column.
    public let centre: [Double]
    /// Of each column, above 0.
    public let spread: [Double]

    /// Mean and standard deviation of the known numbers of each column; a column that is constant to rounding keeps its unit.
    init(of rows: Tensor) {
        let exact = rows.to(.float64)
        let known = exact.isnan().logicalNot()
        let count = known.to(.float64).sum(dims: [0]).clamp(min: 1)
        // About a first value, so that squares of what is far from 0 lose nothing.
        let mean = exact.where(known, 0).sum(dims: [0]) / count
        let rest = (exact - mean).where(known, 0)
        let refined = mean + rest.sum(dims: [0]) / count
        let largest = exact.where(known, 0).abs().max(dims: [0]).doubles()
        // Divided first: squares of small numbers vanish.
        let units = largest.map { $0 > 0 ? $0 : 1 }
        let scaled = ((exact - refined).where(known, 0) / Tensor(units)).square().sum(dims: [0])
        let spreads = (scaled / (count - 1).clamp(min: 1)).sqrt().doubles()
        centre = refined.doubles()
        spread = zip(spreads, units).map { $0 > 1e-14 ? $0 * $1 : 1 }
    }

    var centres: Tensor { Tensor(centre) }
    var spreads: Tensor { Tensor(spread) }

    /// Numbers of order one, in 32 bits.
    func standardised(_ rows: Tensor) -> Tensor { ((rows.to(.float64) - centres) / spreads).to(.float32) }

    /// Numbers in their own units, in 64 bits.
    func raw(_ rows: Tensor) -> Tensor { rows.to(.float64) * spreads + centres }
}
