import Support

/// Groups of stars that are never parted: of one plate, one field, or one star.
package struct StarGroups {
    /// Stars of each group.
    let sizes: [String: Int]
    /// The groups, in an order that a seed decides.
    let order: [String]

    /// - Parameter groups: the group of each star.
    package init(_ groups: [String], seed: UInt64) {
        let sizes = groups.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
        self.sizes = sizes
        order = sizes.keys.sorted { (StableHash.unit($0, seed: seed), $0) < (StableHash.unit($1, seed: seed), $1) }
    }

    /// How many there are.
    package var count: Int { sizes.count }

    func size(_ group: String) -> Int { sizes[group] ?? 0 }

    /// The fold of each group, from 1: folds have about as many stars as each other.
    /// - Parameters:
    ///   - count: of the folds.
    ///   - apart: so many groups are in no fold.
    package func folds(_ count: Int, leavingOut apart: Int = 0) -> [String: Int] {
        var filled = [Int](repeating: 0, count: count)
        var places: [String: Int] = [:]
        for group in order.dropFirst(apart) {
            let fold = filled.indices.min { filled[$0] < filled[$1] } ?? 0
            filled[fold] += size(group)
            places[group] = fold + 1
        }
        return places
    }
}
