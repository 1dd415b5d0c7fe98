import Spectra

extension StarReader {
    /// What was read from each star, however often and by whatever instruments it was observed.
    ///
    /// Visits by one instrument that agree are averaged at rest and read as one spectrum; posteriors of instruments are
    /// multiplied, with their prior counted once. Observations that contradict each other are not: the star gets the mixture
    /// of what agrees, in which each instrument counts the same, and its visits share that.
    /// - Parameters:
    ///   - stars: one row each.
    ///   - floor: by how much wavelength scales of visits differ, km/s.
    public func read(
        _ stars: [ObservedStar], velocityFloor floor: Double = VisitVelocities.usualFloor
    ) throws -> [StarLabels] {
        let inference = try labelInference()
        let alone = try readings(stars.flatMap(\.observations))
        var first = 0
        let plans = stars.map { star in
            defer { first += star.observations.count }
            return TogetherPlan(star.observations, Array(alone[first..<first + star.observations.count]))
        }
        let coadded = try readings(plans.flatMap(\.coadded))
        var next = 0
        return try zip(stars, plans).map { observed, plan in
            defer { next += plan.coadded.count }
            var star = try plan.labels(by: inference, Array(coadded[next..<next + plan.coadded.count]), floor: floor)
            try putOnScale(&star, instruments: observed.observations.map(\.instrument))
            for visit in star.compared?.alone.indices ?? 0..<0 {
                guard var own = star.compared?.alone[visit] else { continue }
                try putOnScale(&own, instruments: [observed.observations[visit].instrument])
                star.compared?.alone[visit] = own
            }
            return star
        }
    }
}

/// How the observations of a star are read together.
private struct TogetherPlan {
    typealias Part = (reading: LabelInference.Reading, row: Int)

    /// Visits of an instrument that agree.
    private struct Visits {
        var places: [Int]
        var instrument: String
        /// The share of the instrument's visits.
        var share: Double
        /// Which of `coadded` they are; nil for a single one.
        var coadd: Int?
    }

    private let alone: [Part]
    private var visits: [Visits] = []
    private var contradictions: [ComparedObservations.Contradiction] = []
    /// Spectra that are still to be read.
    private(set) var coadded: [Observation] = []

    init(_ observations: [Observation], _ alone: [Part]) {
        self.alone = alone
        var instruments: [Instrument] = []
        for own in observations.map(\.instrument) where !instruments.contains(own) { instruments.append(own) }
        for instrument in instruments {
            let places = observations.indices.filter { observations[$0].instrument == instrument }
            let agreement = Agreement(
                places.count > 1 ? places.map { alone[$0].reading.posterior(of: alone[$0].row) } : [])
            contradictions += agreement.contradictions.map {
                .init(first: [places[$0.first]], second: [places[$0.second]])
            }
            for set in places.count > 1 ? agreement.sets : [[0]] {
                let own = set.map { places[$0] }
                var one = Visits(
                    places: own, instrument: instrument.embeddingKey,
                    share: Double(own.count) / Double(places.count))
                if own.count > 1 {
                    one.coadd = coadded.count
                    coadded.append(
                        .coadded(own.map { observations[$0] }, removing: own.map { Self.shift(alone[$0]) }))
                }
                visits.append(one)
            }
        }
    }

    /// What brings a visit to rest, km/s; 0 where its velocity is not known, or none of a star.
    private static func shift(_ part: Part) -> Double {
        guard let velocity = velocity(part)?.value, abs(velocity) <= RestFrame.fastest else { return 0 }
        return velocity
    }

    private static func velocity(_ part: Part) -> (value: Double, error: Double)? {
        part.reading.stars[part.row].velocity
    }

    /// - Parameter readings: of `coadded`.
    func labels(by inference: LabelInference, _ readings: [Part], floor: Double) throws -> StarLabels {
        guard alone.count > 1 else { return alone[0].reading.stars[alone[0].row] }
        let parts = visits.map { own in own.coadd.map { readings[$0] } ?? alone[own.places[0]] }
        var (star, found) = try inference.combined(
            parts, shares: visits.map(\.share), never: { visits[$0].instrument == visits[$1].instrument })
        let between = found.filter { visits[$0.first].instrument != visits[$0.second].instrument }.map {
            ComparedObservations.Contradiction(first: visits[$0.first].places, second: visits[$0.second].places)
        }
        star.takeAdapted(from: parts.map { $0.reading.stars[$0.row] })
        if !(contradictions + between).isEmpty { star.flags.insert(.instrumentsDisagree) }
        let velocities = VisitVelocities(alone.compactMap(Self.velocity), floor: floor)
        if let velocities { star.replace(velocities) }
        star.compared = ComparedObservations(
            alone: alone.map { $0.reading.stars[$0.row] }, contradictions: contradictions + between,
            velocities: velocities)
        return star
    }
}

extension StarLabels {
    /// The radial velocity with its error, km/s; nil where none is told.
    var velocity: (value: Double, error: Double)? {
        estimates.first { $0.label.name == RadialVelocity.label }
            .flatMap { estimate in estimate.error.map { (estimate.value, $0) } }
    }

    /// Labels that somebody taught the model have no joint posterior: of several instruments that is taken which says it is least off.
    fileprivate mutating func takeAdapted(from parts: [StarLabels]) {
        let own = Set(estimates.map(\.label))
        var best: [StellarLabel: LabelEstimate] = [:]
        for estimate in parts.flatMap(\.estimates) where !own.contains(estimate.label) {
            let error = best[estimate.label]?.error ?? .infinity
            if (estimate.error ?? .infinity) < error { best[estimate.label] = estimate }
        }
        estimates += best.values.sorted { $0.label.name < $1.label.name }
        for part in parts { adaptedFlags.merge(part.adaptedFlags) { $0.union($1) } }
    }

    /// What visits tell of the velocity stands for what their mean spectrum, which was brought to rest, tells.
    fileprivate mutating func replace(_ velocities: VisitVelocities) {
        guard let place = estimates.firstIndex(where: { $0.label.name == RadialVelocity.label }) else { return }
        estimates[place] = LabelEstimate(
            label: estimates[place].label, value: velocities.mean, error: velocities.error,
            interval: velocities.mean - velocities.error...velocities.mean + velocities.error)
    }
}
