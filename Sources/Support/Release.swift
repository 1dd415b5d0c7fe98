/// The version of this package.
public enum Release {
    /// Major, minor, patch.
    public static let version = "0.1.0"
}
