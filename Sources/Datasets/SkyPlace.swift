import Foundation

/// Where a star stands, degrees (ICRS); not finite where nobody says.
package struct SkyPlace: Sendable, Hashable {
    package var ra: Double, dec: Double

    package init(ra: Double, dec: Double) { (self.ra, self.dec) = (ra, dec) }

    /// Two places within so many degrees are one star: 3″.
    package static let sameStar = 3.0 / 3600

    package var isKnown: Bool { ra.isFinite && abs(dec) <= 90 }

    /// The angle between two places that are near each other, degrees.
    package func distance(to other: SkyPlace) -> Double {
        let turn = abs(other.ra - ra).truncatingRemainder(dividingBy: 360)
        let width = min(turn, 360 - turn) * cos((dec + other.dec) / 2 * .pi / 180)
        return (width * width + (other.dec - dec) * (other.dec - dec)).squareRoot()
    }

    /// Hands over each pair of places, by their numbers, that are within an angle of each other, degrees.
    package static func forEachPair(of places: [SkyPlace], within angle: Double, _ body: (Int, Int) -> Void) {
        let order = places.indices.filter { places[$0].isKnown }.sorted { places[$0].dec < places[$1].dec }
        for (position, i) in order.enumerated() {
            for j in order[(position + 1)...] {
                guard places[j].dec - places[i].dec <= angle else { break }
                if places[i].distance(to: places[j]) <= angle { body(i, j) }
            }
        }
    }
}

extension SkyPlace {
    /// Groups that share a star become one, under the first name.
    /// - Parameters:
    ///   - groups: the group of each place.
    ///   - places: those that are not known join no other.
    ///   - radius: degrees within which two places are one; what is near to one of a group belongs to it (friends of friends).
    package static func joined(_ groups: [String], at places: [SkyPlace], within radius: Double = sameStar) -> [String]
    {
        var parent: [String: String] = [:]
        func root(_ name: String) -> String {
            var name = name
            while let next = parent[name], next != name { name = next }
            return name
        }
        forEachPair(of: places, within: radius) { i, j in
            let (one, two) = (root(groups[i]), root(groups[j]))
            if one != two { parent[max(one, two)] = min(one, two) }
        }
        return groups.map(root)
    }
}

/// Places that are asked which of them are near another.
package struct SkyIndex: Sendable {
    private let sorted: [(place: SkyPlace, number: Int)]

    package init(_ places: [SkyPlace]) {
        sorted = places.enumerated().filter { $0.element.isKnown }.map { ($0.element, $0.offset) }
            .sorted { $0.place.dec < $1.place.dec }
    }

    /// Numbers of the places within an angle of another, degrees; the nearest first.
    package func near(_ place: SkyPlace, within angle: Double) -> [Int] {
        guard place.isKnown else { return [] }
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].place.dec < place.dec - angle { low = middle + 1 } else { high = middle }
        }
        var found: [(distance: Double, number: Int)] = []
        for entry in sorted[low...] {
            guard entry.place.dec <= place.dec + angle else { break }
            let distance = entry.place.distance(to: place)
            if distance <= angle { found.append((distance, entry.number)) }
        }
        return found.sorted { $0.distance < $1.distance }.map(\.number)
    }
}
