import Posteriors
import Simulation
import Spectra
import Support
import Training

/// One instrument of a configuration: its encoder, how that is pre-trained, and how it joins the others.
public struct InstrumentConfiguration: Codable, Sendable {
    /// A new instrument's grid and normalisation; absent for the built-in ones.
    public var definition: Instrument?
    /// The foundation model.
    public var encoder: EncoderConfiguration
    /// How it learns from spectra alone.
    public var pretrain: PretrainConfiguration
    /// How it then learns from labels, of one set of stars after the other, say a library's and then a survey's; not at all when
    /// empty.
    public var finetune: [FineTuneConfiguration]
    /// How its features enter the shared embedding.
    public var projection: ProjectionConfiguration
    /// Embedding → own spectrum; none without a reconstruction loss.
    public var decoder: DecoderConfiguration?
    /// Another instrument’s embedding → own spectrum; none without a prediction loss.
    public var crossDecoder: DecoderConfiguration?
    /// The form in which `decoder` gives a spectrum back.
    public var reconstruction: ReconstructionTarget

    enum CodingKeys: String, CodingKey, CaseIterable {
        case definition, encoder, pretrain, finetune, projection, decoder, crossDecoder, reconstruction
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        definition = try fields(.definition, default: nil)
        encoder = try fields.required(.encoder)
        pretrain = try fields(.pretrain, default: PretrainConfiguration())
        finetune = try fields(.finetune, default: nil as OneOrMore<FineTuneConfiguration>?)?.values ?? []
        projection = try fields.required(.projection)
        self.decoder = try fields(.decoder, default: nil)
        crossDecoder = try fields(.crossDecoder, default: nil)
        reconstruction = try fields(.reconstruction, default: .prepared)
    }
}

extension InstrumentConfiguration {
    /// The instrument that the section defines, which bears the section's name.
    func definition(of name: String) -> Instrument? {
        guard var instrument = definition else { return nil }
        // Where the definition names nothing, its name and keys are those of the section.
        guard instrument.name.isEmpty else { return instrument }
        let key = name.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined()
        instrument.name = name
        if instrument.title.isEmpty { instrument.title = name }
        if instrument.dataSetKey.isEmpty { instrument.dataSetKey = key }
        if instrument.embeddingKey.isEmpty { instrument.embeddingKey = key }
        return instrument
    }
}

/// A section, or a list of such sections.
private struct OneOrMore<Section: Codable>: Codable {
    let values: [Section]

    init(from decoder: any Decoder) throws {
        if var list = try? decoder.unkeyedContainer() {
            var values: [Section] = []
            while !list.isAtEnd { values.append(try list.decode(Section.self)) }
            self.values = values
        } else {
            values = [try Section(from: decoder)]
        }
    }

    func encode(to encoder: any Swift.Encoder) throws {
        if values.count == 1 { try values[0].encode(to: encoder) } else { try values.encode(to: encoder) }
    }
}

/// How an encoder learns from spectra alone.
public struct PretrainConfiguration: Codable, Sendable {
    /// Data set; the configuration's own when absent.
    public var data: String?
    /// Batches, steps, rates and stopping.
    public var training: TrainingOptions
    /// How spectra are changed each time they are shown; not at all when absent.
    public var augment: Augmentation?

    enum CodingKeys: String, CodingKey, CaseIterable { case data, training, augment }

    /// The default schedule.
    public init() { training = TrainingOptions() }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        data = try fields(.data, default: nil)
        training = try fields(.training, default: TrainingOptions())
        augment = try fields(.augment, default: nil)
    }
}

