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

// Apache Arrow, where `make parquet` brought it: a library of its own, loaded at run time by whoever meets a Parquet file.
let arrow = cache + "/specclip/arrow-26.0.1"
let hasParquet = FileManager.default.fileExists(atPath: arrow + "/.complete")
let parquetProducts: [Product] =
    hasParquet ? [.library(name: "SpecCLIPParquet", type: .dynamic, targets: ["ParquetBridge"])] : []
let parquetTargets: [Target] =
    hasParquet
    ? [
        .target(
            name: "ParquetBridge",
            cxxSettings: [.headerSearchPath("../CParquet"), .unsafeFlags(["-isystem", arrow + "/include"])],
            linkerSettings: [
                .unsafeFlags([
                    "-L" + arrow, "-l:libparquet.so.2600", "-l:libarrow.so.2600", "-Xlinker", "-rpath", "-Xlinker",
                    arrow,
                ])
            ])
    ] : []

// The page of `specclip serve` is part of the program; PageFiles+Embedded.swift lists its files as well.
let pageFiles = [
    "api.js", "app.js", "corner.js", "datatable.js", "dom.js", "filter.js", "format.js", "icon.svg",
    "index.html", "intake.js", "keeping.js", "kiel.js", "layers.js", "lines.js", "list.js", "lookalike.js",
    "pieces.js", "plot.js", "range.js", "session.js", "spectra.js", "star.js", "starparts.js", "style.css",
    "table.js", "theme.js", "upload.js",
]

/// A room of the house: a library target with the rooms below it that it uses.
/// - Parameter optimised: optimise in debug builds too, where tests would take minutes otherwise.
func room(
    _ name: String, _ rooms: [String] = [], system: [String] = [], algorithms: Bool = false, optimised: Bool = false
) -> Target {
    var dependencies = (rooms + system).map { Target.Dependency(stringLiteral: $0) }
    if algorithms { dependencies.append(.product(name: "Algorithms", package: "swift-algorithms")) }
    return .target(
        name: name, dependencies: dependencies,
        swiftSettings: optimised ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : [])
}

