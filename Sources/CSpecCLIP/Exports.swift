import CSpecCLIPHeader
import Foundation
import Support
import Torch

// The functions of specclip.h. What they hand out is owned by the caller: `Unmanaged` counts it until it comes back.

/// `specclip_abi`: the version of the header that this library was built from.
@_cdecl("specclip_abi")
public func abi() -> Int32 { Int32(specclip_abi_version) }

/// `specclip_version`: versions of this library and of libtorch, as JSON.
@_cdecl("specclip_version")
public func version() -> UnsafeMutablePointer<CChar>? {
    struct Versions: Encodable {
        let specclip = Release.version
        let libtorch = TorchRuntime.version
        let capability = TorchRuntime.cpuCapability
        let threads = TorchRuntime.threads
    }
    return strdup((try? JSONText.encode(Versions(), pretty: false)) ?? "{}")
}

/// `specclip_make`: makes what `kind` names.
/// - Parameters:
///   - kind: of ``LibraryObjects``.
///   - options: JSON.
///   - arguments: arrays by name.
///   - count: of them.
///   - object: takes what was made.
///   - message: takes what went wrong.
@_cdecl("specclip_make")
public func make(
    _ kind: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?, _ arguments: UnsafePointer<specclip_argument>?,
    _ count: Int64, _ object: UnsafeMutablePointer<OpaquePointer?>?,
    _ message: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
    object?.pointee = nil
    return status(message) {
        let made = try LibraryObjects.make(text(kind), Options(text(options)), Arguments(arguments, count))
        object?.pointee = OpaquePointer(Unmanaged.passRetained(made as AnyObject).toOpaque())
    }
}

/// `specclip_call`: asks `object` a question.
/// - Parameters:
///   - object: of ``make(_:_:_:_:_:_:)``.
///   - question: that it answers.
///   - options: JSON.
///   - arguments: arrays by name.
///   - count: of them.
///   - tables: takes the answer.
///   - message: takes what went wrong.
@_cdecl("specclip_call")
public func call(
    _ object: OpaquePointer?, _ question: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?,
    _ arguments: UnsafePointer<specclip_argument>?, _ count: Int64,
    _ tables: UnsafeMutablePointer<OpaquePointer?>?,
    _ message: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
    tables?.pointee = nil
    return status(message) {
        guard let object,
            let asked = Unmanaged<AnyObject>.fromOpaque(UnsafeRawPointer(object)).takeUnretainedValue()
                as? any LibraryObject
        else { throw Diagnostic("specclip_call", problem: "was given no object", remedy: "make one first") }
        let options = try Options(text(options))
        let answer = try asked.answer(text(question), options, Arguments(arguments, count))
        try options.finish()
        tables?.pointee = OpaquePointer(Unmanaged.passRetained(LibraryTables(answer)).toOpaque())
    }
}

/// `specclip_interrupt`: asks what is being learned to stop, or takes that back.
/// - Parameter isAsked: 1 or 0.
@_cdecl("specclip_interrupt")
public func interrupt(_ isAsked: Int32) { Interruption.request(isAsked != 0) }

/// `specclip_column_count`: columns of all tables.
@_cdecl("specclip_column_count")
public func columnCount(_ tables: OpaquePointer?) -> Int64 { Int64(LibraryTables.at(tables)?.columns.count ?? 0) }

/// `specclip_column_at`: one column.
/// - Parameters:
///   - tables: an answer.
///   - index: from 0.
@_cdecl("specclip_column_at")
public func columnAt(_ tables: OpaquePointer?, _ index: Int64) -> specclip_column {
    guard let columns = LibraryTables.at(tables)?.columns, columns.indices.contains(Int(clamping: index)) else {
        return specclip_column()
    }
    return columns[Int(index)]
}

/// `specclip_free_object`.
@_cdecl("specclip_free_object")
public func freeObject(_ object: OpaquePointer?) {
    object.map { Unmanaged<AnyObject>.fromOpaque(UnsafeRawPointer($0)).release() }
}

/// `specclip_free_tables`.
@_cdecl("specclip_free_tables")
public func freeTables(_ tables: OpaquePointer?) {
    tables.map { Unmanaged<LibraryTables>.fromOpaque(UnsafeRawPointer($0)).release() }
}

/// `specclip_free_text`.
@_cdecl("specclip_free_text")
public func freeText(_ text: UnsafeMutablePointer<CChar>?) { free(text) }

/// Errors as values.
private func status(
    _ message: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ body: () throws -> Void
) -> Int32 {
    message?.pointee = nil
    do {
        try catchingTorchErrors(body)
        return Int32(specclip_ok.rawValue)
    } catch {
        message?.pointee = strdup(error is Diagnostic ? "\(error)" : error.localizedDescription)
        let code = error is Interrupted ? specclip_interrupted : specclip_bad_input
        return Int32(code.rawValue)
    }
}

private func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