/// How an encoder learns from labels, before it is aligned.
public struct FineTuneConfiguration: Codable, Sendable {
    /// Data set; the configuration's own when absent.
    public var data: String?
    /// Names under `labels/` of the data set.
    public var names: [String]
    /// Widths of the hidden layers between the encoder's summary and the labels; they are thrown away afterwards.
    public var hidden: [Int]
    /// Dropout probability behind each of them.
    public var dropout: Double
    /// Dropout probability in the encoder while it learns here, in place of its own: a few hundred stars ask for another than many
    /// thousands. Its own when absent.
    public var encoderDropout: Double?
    /// Degrees of freedom of the Student distribution that labels are taken from: with few, stars whose labels are hard to find or
    /// wrong leave the others in peace. A Gaussian when absent.
    public var degreesOfFreedom: Double?
    /// Factor on the learning rate of the encoder, which knows much already, beside that of the layers behind it.
    public var encoderRate: Double?
    /// Trains the encoder once more without each fold of the stars (label `fold`), so that posteriors are learned from stars that
    /// it has not seen, and calibrated on all of them. No when absent.
    public var crossFit: Bool?
    /// Share of the loss that goes on being the one of pre-training, so that the encoder keeps to know spectra.
    public var pretraining: Double
    /// Batches, steps, rates and stopping.
    public var training: TrainingOptions
    /// How spectra are changed each time they are shown; not at all when absent.
    public var augment: Augmentation?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case data, names, hidden, dropout, encoderDropout, degreesOfFreedom, encoderRate, crossFit, pretraining
        case training, augment
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        data = try fields(.data, default: nil)
        names = try fields(.names, default: ["teff", "logg", "fe_h"])
        hidden = try fields(.hidden, default: [128])
        dropout = try fields(.dropout, default: 0)
        encoderDropout = try fields(.encoderDropout, default: nil)
        degreesOfFreedom = try fields(.degreesOfFreedom, default: nil)
        encoderRate = try fields(.encoderRate, default: nil)
        crossFit = try fields(.crossFit, default: nil)
        pretraining = try fields(.pretraining, default: 0)
        training = try fields(.training, default: TrainingOptions())
        augment = try fields(.augment, default: nil)
        let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
        guard !names.isEmpty, Set(names).count == names.count else {
            throw Diagnostic.invalid(path: "\(path).names", problem: "give at least one label, each once")
        }
        let checks: [(CodingKeys, Double, Bool, String)] = [
            (.pretraining, pretraining, pretraining >= 0, "0 or more"),
            (.dropout, dropout, (0..<1).contains(dropout), "0 or more, below 1"),
            (.encoderDropout, encoderDropout ?? 0, (0..<1).contains(encoderDropout ?? 0), "0 or more, below 1"),
            (.degreesOfFreedom, degreesOfFreedom ?? 1, (1...1000).contains(degreesOfFreedom ?? 1), "1 to 1000"),
            (.encoderRate, encoderRate ?? 1, (0...1).contains(encoderRate ?? 1), "0 to 1"),
        ]
        for (key, value, isFine, wanted) in checks where !isFine {
            throw Diagnostic.invalid(path: "\(path).\(key.rawValue)", problem: "\(value); give \(wanted)")
        }
    }
}

/// How instruments are aligned.
public struct AlignConfiguration: Codable, Sendable {
    /// Data set; the configuration's own when absent.
    public var data: String?
    /// The losses and their weights.
    public var objective: AlignmentObjective
    /// Batches, steps, rates and stopping.
    public var training: TrainingOptions

    enum CodingKeys: String, CodingKey, CaseIterable { case data, objective, training }

    /// The published objective with the default schedule.
    public init() {
        objective = AlignmentObjective()
        training = TrainingOptions()
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        data = try fields(.data, default: nil)
        objective = try fields(.objective, default: AlignmentObjective())
        training = try fields(.training, default: TrainingOptions())
    }
}

/// The label heads, one per instrument.
public struct LabelsConfiguration: Codable, Sendable {
    /// Label heads by instrument name.
    public var heads: [String: LabelHeadConfiguration]

    enum CodingKeys: String, CodingKey, CaseIterable { case heads }

    /// No label heads.
    public init() { heads = [:] }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        heads = try fields(.heads, default: [:])
    }
}

/// One label head: which labels, how wide, how trained.
public struct LabelHeadConfiguration: Codable, Sendable {
    /// Data set; the configuration's own when absent.
    public var data: String?
    /// Names under `labels/` of the data set.
    public var names: [String]
    /// Whose labels they are, such as `LASP`: told with the model, since surveys differ.
    public var scale: String?
    /// Widths of the hidden layers of a Gaussian head.
    public var hidden: [Int]
    /// Dropout probability of a Gaussian head while training.
    public var dropout: Double
    /// Learns the joint posterior of all labels with this flow; absent, each label is a Gaussian.
    public var posterior: FlowConfiguration?
    /// Flows that are trained from different seeds and read together.
    public var ensembleSize: Int
    /// How spectra are changed each time they are shown to a posterior; not at all when absent.
    public var augment: Augmentation?
    /// Changed spectra that a posterior learns from, at least: a small data set is shown several times.
    public var spectra: Int
    /// Batches, steps, rates and stopping.
    public var training: TrainingOptions

    enum CodingKeys: String, CodingKey, CaseIterable {
        case data, names, scale, hidden, dropout, posterior, ensembleSize, augment, spectra, training
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self, former: ["members"])
        data = try fields(.data, default: nil)
        names = try fields(.names, default: ["teff", "logg", "fe_h"])
        scale = try fields(.scale, default: nil)
        hidden = try fields(.hidden, default: [256, 128])
        dropout = try fields(.dropout, default: 0.1)
        posterior = try fields(.posterior, default: nil)
        ensembleSize = try fields(.ensembleSize, default: 1, formerly: "members")
        augment = try fields(.augment, default: nil)
        spectra = try fields(.spectra, default: 0)
        training = try fields(.training, default: TrainingOptions())
        let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
        guard (1...32).contains(ensembleSize) else {
            throw Diagnostic.invalid(path: "\(path).ensembleSize", problem: "\(ensembleSize); give 1 to 32")
        }
        guard (0...10_000_000).contains(spectra) else {
            throw Diagnostic.invalid(path: "\(path).spectra", problem: "\(spectra); give 0 to 10 million")
        }
    }
}
