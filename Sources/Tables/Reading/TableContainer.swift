import Foundation
import Support

/// What a file of numbers or of a table is, told by its first bytes, never by its name.
package enum TableContainer {
    case npy, npz, hdf5, fits, votable, avro, parquet, text

    /// - Parameter head: the first bytes, unpacked where the file is compressed: 4096, or all of a shorter file.
    package init(head: Data) {
        switch head {
        case _ where head.starts(with: [0x93] + Array("NUMPY".utf8)): self = .npy
        case _ where head.starts(with: [0x50, 0x4b]): self = .npz
        case _ where HDF5File.recognises(head): self = .hdf5
        case _ where FITSFile.recognises(head): self = .fits
        case _ where AvroTable.recognises(head): self = .avro
        case _ where ParquetTable.recognises(head): self = .parquet
        case _ where VOTable.recognises(head): self = .votable
        default: self = .text
        }
    }
}
