/// Draws samples anew from those there are, group by group: what shares a plate or a star is no independent evidence.
package struct GroupBootstrap {
    /// Places of each group's members, groups in the order of their first.
    private let groups: [[Int]]

    /// - Parameter groups: the group of each sample.
    package init(_ groups: [String]) {
        var places: [String: Int] = [:]
        var members: [[Int]] = []
        for (place, group) in groups.enumerated() {
            if let known = places[group] {
                members[known].append(place)
            } else {
                places[group] = members.count
                members.append([place])
            }
        }
        self.groups = members
    }

    /// Number of groups.
    package var count: Int { groups.count }

    /// Places of as many groups as there are, drawn with replacement.
    package func draw(using random: inout some RandomNumberGenerator) -> [Int] {
        groups.indices.flatMap { _ in groups[Int(random.next() % UInt64(groups.count))] }
    }
}

/// The standard deviation of estimates of resampled data: the bootstrap error; nil for fewer than two.
package func standardError(_ values: [Double]) -> Double? {
    guard values.count > 1 else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
}
