use crate::error::{Code, Error};

/// A network that is asked for and is not there.
pub(super) fn missing(network: &str) -> Error {
    Error::new(Code::Model, format!("no network {network} in the table"))
}
