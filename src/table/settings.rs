//! How networks were run: what two runs that differ may differ by.

use super::row::table;

table! {
    /// A network of a step (`<step>_settings`).
    pub struct SettingRow {
        /// The network.
        model: String,
        /// The shorter side that photographs were resized to.
        short: i64,
        /// Side of the square that it saw.
        side: i64,
        /// The filter that they were resized with.
        resize: String,
        /// Mean of red, green and blue in [0, 1] that was taken off.
        mean: String,
        /// Deviation of the same that they were divided by.
        deviation: String,
        /// In how many bits it computed.
        precision: String,
        /// Whether batch normalisation was merged into convolutions, or in layers of its own.
        batch_norm: String,
        /// Whose kernels: `fused` with activations and sums, or `plain`.
        kernels: String,
        /// On what.
        device: String,
    }
}
