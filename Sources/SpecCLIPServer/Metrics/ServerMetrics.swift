import Metrics

/// What a server counts and times.
struct ServerMetrics: Sendable {
    let prometheus = PrometheusMetrics(
        help: [
            "specclip_requests_total": "Requests that were answered, by method, path and status.",
            "specclip_request_seconds": "Time from the head of a request to the head of its answer.",
            "specclip_spectra_total": "Spectra that went through the model for labels.",
            "specclip_pass_spectra": "Spectra that were read together.",
            "specclip_pass_requests": "Requests whose spectra were read together.",
            "specclip_waiting_requests": "Requests that no thread has begun with.",
            "specclip_engine_queue": "Questions that wait for the model.",
            "specclip_bytes_in_flight": "Bytes of requests that are taken in or worked on.",
            "specclip_connections": "Connections.", "specclip_sessions": "Sessions.",
            "specclip_session_bytes": "Bytes that the stars of sessions take.",
        ],
        bounds: ["specclip_pass_spectra": powers, "specclip_pass_requests": powers])

    private static let powers = (0...8).map { Double(1 << $0) }

    /// A request was answered.
    /// - Parameter path: as the API names it, so that there are few.
    func answered(_ method: String, _ path: String, _ status: Int, nanoseconds: Int64) {
        Counter(
            label: "specclip_requests_total",
            dimensions: [("method", method), ("path", path), ("status", "\(status)")], factory: prometheus
        ).increment()
        Timer(label: "specclip_request_seconds", dimensions: [("path", path)], factory: prometheus)
            .recordNanoseconds(nanoseconds)
    }

    /// Spectra went through the model together.
    func passed(_ spectra: Int, _ requests: Int) {
        Counter(label: "specclip_spectra_total", dimensions: [], factory: prometheus).increment(by: spectra)
        for (label, value) in [("specclip_pass_spectra", spectra), ("specclip_pass_requests", requests)] {
            Recorder(label: label, dimensions: [], aggregate: true, factory: prometheus).record(value)
        }
    }

    /// All that is measured, with what is so now.
    func text(now: [(name: String, value: Int)]) -> String {
        for (name, value) in now { Meter(label: name, dimensions: [], factory: prometheus).set(value) }
        return prometheus.text
    }
}
