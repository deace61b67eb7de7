//! What libtorch refuses, as errors of this library: memory that a device does not have is one thing, anything else another.

use crate::error::{Code, Error};

/// What libtorch answers.
pub(super) type TchResult = std::result::Result<tch::Tensor, tch::TchError>;

/// Whether libtorch had too little memory.
pub(crate) fn is_out_of_memory(cause: &tch::TchError) -> bool {
    let text = cause.to_string();
    ["out of memory", "can't allocate memory", "not enough memory"].iter().any(|sign| text.contains(sign))
}

impl From<tch::TchError> for Error {
    fn from(cause: tch::TchError) -> Self {
        if is_out_of_memory(&cause) {
            return Error::new(Code::Memory, "the device has not enough memory")
                .because(cause)
                .hint("take a smaller batch, or a device with more memory");
        }
        Error::new(Code::Device, "libtorch refused an operation").because(cause)
    }
}
