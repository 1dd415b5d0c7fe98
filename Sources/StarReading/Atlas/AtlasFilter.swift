import Datasets
import Foundation
import Support
import Torch

/// Which known stars may be found.
public struct AtlasFilter: Sendable {
    /// What columns have to be.
    public var conditions: [LabelCondition]
    /// A place in the sky and how far from it, degrees.
    public var cone: (ra: Double, dec: Double, radius: Double)?

    /// Conditions, all of which are to be met.
    public init(_ conditions: [LabelCondition] = [], cone: (ra: Double, dec: Double, radius: Double)? = nil) {
        (self.conditions, self.cone) = (conditions, cone)
    }

    /// Which rows meet it, `[N]`; nil for all.
    /// - Throws: `Diagnostic` for columns that are not known.
    func allowed(_ part: AtlasPart) throws -> Tensor? {
        var allowed: Tensor?
        func and(_ mask: Tensor) { allowed = allowed.map { $0.logicalAnd(mask) } ?? mask }
        for condition in conditions {
            let values = try part.column(condition.label)
            try catchingTorchErrors {
                switch condition.comparison {
                case .atLeast: and(values.ge(condition.number))
                case .atMost: and(values.le(condition.number))
                case .above: and(values.gt(condition.number))
                case .below: and(values.lt(condition.number))
                }
            }
        }
        guard let cone else { return allowed }
        let radians = Double.pi / 180
        let (ra, dec) = (try part.column("ra"), try part.column("dec"))
        try catchingTorchErrors {
            // By the chord, which tells small angles as well as large ones.
            let (a, d) = (ra.to(.float64) * radians, dec.to(.float64) * radians)
            let x = d.cos() * a.cos() - cos(cone.dec * radians) * cos(cone.ra * radians)
            let y = d.cos() * a.sin() - cos(cone.dec * radians) * sin(cone.ra * radians)
            let z = d.sin() - sin(cone.dec * radians)
            let chord = 2 * sin(min(cone.radius, 180) * radians / 2)
            and((x.square() + y.square() + z.square()).le(chord * chord))
        }
        return allowed
    }
}
