import Foundation
import Hummingbird
import NIOCore

/// What is known of a request beside what it says.
struct ServiceContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// Whose request it is; cancelled when the client goes.
    let ticket = Ticket()
    /// Of the request; in its answer and in logs.
    let requestID = UUID().uuidString.lowercased()

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// The address that the connection comes from.
    var address: String { channel.remoteAddress?.ipAddress ?? "local" }
}
