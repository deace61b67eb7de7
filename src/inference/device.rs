//! The device that networks run on.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{Code, Error, Result};

/// The processor, or one GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    Cpu,
    /// The CUDA device of a number.
    Cuda(usize),
}

impl Device {
    /// The device that `LGF_DEVICE` names (`auto`, `cpu`, `cuda:N`), else the first GPU where one can be used, else the
    /// processor.
    ///
    /// # Errors
    /// [`Code::Device`] if the one that is named is not there.
    pub fn auto() -> Result<Self> {
        match std::env::var("LGF_DEVICE") {
            Ok(name) if !name.is_empty() && name != "auto" => name.parse(),
            _ => Ok(if cuda_count() > 0 { Device::Cuda(0) } else { Device::Cpu }),
        }
    }

    pub(crate) fn tch(self) -> tch::Device {
        match self {
            Device::Cpu => tch::Device::Cpu,
            Device::Cuda(number) => tch::Device::Cuda(number),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => write!(f, "cpu"),
            Device::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    /// `auto`, `cpu`, `cuda` or `cuda:N`. A GPU that is not there is an error, never a silent change to the processor.
    fn from_str(name: &str) -> Result<Self> {
        let number = match name {
            "auto" => return Device::auto(),
            "cpu" => return Ok(Device::Cpu),
            "cuda" => Some(0),
            _ => name.strip_prefix("cuda:").and_then(|number| number.parse::<usize>().ok()),
        };
        let count = cuda_count();
        match number {
            Some(number) if number < count => Ok(Device::Cuda(number)),
            Some(_) => {
                let there = if count == 0 {
                    "no GPU can be used".into()
                } else {
                    format!("there are cuda:0 to cuda:{}", count - 1)
                };
                Err(Error::new(Code::Device, format!("{name} was asked for, and {there}; cpu is always there"))
                    .hint("see `make doctor` for the driver and libtorch's CUDA libraries, or use --device cpu"))
            }
            None => Err(Error::new(Code::Device, format!("no device {name:?}; expected auto, cpu or cuda:N"))),
        }
    }
}

/// Number of GPUs that libtorch can use. The linker drops `libtorch_cuda`, as nothing names a symbol of it, so it is
/// loaded here, where it and a driver are there.
#[allow(unsafe_code)]
fn cuda_count() -> usize {
    const TF32: &str = "NVIDIA_TF32_OVERRIDE";
    static LOADED: std::sync::OnceLock<()> = std::sync::OnceLock::new();
    LOADED.get_or_init(|| {
        if !["/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg"].iter().any(|path| std::path::Path::new(path).exists()) {
            return;
        }
        // 32-bit numbers stay in 32 bits: by itself, libtorch lets cuDNN round what goes into convolutions to 19 bits (TF32), which
        // moves logits by a hundredth, and a program that was traced so asks for it at every convolution. cuDNN and cuBLAS read
        // this as they begin.
        if std::env::var_os(TF32).is_none() {
            // SAFETY: no thread of ours is at work in libtorch yet, and the standard library's own readers wait.
            unsafe { std::env::set_var(TF32, "0") };
        }
        let beside = std::env::var_os("LIBTORCH").map(|folder| PathBuf::from(folder).join("lib/libtorch_cuda.so"));
        for name in beside.into_iter().chain([PathBuf::from("libtorch_cuda.so")]) {
            // SAFETY: libtorch_cuda only registers its kernels when it is loaded, as it does in every program that
            // links it; it stays loaded for the life of the process.
            if let Ok(library) = unsafe { libloading::Library::new(name) } {
                std::mem::forget(library);
                break;
            }
        }
    });
    usize::try_from(tch::Cuda::device_count()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_unknown_ones_refused() {
        assert_eq!("cpu".parse::<Device>().unwrap(), Device::Cpu);
        assert_eq!("tpu".parse::<Device>().unwrap_err().code(), Code::Device);
    }

    #[test]
    fn bad_input_58_a_gpu_that_is_absent_is_an_error_with_the_devices_that_are_there() {
        let count = cuda_count();
        for name in [format!("cuda:{count}"), "cuda:99".to_string()] {
            let error = name.parse::<Device>().unwrap_err();
            assert_eq!(error.code(), Code::Device);
            let there =
                if count == 0 { "no GPU can be used".to_string() } else { format!("cuda:0 to cuda:{}", count - 1) };
            for part in [&name, &there, "cpu is always there", "--device cpu"] {
                assert!(error.to_string().contains(part), "{error}");
            }
        }
        assert_eq!("cuda".parse::<Device>().is_ok(), count > 0);
    }
}
