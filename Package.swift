// swift-tools-version: 6.1
import Foundation
import PackageDescription

// libtorch comes from the PyPI wheel that `make deps` unpacks into the cache, or from a folder the user names.
// Either layout is accepted: a pip target folder (with `torch/` in it) or a plain libtorch (with `lib/` in it).
let environment = Context.environment
let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "") + "/.cache"
let libtorchFolder = environment["LIBTORCH"] ?? cache + "/specclip/libtorch-2.11.0"
let libtorch =
    FileManager.default.fileExists(atPath: libtorchFolder + "/torch/lib")
    ? libtorchFolder + "/torch" : libtorchFolder

let torchHeaders: [CXXSetting] = [
    .unsafeFlags([
        "-isystem", libtorch + "/include",
        "-isystem", libtorch + "/include/torch/csrc/api/include",
        "-Wno-deprecated-declarations",
    ])
]
// Only the CPU libraries are linked; libtorch_cuda is loaded at run time when a CUDA device is asked for.
let torchLibraries: [LinkerSetting] = [
    .unsafeFlags(["-L" + libtorch + "/lib", "-Xlinker", "-rpath", "-Xlinker", libtorch + "/lib"]),
    .linkedLibrary("torch_cpu"),
    .linkedLibrary("c10"),
]

let package = Package(
    name: "swift-specclip",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Torch", targets: ["Torch"]),
        .library(name: "Spectra", targets: ["Spectra"]),
        .library(name: "OrderedBottleneck", targets: ["OrderedBottleneck"]),
        .library(name: "SpecCLIP", targets: ["SpecCLIP", "StellarLabels", "Atlas"]),
        .executable(name: "specclip", targets: ["SpecCLIPCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // C and C++ rooms: nothing above them sees a C++ header.
        .target(
            name: "CTorch",
            // Samples of flows take a hundred times as long unoptimised; tests draw a million.
            // Its vector types never cross a function's boundary that is not inlined: nothing for the ABI to differ in.
            cxxSettings: torchHeaders + [
                .unsafeFlags(["-Wno-psabi"]), .unsafeFlags(["-O2"], .when(configuration: .debug)),
            ],
            linkerSettings: torchLibraries),
        .systemLibrary(
            name: "CCFITSIO", pkgConfig: "cfitsio", providers: [.apt(["libcfitsio-dev"]), .brew(["cfitsio"])]),
        .systemLibrary(
            name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"]), .brew(["hdf5"])]),
        .systemLibrary(name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"]), .brew(["libzip"])]),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"]), .brew(["xz"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .systemLibrary(
            name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"]), .brew(["xxhash"])]),

        // What every room needs and none owns.
        .target(name: "Support", dependencies: ["CXXHash"]),

        .target(name: "Torch", dependencies: ["CTorch", "CZip", "CZlib", "CLZMA"]),
        .target(
            name: "Spectra", dependencies: ["Support", "CCFITSIO", "CHDF5", "CZip", "CZlib"],
            // Continuum fits take minutes unoptimised; the tests fit thousands.
            swiftSettings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .target(name: "Training", dependencies: ["Support", "Torch"]),
        .target(name: "OrderedBottleneck", dependencies: ["Support", "Torch", "Training"]),
        .target(
            name: "SpecCLIP",
            dependencies: [
                "Support", "Torch", "Spectra", "Training", "OrderedBottleneck",
                .product(name: "Yams", package: "Yams"),
            ],
            resources: ["tiny", "small", "paper", "paper-split"].map { .embedInCode("Presets/\($0).yaml") }),
        .target(
            name: "StellarLabels", dependencies: ["Support", "SpecCLIP"],
            // Posteriors of thousands of stars have millions of draws, which take minutes to sort unoptimised.
            swiftSettings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .target(name: "Atlas", dependencies: ["SpecCLIP"]),
        .target(
            name: "Evaluation", dependencies: ["Support", "StellarLabels", "Atlas"],
            swiftSettings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .target(name: "Figures", dependencies: ["Support", "Spectra"]),
        .executableTarget(
            name: "SpecCLIPCommand",
            dependencies: [
                "Support", "SpecCLIP", "Evaluation", "Figures",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // What tests of several rooms share: the numbers of the published code; seeds and margins of what is learned.
        .target(name: "GoldenNumbers", dependencies: ["Torch", "Spectra"], path: "Tests/GoldenNumbers"),
        .testTarget(name: "SupportTests", dependencies: ["Support"]),
        .target(name: "LearnedResults", path: "Tests/LearnedResults"),
        .testTarget(name: "TorchTests", dependencies: ["Torch", "GoldenNumbers"]),
        .testTarget(name: "SpectraTests", dependencies: ["Support", "Spectra", "GoldenNumbers"]),
        .testTarget(name: "TrainingTests", dependencies: ["Training", "LearnedResults"]),
        .testTarget(name: "OrderedBottleneckTests", dependencies: ["OrderedBottleneck", "LearnedResults"]),
        .testTarget(name: "SpecCLIPTests", dependencies: ["SpecCLIP", "GoldenNumbers", "LearnedResults"]),
        .testTarget(name: "StellarLabelsTests", dependencies: ["StellarLabels", "GoldenNumbers", "LearnedResults"]),
        .testTarget(name: "AtlasTests", dependencies: ["Atlas", "GoldenNumbers"]),
        .testTarget(name: "EvaluationTests", dependencies: ["Evaluation", "LearnedResults"]),
        .testTarget(name: "FiguresTests", dependencies: ["Figures"]),
        .testTarget(name: "CommandTests", dependencies: ["SpecCLIPCommand", "GoldenNumbers", "LearnedResults"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