let package = Package(
    name: "swift-specclip",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Torch", targets: ["Torch"]),
        .library(name: "Spectra", targets: ["Spectra", "Instruments"]),
        .library(name: "OrderedBottleneck", targets: ["OrderedBottleneck"]),
        .library(name: "SpecCLIP", targets: ["SpecCLIP", "StarReading", "PublishedModels"]),
        .executable(name: "specclip", targets: ["SpecCLIPCommand"]),
        // For programs of other languages, Python first: Sources/CSpecCLIPHeader/specclip.h.
        .library(name: "CSpecCLIP", type: .dynamic, targets: ["CSpecCLIP"]),
    ] + parquetProducts,
    dependencies: [
        .package(url: "https://github.com/apple/swift-algorithms", exact: "1.2.1"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        // For `make docs` alone.
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", exact: "1.5.0"),
    ],
    targets: parquetTargets + [
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
        // Debian's bzip2 has no pkg-config file.
        .systemLibrary(name: "CBZip2", providers: [.apt(["libbz2-dev"]), .brew(["bzip2"])]),
        .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"]), .brew(["expat"])]),
        .systemLibrary(
            name: "CAvroLibrary", pkgConfig: "avro-c", providers: [.apt(["libavro-dev"]), .brew(["avro-c"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
        .systemLibrary(
            name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"]), .brew(["xxhash"])]),

        // Tables of Gaia's releases, kept in the program, and the loop that sums their covariances.
        .target(
            name: "GaiaXPTables", exclude: ["tables"],
            cSettings: [.unsafeFlags(["-O3", "-Wno-c23-extensions"])]),

        // The library as C: its header, which the target of the same functions reads as well.
        .systemLibrary(name: "CSpecCLIPHeader"),
        // Parquet as C: types alone, since the library is loaded when it is needed.
        .systemLibrary(name: "CParquet"),
        // Tries files of HDF5 in a process of its own.
        .target(name: "CHDF5Check", dependencies: ["CHDF5"]),
        // Files of Avro from a stream, and its macros as functions.
        .target(name: "CAvro", dependencies: ["CAvroLibrary"]),

        // The rooms, bottom to top: each imports only what stands above it in this list (docs/design-notes.md, "Rooms").
        room("Support", system: ["CXXHash"]),
        // Sorts of draws are loops over single numbers.
        room("Statistics", [], algorithms: true, optimised: true),
        room(
            "Torch", ["Support", "Statistics"], system: ["CTorch", "CZip", "CZlib", "CLZMA"], optimised: true),
        // Text is cut byte by byte, which takes minutes unoptimised.
        .target(
            name: "Tables",
            dependencies: [
                "Support", "Statistics", "CCFITSIO", "CHDF5", "CZip", "CZlib", "CLZMA", "CBZip2", "CZstd", "CExpat",
                "CAvro", "CParquet", "CHDF5Check",
                .product(name: "Yams", package: "Yams"),
            ], swiftSettings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        // Continuum fits take minutes unoptimised; the tests fit thousands.
        room("Spectra", ["Support", "Statistics"], algorithms: true, optimised: true),
        room("Instruments", ["Support", "Statistics", "Tables", "Spectra", "GaiaXPTables"], optimised: true),
        room("Datasets", ["Support", "Statistics", "Tables", "Spectra", "Instruments"]),
        room(
            "Simulation", ["Support", "Statistics", "Tables", "Spectra", "Instruments", "Datasets"],
            system: ["CZip"], algorithms: true, optimised: true),
        room("Training", ["Support", "Torch"], optimised: true),
        room("OrderedBottleneck", ["Support", "Statistics", "Torch", "Training"], optimised: true),
        // Flows are some hundred small operations a step, each of a few calls: unoptimised these take half of the time.
        room("Posteriors", ["Support", "Statistics", "Torch", "Training"], optimised: true),
        .target(
            name: "SpecCLIP",
            dependencies: [
                "Support", "Statistics", "Torch", "Tables", "Spectra", "Instruments", "Datasets", "Simulation",
                "Training",
                "OrderedBottleneck", "Posteriors",
                .product(name: "Yams", package: "Yams"),
            ],
            resources: ["tiny", "small", "small-miles", "paper", "paper-split", "four"].map {
                .embedInCode("Presets/\($0).yaml")
            }),
        // Posteriors of thousands of stars have millions of draws, which take minutes to sort unoptimised.
        room(
            "StarReading",
            [
                "Support", "Statistics", "Torch", "Tables", "Spectra", "Instruments", "Datasets", "Simulation",
                "Training",
                "OrderedBottleneck", "Posteriors", "SpecCLIP",
            ], algorithms: true, optimised: true),
        room(
            "PublishedModels",
            ["Support", "Statistics", "Torch", "Spectra", "Instruments", "Training", "SpecCLIP", "StarReading"]),
        room(
            "Evaluation",
            [
                "Support", "Statistics", "Torch", "Spectra", "Instruments", "Datasets", "Simulation", "Training",
                "OrderedBottleneck",
                "Posteriors", "SpecCLIP", "StarReading",
            ], optimised: true),
        room("Figures", ["Support", "Statistics", "Spectra"]),
        room(
            "Portraits",
            ["Support", "Torch", "Spectra", "Instruments", "Datasets", "SpecCLIP", "StarReading", "Figures"]),
        .target(
            name: "SpecCLIPServer",
            dependencies: [
                "Support", "Statistics", "Torch", "Tables", "Spectra", "Instruments", "Datasets", "SpecCLIP",
                "StarReading", "Figures", "Portraits",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            resources: pageFiles.map { .embedInCode("Page/\($0)") }),
        .target(
            name: "CSpecCLIP",
            dependencies: [
                "Support", "Statistics", "Torch", "Tables", "Spectra", "Instruments", "Datasets", "Training",
                "OrderedBottleneck", "Posteriors", "SpecCLIP", "StarReading", "CSpecCLIPHeader",
            ]),
        .executableTarget(
            name: "SpecCLIPCommand",
            dependencies: [
                "Support", "Statistics", "Torch", "Tables", "Spectra", "Instruments", "Datasets", "Simulation",
                "Training",
                "OrderedBottleneck", "Posteriors", "SpecCLIP", "StarReading", "PublishedModels", "Evaluation",
                "Figures", "Portraits", "SpecCLIPServer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),

        // Programs to read: README's snippet, labels of one's own, and the tutorial. Tests run them.
        .executableTarget(
            name: "read-a-star", dependencies: ["Instruments", "StarReading"], path: "Examples/ReadAStar"),
        .executableTarget(
            name: "own-labels", dependencies: ["Datasets", "Instruments", "StarReading"], path: "Examples/OwnLabels"),
        .executableTarget(
            name: "tutorial",
            dependencies: [
                "Torch", "Spectra", "Instruments", "Datasets", "Simulation", "Training", "SpecCLIP", "StarReading",
            ], path: "Examples/Tutorial"),

        // What tests of several rooms share: the numbers of the published code; seeds and margins of what is learned.
        .target(
            name: "GoldenNumbers", dependencies: ["Torch", "Tables", "Spectra"], path: "Tests/GoldenNumbers"),
        .target(name: "LearnedResults", path: "Tests/LearnedResults"),
        .target(name: "TestFiles", path: "Tests/TestFiles"),
        // What is added from outside, each in one file: nothing else may have to know it.
        .testTarget(
            name: "ExtensionTests",
            dependencies: [
                "Support", "Torch", "Tables", "Spectra", "Instruments", "Datasets", "Training", "SpecCLIP",
                "StarReading",
                "SpecCLIPCommand",
                "LearnedResults", "TestFiles",
            ]),
        .testTarget(name: "SupportTests", dependencies: ["Support"]),
        .testTarget(name: "TorchTests", dependencies: ["Support", "Torch", "GoldenNumbers"]),
        .testTarget(name: "TablesTests", dependencies: ["Support", "Tables", "Spectra", "Instruments", "TestFiles"]),
        .testTarget(
            name: "SpectraTests",
            dependencies: [
                "Support", "Statistics", "Tables", "Spectra", "Instruments", "Datasets", "Simulation", "GoldenNumbers",
                "TestFiles",
            ]),
        .testTarget(
            name: "InstrumentsTests",
            dependencies: ["Support", "Statistics", "Tables", "Spectra", "Instruments", "TestFiles"]),
        .testTarget(
            name: "DatasetsTests",
            dependencies: ["Support", "Tables", "Spectra", "Instruments", "Datasets", "Simulation", "TestFiles"]),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "Support", "Statistics", "Tables", "Spectra", "Instruments", "Datasets", "Simulation", "TestFiles",
            ]),
        .testTarget(
            name: "TrainingTests", dependencies: ["Support", "Torch", "Training", "LearnedResults", "TestFiles"]),
        .testTarget(
            name: "OrderedBottleneckTests",
            dependencies: ["Support", "Torch", "Training", "OrderedBottleneck", "LearnedResults"]),
        .testTarget(
            name: "PosteriorsTests",
            dependencies: ["Support", "Statistics", "Torch", "Tables", "Training", "Posteriors", "LearnedResults"]),
        .testTarget(
            name: "SpecCLIPTests",
            dependencies: [
                "Support", "Torch", "Tables", "Spectra", "Instruments", "Datasets", "Simulation", "Training",
                "OrderedBottleneck", "Posteriors", "SpecCLIP", "PublishedModels", "GoldenNumbers", "LearnedResults",
            ]),
        .testTarget(
            name: "StarReadingTests",
            dependencies: [
                "Support", "Statistics", "Torch", "Spectra", "Instruments", "Datasets", "Simulation", "Training",
                "Posteriors", "SpecCLIP", "StarReading", "GoldenNumbers", "LearnedResults", "TestFiles",
            ]),
        .testTarget(
            name: "PublishedModelsTests",
            dependencies: [
                "Support", "Torch", "Tables", "Spectra", "Instruments", "Training", "SpecCLIP", "StarReading",
                "PublishedModels", "GoldenNumbers",
            ]),
        .testTarget(
            name: "EvaluationTests",
            dependencies: [
                "Support", "Statistics", "Torch", "Spectra", "Instruments", "Datasets", "Simulation",
                "OrderedBottleneck", "Posteriors", "SpecCLIP", "StarReading", "Evaluation", "LearnedResults",
            ]),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Support", "Tables", "Spectra", "Instruments", "StarReading", "SpecCLIPServer", "SpecCLIPCommand",
                "TestFiles",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ]),
        .testTarget(name: "FiguresTests", dependencies: ["Support", "Statistics", "Spectra", "Figures"]),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "TestFiles",
                "Support", "Statistics", "Torch", "Tables", "Spectra", "Instruments", "Datasets", "Simulation",
                "Training", "OrderedBottleneck", "Posteriors", "SpecCLIP", "StarReading", "PublishedModels",
                "Evaluation", "Figures", "SpecCLIPCommand", "GoldenNumbers", "LearnedResults",
            ]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
