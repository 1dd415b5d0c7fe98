import Foundation

/// A place on the sky, degrees (ICRS); NaN where it is not known.
package struct SkyPlace: Sendable, Hashable {
    /// Right ascension and declination.
    package var ra: Double, dec: Double

    package init(ra: Double, dec: Double) {
        self.ra = ra
        self.dec = dec
    }

    /// Two places within so many arcseconds are one star.
    package static let sameStar = 3.0

    /// Groups that share a star become one, under the first name.
    /// - Parameters:
    ///   - groups: the group of each place.
    ///   - places: those that are not known join no other.
    ///   - radius: arcseconds within which two places are one; what is near to one of a group belongs to it (friends of
    ///     friends).
    package static func joined(_ groups: [String], at places: [SkyPlace], within radius: Double = sameStar) -> [String]
    {
        var parent: [String: String] = [:]
        func root(_ name: String) -> String {
            var name = name
            while let next = parent[name], next != name { name = next }
            return name
        }
        let degrees = radius / 3600
        let order = places.indices.filter { places[$0].ra.isFinite && places[$0].dec.isFinite }
            .sorted { places[$0].dec < places[$1].dec }
        for (position, i) in order.enumerated() {
            for j in order[(position + 1)...] {
                guard places[j].dec - places[i].dec <= degrees else { break }
                let turn = abs(places[j].ra - places[i].ra).truncatingRemainder(dividingBy: 360)
                let width = min(turn, 360 - turn) * cos(places[i].dec * .pi / 180)
                guard width * width + pow(places[j].dec - places[i].dec, 2) <= degrees * degrees else { continue }
                let (one, two) = (root(groups[i]), root(groups[j]))
                if one != two { parent[max(one, two)] = min(one, two) }
            }
        }
        return groups.map(root)
    }
}
