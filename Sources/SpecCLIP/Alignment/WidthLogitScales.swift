import Torch

/// The logit scales of cut embeddings, one for each width, in units of the scale of the whole: what two numbers can tell apart differs from
/// what a hundred can, and one scale for all would leave the short ones blurred. Learned, as Radford et al. (2021)
/// do for the whole; needed while training only.
public final class WidthLogitScales: Module {
    /// A tenth of the logarithm of each width's factor: so that steps as long as those of other weights matter. `[E]`.
    let rate: Parameter

    /// - Parameter embedding: numbers of the whole embedding, E.
    public init(embedding: Int) {
        rate = Parameter(.zeros([embedding]))
        super.init()
    }

    /// The factor of a width, `[1]`; 1 at first, and at most 10.
    package func callAsFunction(width: Int) -> Tensor {
        (rate.value.narrow(0, start: width - 1, length: 1) * 10).clamp(max: 2.3).exp()
    }
}
