//! A network that is one layer: a TorchScript program.

use std::sync::Arc;

use tch::{CModule, Device, Kind, Tensor};

use crate::error::{Code, Error, Result};
use crate::models::refused::TchResult;

/// A program at work on a device, in a precision. Copies share it.
#[derive(Clone)]
pub struct Program {
    module: Arc<CModule>,
    file: Arc<Vec<u8>>,
    sha256: String,
    classes: i64,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Program({} bytes, sha256 {})", self.file.len(), &self.sha256[..8])
    }
}

impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}

impl Program {
    pub(in crate::models) fn new(file: Arc<Vec<u8>>, sha256: String, classes: i64, device: Device) -> Result<Self> {
        let module = CModule::load_data_on_device(&mut &file[..], device).map_err(|cause| {
            Error::new(Code::Checkpoint, "no TorchScript program, expected one as torch.jit.save writes it")
                .because(cause)
        })?;
        Ok(Program { module: Arc::new(module), file, sha256, classes })
    }

    /// The hash of its file.
    pub(in crate::models) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// How many outputs it has.
    pub(super) fn classes(&self) -> i64 {
        self.classes
    }

    /// The same program, of so many outputs.
    pub(in crate::models) fn of_classes(self, classes: i64) -> Self {
        Program { classes, ..self }
    }

    /// The same program once more, on a device and in a precision.
    pub(in crate::models) fn placed(&self, device: Device, kind: Kind) -> Result<Self> {
        let mut module = CModule::load_data_on_device(&mut &self.file[..], device)?;
        module.to(device, kind, false);
        Ok(Program { module: Arc::new(module), ..self.clone() })
    }

    /// What it makes of pictures.
    pub(in crate::models) fn forward(&self, pictures: &Tensor) -> TchResult {
        self.module.forward_ts(&[pictures])
    }
}
