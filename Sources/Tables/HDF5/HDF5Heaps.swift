import Foundation

/// The collections in which an HDF5 file keeps texts of variable length: global heaps
/// (https://docs.hdfgroup.org/hdf5/v1_10/_f_m_t3.html, section III.E).
///
/// libhdf5 (1.10.8) believes the sizes that it finds: it writes beyond its memory where that of an object is too large, and
/// takes any amount of it where a reference claims a long text.
struct HDF5Heaps {
    /// `GCOL`, version 1 and three bytes reserved as zero: numbers spell that hardly ever.
    private static let start = Array("GCOL".utf8) + [1, 0, 0, 0]
    private static let headSize = 16

    /// Sizes of objects by their numbers, for each collection by its place in the file.
    private var collections: [UInt64: [UInt32: Int]] = [:]

    /// Bytes that are looked at before they are let go.
    private static let block = 64 << 20

    /// Whether texts of variable length can be read without harm: objects lie within their collections, and references to them
    /// claim no more than they hold. All of a file is looked at, but little of one that is mapped stays in memory.
    static func areSound(in file: Data) -> Bool {
        file.withUnsafeBytes { bytes in
            var heaps = HDF5Heaps()
            return heaps.collect(bytes) && heaps.referencesAreSound(bytes)
        }
    }

    private mutating func collect(_ bytes: UnsafeRawBufferPointer) -> Bool {
        Self.allBlocks(of: 0..<bytes.count, in: bytes) { block in
            var place = block.lowerBound
            while let base = bytes.baseAddress,
                let found = memchr(base + place, Int32(Self.start[0]), block.upperBound - place)
            {
                place = base.distance(to: UnsafeRawPointer(found))
                let rest = UnsafeRawBufferPointer(rebasing: bytes[place...])
                if rest.starts(with: Self.start) {
                    guard let objects = Self.objects(rest) else { return false }
                    collections[UInt64(place)] = objects
                }
                place += 1
            }
            return true
        }
    }

    /// Whether `isSound` holds of all blocks of some places, each of which is let go when it was looked at.
    private static func allBlocks(
        of places: Range<Int>, in bytes: UnsafeRawBufferPointer, _ isSound: (Range<Int>) -> Bool
    ) -> Bool {
        for start in stride(from: places.lowerBound, to: places.upperBound, by: block) {
            guard isSound(start..<min(start + block, places.upperBound)) else { return false }
            // Whole pages of a mapped file come back when they are wanted again; memory of another kind would be lost.
            let page = start / block * block
            guard let base = bytes.baseAddress, UInt(bitPattern: base) % UInt(getpagesize()) == 0 else { continue }
            madvise(UnsafeMutableRawPointer(mutating: base + page), min(block, bytes.count - page), MADV_DONTNEED)
        }
        return true
    }

    /// - Parameter bytes: from the beginning of a collection to the end of the file.
    /// - Returns: nil where an object reaches beyond it.
    private static func objects(_ bytes: UnsafeRawBufferPointer) -> [UInt32: Int]? {
        func length(_ place: Int) -> Int { Int(clamping: bytes.number(at: place, as: UInt64.self)) }
        guard bytes.count >= headSize, case let end = length(8), end >= headSize, end <= bytes.count else { return nil }
        var objects: [UInt32: Int] = [:]
        var place = headSize
        // An object: its number, how often it is used, four bytes reserved, its size; then its bytes, up to a multiple of 8.
        while end - place >= headSize {
            let (room, size) = (end - place, length(place + 8))
            let number = bytes.number(at: place, as: UInt16.self)
            // Number 0 is what is free, its head included.
            if number == 0 { return size <= room ? objects : nil }
            guard size <= room - headSize else { return nil }
            objects[UInt32(number)] = size
            place += headSize + (size + 7) / 8 * 8
        }
        return objects
    }

    /// A reference, wherever it stands: a length of 4 bytes, the place of a collection, the number of an object.
    private func referencesAreSound(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = collections.keys.min(), let last = collections.keys.max(), bytes.count >= 16 else {
            return true
        }
        // Bytes of zeros that a place must end with, being no more than the last: a byte that is none ends no such place, nor do
        // those that begin within as many bytes behind it.
        let zeros = last.leadingZeroBitCount / 8
        return Self.allBlocks(of: 4..<bytes.count - 11, in: bytes) { block in
            var place = block.lowerBound
            while place < block.upperBound {
                let here = place
                guard zeros == 0 || bytes[here + 7] == 0 else {
                    place += zeros
                    continue
                }
                place += 1
                let address = bytes.number(at: here, as: UInt64.self)
                guard address >= first, address <= last,
                    let size = collections[address]?[bytes.number(at: here + 8, as: UInt32.self)]
                else { continue }
                guard Int(bytes.number(at: here - 4, as: UInt32.self)) == size else { return false }
            }
            return true
        }
    }
}

extension UnsafeRawBufferPointer {
    /// A number that begins anywhere, lowest byte first.
    fileprivate func number<Number: FixedWidthInteger & BitwiseCopyable>(at place: Int, as _: Number.Type) -> Number {
        Number(littleEndian: loadUnaligned(fromByteOffset: place, as: Number.self))
    }
}
