/// Everything the one-page portrait of a star shows, as plain values. Parts that are missing leave no gap.
///
/// Wavelengths are vacuum wavelengths in Å. Arrays of one part are equally long; NaN marks pixels without a value.
public struct Card: Sendable {
    /// A spectrum as it was read.
    public struct Observed: Sendable {
        /// Wavelength in Å, increasing.
        public var wavelength: [Double]
        /// Flux in `fluxUnit`.
        public var flux: [Double]
        /// The fitted continuum in `fluxUnit`, on the same pixels.
        public var continuum: [Double]?
        /// Pixels that are masked or bad.
        public var bad: [Bool]?
        /// Unit of the flux, "relative" if it is not calibrated.
        public var fluxUnit: String

        /// A spectrum as it was read.
        public init(
            wavelength: [Double], flux: [Double], continuum: [Double]? = nil, bad: [Bool]? = nil,
            fluxUnit: String = "relative"
        ) {
            self.wavelength = wavelength
            self.flux = flux
            self.continuum = continuum
            self.bad = bad
            self.fluxUnit = fluxUnit
        }
    }

    /// The spectrum as the model sees it.
    public struct ModelInput: Sendable {
        /// Wavelength in Å, increasing.
        public var wavelength: [Double]
        /// Normalised flux.
        public var flux: [Double]
        /// The model's own reconstruction of it.
        public var reconstruction: [Double]?
        /// Pixels that were bad and filled in.
        public var bad: [Bool]?
        /// What the flux was divided by, such as "continuum" or "flux at 5500 Å".
        public var normalisation: String

        /// The spectrum as the model sees it.
        public init(
            wavelength: [Double], flux: [Double], reconstruction: [Double]? = nil, bad: [Bool]? = nil,
            normalisation: String = "continuum"
        ) {
            self.wavelength = wavelength
            self.flux = flux
            self.reconstruction = reconstruction
            self.bad = bad
            self.normalisation = normalisation
        }
    }

    /// The spectrum that another instrument would see, predicted.
    public struct Translation: Sendable {
        /// The other instrument's title, such as "Gaia XP".
        public var instrument: String
        /// Wavelength in Å, increasing.
        public var wavelength: [Double]
        /// Predicted flux, normalised as that instrument's spectra are.
        public var flux: [Double]
        /// One standard deviation of the prediction.
        public var error: [Double]?
        /// Spectra that the star may have, drawn from all that are possible.
        public var samples: [[Double]]
        /// What that instrument did observe, on the same pixels.
        public var observed: [Double]?
        /// What the flux was divided by, such as "continuum" or "flux at 5500 Å".
        public var normalisation: String

        /// A predicted spectrum.
        public init(
            instrument: String, wavelength: [Double], flux: [Double], error: [Double]? = nil,
            samples: [[Double]] = [], observed: [Double]? = nil, normalisation: String
        ) {
            self.instrument = instrument
            self.wavelength = wavelength
            self.flux = flux
            self.error = error
            self.samples = samples
            self.observed = observed
            self.normalisation = normalisation
        }
    }

    /// One line of the parameter table.
    public struct Parameter: Sendable {
        /// Symbol, such as ``PlotText`` "log g".
        public var symbol: PlotText
        /// The value in `unit`.
        public var value: Double
        /// One standard deviation in `unit`.
        public var error: Double?
        /// Unit, such as "K" or "dex".
        public var unit: String
        /// Digits shown after the decimal point.
        public var decimals: Int

        /// One line of the parameter table.
        public init(symbol: PlotText, value: Double, error: Double? = nil, unit: String, decimals: Int) {
            self.symbol = symbol
            self.value = value
            self.error = error
            self.unit = unit
            self.decimals = decimals
        }

        /// Effective temperature in K.
        public static func effectiveTemperature(_ value: Double, error: Double? = nil) -> Parameter {
            Parameter(symbol: .effectiveTemperature, value: value, error: error, unit: "K", decimals: 0)
        }

        /// Surface gravity, log10 of cm s⁻², in dex.
        public static func surfaceGravity(_ value: Double, error: Double? = nil) -> Parameter {
            Parameter(symbol: .surfaceGravity, value: value, error: error, unit: "dex", decimals: 2)
        }

