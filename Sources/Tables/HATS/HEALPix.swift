import Foundation

/// A cell of the sphere: HEALPix, nested (Górski et al. 2005, ApJ 622, 759). Cells of one order have equal areas; each is made of
/// four of the next.
///
/// Written here since libchealpix, the only library in C, comes under the GPL.
public struct HEALPixCell: Hashable, Comparable, Sendable {
    /// The finest order of 64-bit numbers, cells of 0.4 mas: that of the column `_healpix_29`.
    public static let finest = 29

    /// From 0, the twelve cells of the whole sphere, to ``finest``.
    public var order: Int
    /// Among the cells of its order, nested.
    public var index: Int

    /// A cell by its number.
    public init(order: Int, index: Int) { (self.order, self.index) = (order, index) }

    /// The cell that holds a place.
    /// - Parameters:
    ///   - ra: right ascension, degrees; any turn.
    ///   - dec: declination, degrees; nil is returned beyond the poles, and for what is not finite.
    ///   - order: of the cell.
    public init?(ra: Double, dec: Double, order: Int = finest) {
        guard ra.isFinite, abs(dec) <= 90 else { return nil }
        let size = 1 << order
        let z = sin(dec * .pi / 180)
        // In quarters of a turn, 0 ..< 4.
        var turn = (ra / 90).truncatingRemainder(dividingBy: 4)
        if turn < 0 { turn += 4 }
        if turn >= 4 { turn = 0 }
        func cell(_ value: Double) -> Int { min(max(Int(value), 0), size - 1) }
        let face: Int, x: Int, y: Int
        if abs(z) <= 2 / 3 {
            // Equatorial: lines of constant x and y are straight in (longitude, z).
            let rising = Double(size) * (0.5 + turn)
            let level = Double(size) * z * 0.75
            let (down, up) = (Int(rising - level), Int(rising + level))
            let (downFace, upFace) = (down >> order, up >> order)
            face = downFace == upFace ? downFace & 3 | 4 : downFace < upFace ? downFace & 3 : upFace & 3 + 8
            (x, y) = (up & (size - 1), size - 1 - down & (size - 1))
        } else {
            let quarter = min(Int(turn), 3)
            let within = turn - Double(quarter)
            // √(3(1 − |z|)) without the digits that cancel near a pole.
            let reach = Double(size) * 6.0.squareRoot() * sin((90 - abs(dec)) * .pi / 360)
            let (right, left) = (cell(within * reach), cell((1 - within) * reach))
            face = z >= 0 ? quarter : quarter + 8
            (x, y) = z >= 0 ? (size - 1 - left, size - 1 - right) : (right, left)
        }
        self.init(order: order, index: face << (2 * order) | Self.spread(x) | Self.spread(y) << 1)
    }

    /// Its middle, degrees.
    public var place: (ra: Double, dec: Double) {
        let size = 1 << order
        let (face, within) = (index >> (2 * order), index & (1 << (2 * order) - 1))
        let (x, y) = (Self.gathered(within), Self.gathered(within >> 1))
        // Rings from the north pole, in units of cells.
        let ring = (2 + face / 4) * size - x - y - 1
        let middle = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7][face]
        // Rings from the nearer pole, where cells of a ring are fewer.
        let cap = ring < size ? ring : ring > 3 * size ? 4 * size - ring : 0
        let width = cap > 0 ? cap : size
        var place = middle * width + x - y
        if place < 0 { place += 8 * width }
        let ra = 45 * Double(place) / Double(width)
        guard cap > 0 else { return (ra, asin(Double(2 * size - ring) * 2 / (3 * Double(size))) * 180 / .pi) }
        // By half the angle from the pole, which keeps its digits.
        let angle = 2 * asin(Double(cap) / (6.0.squareRoot() * Double(size))) * 180 / .pi
        return (ra, ring < size ? 90 - angle : angle - 90)
    }

    /// The cell of a coarser order that it lies in.
    public func within(order coarser: Int) -> HEALPixCell {
        HEALPixCell(order: coarser, index: index >> (2 * (order - coarser)))
    }

    /// Whether another cell of its order or a finer one lies in it.
    public func contains(_ other: HEALPixCell) -> Bool { other.order >= order && other.within(order: order) == self }

    /// By their place along the nested curve; of two that begin together, the larger first.
    public static func < (a: HEALPixCell, b: HEALPixCell) -> Bool {
        let own = a.index << (2 * (finest - a.order)), other = b.index << (2 * (finest - b.order))
        return (own, a.order) < (other, b.order)
    }

    /// Bits 0, 1, 2, … at 0, 2, 4, ….
    private static func spread(_ value: Int) -> Int {
        var bits = value & 0xffff_ffff
        for (shift, mask) in steps.reversed() { bits = (bits | bits << shift) & mask }
        return bits
    }

    /// Bits 0, 2, 4, … at 0, 1, 2, ….
    private static func gathered(_ value: Int) -> Int {
        var bits = value & 0x5555_5555_5555_5555
        for (step, (shift, _)) in steps.enumerated() {
            bits = (bits | bits >> shift) & (step + 1 < steps.count ? steps[step + 1].1 : 0xffff_ffff)
        }
        return bits
    }

    private static let steps: [(Int, Int)] = [
        (1, 0x5555_5555_5555_5555), (2, 0x3333_3333_3333_3333), (4, 0x0f0f_0f0f_0f0f_0f0f), (8, 0x00ff_00ff_00ff_00ff),
        (16, 0x0000_ffff_0000_ffff),
    ]
}
