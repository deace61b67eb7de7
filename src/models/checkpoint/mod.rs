//! Weights on disk: safetensors, and `.pth` files as `torch.save` writes them, read without Python and without running
//! anything; and the checkpoints of TensorFlow.

mod archive;
mod choice;
mod file;
mod fit;
mod foreign;
mod layout;
mod pickle;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod probe;
mod safetensors;
mod tensorflow;
#[cfg(test)]
mod tests;
mod torch;
mod words;

pub(crate) use file::read_fitting;
pub use file::{Found, inspect, read_weights};
pub use fit::{Fit, parameters};
pub(crate) use safetensors::read_notes;
pub use safetensors::write_weights;
pub use tensorflow::read_tensorflow;