        /// Metallicity [Fe/H] in dex.
        public static func metallicity(_ value: Double, error: Double? = nil) -> Parameter {
            Parameter(symbol: .metallicity, value: value, error: error, unit: "dex", decimals: 2)
        }
    }

    /// The star's place among others in the (Teff, log g) plane.
    public struct Kiel: Sendable {
        /// Effective temperature in K.
        public var teff: Double
        /// Surface gravity in dex.
        public var logg: Double
        /// One standard deviation of `teff` in K.
        public var teffError: Double?
        /// One standard deviation of `logg` in dex.
        public var loggError: Double?
        /// Effective temperatures of the training stars in K, drawn in grey.
        public var backgroundTeff: [Double]
        /// Surface gravities of the training stars in dex.
        public var backgroundLogg: [Double]

        /// A place in the Kiel diagram.
        public init(
            teff: Double, logg: Double, teffError: Double? = nil, loggError: Double? = nil,
            backgroundTeff: [Double] = [],
            backgroundLogg: [Double] = []
        ) {
            self.teff = teff
            self.logg = logg
            self.teffError = teffError
            self.loggError = loggError
            self.backgroundTeff = backgroundTeff
            self.backgroundLogg = backgroundLogg
        }
    }

    /// A star whose embedding is near.
    public struct Neighbour: Sendable {
        /// Its source id.
        public var sourceID: String
        /// Cosine similarity of the embeddings.
        public var similarity: Double
        /// Its effective temperature in K, if known.
        public var teff: Double?
        /// Its surface gravity in dex, if known.
        public var logg: Double?
        /// Its metallicity in dex, if known.
        public var feH: Double?
        /// Its spectrum on ``Card/neighbourWavelength``, normalised.
        public var flux: [Double]?

        /// A star whose embedding is near.
        public init(
            sourceID: String, similarity: Double, teff: Double? = nil, logg: Double? = nil, feH: Double? = nil,
            flux: [Double]? = nil
        ) {
            self.sourceID = sourceID
            self.similarity = similarity
            self.teff = teff
            self.logg = logg
            self.feH = feH
            self.flux = flux
        }
    }

    /// What the card is about: the file's name.
    public var title: String
    /// The star's source id.
    public var sourceID: String?
    /// Right ascension in degrees, ICRS.
    public var rightAscension: Double?
    /// Declination in degrees, ICRS.
    public var declination: Double?
    /// Signal-to-noise ratio.
    public var signalToNoise: Double?
    /// The instrument's title, such as "LAMOST LRS".
    public var instrument: String
    /// The model's name.
    public var model: String?
    /// Tier of the data that the model was trained on, such as "semi-synthetic pairs".
    public var dataTier: String?
    /// The spectrum as read.
    public var observed: Observed?
    /// The spectrum as the model sees it.
    public var modelInput: ModelInput?
    /// The spectrum that the other instrument would see.
    public var translation: Translation?
    /// The parameter table.
    public var parameters: [Parameter] = []
    /// Quality flags in words; empty when nothing is odd.
    public var flags: [String] = []
    /// The place in the Kiel diagram.
    public var kiel: Kiel?
    /// Nearest neighbours, best first.
    public var neighbours: [Neighbour] = []
    /// Where the neighbours come from, such as "Gaia XP, test split".
    public var neighbourSource: String?
    /// Wavelength in Å of the neighbours' spectra and of `neighbourReference`.
    public var neighbourWavelength: [Double]?
    /// The star's own spectrum (or its prediction) to compare the neighbours' spectra with, normalised like theirs.
    public var neighbourReference: [Double]?

    /// A card with its header; the parts are set afterwards.
    public init(title: String, instrument: String) {
        self.title = title
        self.instrument = instrument
    }
}

extension PlotText {
    /// T_eff.
    public static let effectiveTemperature = PlotText("T", .italic) + PlotText("eff", .subscript)
    /// log g.
    public static let surfaceGravity = PlotText("log ") + PlotText("g", .italic)
    /// [Fe/H].
    public static let metallicity = PlotText("[Fe/H]")
}
