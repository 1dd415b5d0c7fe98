import Metrics
import Testing

@testable import SpecCLIPServer

/// What Prometheus reads.
struct MetricsTests {
    @Test func countersGaugesAndHistograms() {
        let metrics = PrometheusMetrics(help: ["a_total": "What\nit is."], bounds: ["sizes": [1, 2.5]])
        Counter(label: "a_total", dimensions: [("path", "/v1/\"x\"\\y\nz")], factory: metrics).increment(by: 2)
        Counter(label: "a_total", dimensions: [("path", "/v1/\"x\"\\y\nz")], factory: metrics).increment()
        Counter(label: "a_total", dimensions: [("path", "b")], factory: metrics).increment()
        Meter(label: "now.here", dimensions: [], factory: metrics).set(0.5)
        let sizes = Recorder(label: "sizes", dimensions: [("k", "v")], aggregate: true, factory: metrics)
        for value in [0.5, 1, 2, 3] { sizes.record(value) }
        #expect(
            metrics.text == """
                # HELP a_total What\\nit is.
                # TYPE a_total counter
                a_total{path="/v1/\\"x\\"\\\\y\\nz"} 3
                a_total{path="b"} 1
                # TYPE now_here gauge
                now_here 0.5
                # TYPE sizes histogram
                sizes_bucket{k="v",le="1"} 2
                sizes_bucket{k="v",le="2.5"} 3
                sizes_bucket{k="v",le="+Inf"} 4
                sizes_sum{k="v"} 6.5
                sizes_count{k="v"} 4

                """)
    }

    @Test func durationsAreSeconds() {
        let metrics = PrometheusMetrics()
        Timer(label: "t", dimensions: [], factory: metrics).recordNanoseconds(30_000_000)
        #expect(
            metrics.text.contains("t_bucket{le=\"0.025\"} 0\n") && metrics.text.contains("t_bucket{le=\"0.05\"} 1\n"))
        #expect(metrics.text.contains("t_sum 0.03\n") && metrics.text.contains("t_count 1\n"))
    }

    /// A name is of one kind: another use of it spoils nothing.
    @Test func namesKeepTheirKind() {
        let metrics = PrometheusMetrics()
        Counter(label: "x", dimensions: [], factory: metrics).increment()
        Meter(label: "x", dimensions: [], factory: metrics).set(7)
        #expect(metrics.text == "# TYPE x counter\nx 1\n")
    }

    @Test func requestsAreCounted() async throws {
        let server = try await TestServer()
        _ = try await server.post("/v1/predict", [("a.csv", Files.optical())])
        _ = try await server.ask("GET", "/v1/nothing/\(String(repeating: "x", count: 300))")
        let text = try await server.ask("GET", "/metrics").text
        #expect(text.contains("specclip_requests_total{method=\"POST\",path=\"/v1/predict\",status=\"200\"} 1\n"))
        #expect(text.contains("specclip_requests_total{method=\"other\",path=\"other\",status=\"404\"} 1\n"))
        #expect(text.contains("specclip_spectra_total 1\n") && text.contains("specclip_bytes_in_flight 0\n"))
    }
}
