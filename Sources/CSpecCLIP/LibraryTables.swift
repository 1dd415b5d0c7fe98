import CSpecCLIPHeader
import Foundation
import Tables

/// Tables in the form of specclip.h, with the memory that their columns point into.
final class LibraryTables {
    private(set) var columns: [specclip_column] = []
    private var blocks: [UnsafeMutableRawPointer] = []

    init(_ tables: [(name: String, table: Table)]) {
        for (name, table) in tables {
            let owner = text(name)
            for column in table.columns {
                var own = specclip_column()
                own.table = owner
                (own.name, own.unit, own.meaning) = (text(column.name), text(column.asciiUnit), text(column.meaning))
                (own.rows, own.width) = (Int64(column.rowCount), 1)
                own.digits = Int32(column.digits ?? -1)
                switch column.values {
                case .integers(let values): (own.kind, own.values) = (specclip_integers, copy(values.map { Int64($0) }))
                case .numbers(let values): (own.kind, own.values) = (specclip_numbers, copy(values))
                case .vectors(let values, let width):
                    (own.kind, own.width, own.values) = (specclip_vectors, Int64(width), copy(values))
                case .text(let values):
                    var (bytes, ends) = ([UInt8](), [Int64]())
                    for value in values {
                        bytes += value.utf8
                        ends.append(Int64(bytes.count))
                    }
                    (own.kind, own.values) = (specclip_texts, copy(bytes))
                    own.ends = copy(ends).map { UnsafePointer($0.assumingMemoryBound(to: Int64.self)) }
                }
                columns.append(own)
            }
        }
    }

    deinit { for block in blocks { free(block) } }

    /// The tables that a handle stands for.
    static func at(_ pointer: OpaquePointer?) -> LibraryTables? {
        pointer.map { Unmanaged<LibraryTables>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
    }

    private func text(_ text: String) -> UnsafePointer<CChar>? {
        copy(Array(text.utf8CString)).map { UnsafePointer($0.assumingMemoryBound(to: CChar.self)) }
    }

    private func copy<Value: BitwiseCopyable>(_ values: [Value]) -> UnsafeRawPointer? {
        let size = values.count * MemoryLayout<Value>.stride
        // A pointer even where there is nothing: what is NULL is missing.
        guard let block = malloc(max(size, 1)) else { return nil }
        values.withUnsafeBytes { if let base = $0.baseAddress { memcpy(block, base, size) } }
        blocks.append(block)
        return UnsafeRawPointer(block)
    }
}
