import CCFITSIO
import CHDF5
import Foundation
import Torch

/// Versions of the program and of what it stands on.
struct Versions: Encodable {
    let specclip = Version.current
    let swift = Version.swift
    let libtorch = TorchRuntime.version
    /// The instruction set that libtorch's kernels use here.
    let libtorchKernels = TorchRuntime.cpuCapability
    let cfitsio = Self.cfitsioVersion
    let hdf5 = Self.hdf5Version
    let gnuplot = GnuplotProbe.version
    let system = Self.systemVersion

    private static var cfitsioVersion: String {
        var version: Float = 0
        ffvers(&version)
        return String(format: "%.4g", version)
    }

    private static var hdf5Version: String {
        var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
        guard H5get_libversion(&major, &minor, &release) >= 0 else { return "unknown" }
        return "\(major).\(minor).\(release)"
    }

    /// The distribution's own name for itself, else the kernel's.
    private static var systemVersion: String {
        let release = (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8)) ?? ""
        let line = release.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }
        let name = line.map { $0.dropFirst("PRETTY_NAME=".count).trimmingCharacters(in: ["\""]) }
        return name ?? ProcessInfo.processInfo.operatingSystemVersionString
    }
}
