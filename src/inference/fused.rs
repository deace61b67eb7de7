//! Convolutions that add, and set what is below zero to zero, while their numbers are still in registers: oneDNN has them,
//! but libtorch offers them by name only. So they are called from a TorchScript program of a few lines, in which operators
//! have names.

use std::cell::OnceCell;

use tch::{CModule, IValue, Tensor};

use crate::error::{Code, Error, Result};
use crate::models::Layer;

/// The program as `torch.jit.save` would write it, of `fused.py` beside it: `conv` gives `attr(x * w + b)`, `conv_clipped`
/// the same held between 0 and 6; `conv_add` makes `other` into `attr(other + x * w + b)`; `attr` is `relu`, or for the first
/// `swish` or `hardswish`, or nothing: the word `none` for the first, no word at all for the last. `pack` lays a kernel out as the convolution of an input of that size reads it; otherwise each call does so anew.
const PROGRAM: &[u8] = include_bytes!("fused.pt");

thread_local! {
    /// The program, read once a thread; `None` where this libtorch has no such operators.
    static FUSED: OnceCell<Option<CModule>> = const { OnceCell::new() };
}

/// Whether this libtorch has them.
pub(super) fn available() -> bool {
    FUSED.with(|program| program.get_or_init(|| read().ok()).is_some())
}

fn read() -> Result<CModule> {
    Ok(CModule::load_data(&mut &PROGRAM[..])?)
}

/// A tensor of four sides in memory as row, column, channel; any other as it is.
pub(super) fn channels_last(tensor: Tensor) -> Tensor {
    match tensor.size()[..] {
        [_, _, _, _] => tensor.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]),
        _ => tensor,
    }
}

/// What a convolution is made with.
#[derive(Clone, Copy)]
pub(super) struct Convolution<'a> {
    pub kernel: &'a Tensor,
    pub bias: &'a Tensor,
    pub stride: i64,
    pub padding: i64,
    pub groups: i64,
}

/// What is done to each value at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing.
    Plain,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x / (1 + exp(-x))`.
    Silu,
    /// `x min(max(x + 3, 0), 6) / 6`.
    HardSwish,
}

impl End {
    /// The end that a layer is, if it is one.
    pub(super) fn of(layer: &Layer) -> Option<Self> {
        match layer {
            Layer::Relu => Some(End::Relu),
            Layer::Relu6 => Some(End::Relu6),
            Layer::Silu => Some(End::Silu),
            Layer::HardSwish => Some(End::HardSwish),
            _ => None,
        }
    }

    /// The same to a tensor that is the caller's own, by libtorch's plain operator.
    pub(super) fn applied(self, mut x: Tensor) -> Result<Tensor> {
        Ok(match self {
            End::Plain => x,
            End::Relu => x.f_relu_()?,
            End::Relu6 => x.f_clamp_(0.0, 6.0)?,
            End::Silu => x.f_silu_()?,
            End::HardSwish => x.f_hardswish_()?,
        })
    }
}

/// The convolution of `x`; added to `other`, which is then no more, where there is one.
pub(super) fn convolve(x: &Tensor, other: Option<Tensor>, how: Convolution<'_>, end: End) -> Result<Tensor> {
    let summed = other.is_some();
    if summed && !matches!(end, End::Plain | End::Relu) {
        return end.applied(convolve(x, other, how, End::Plain)?);
    }
    let mut given = vec![IValue::Tensor(x.shallow_clone())];
    let method = match end {
        End::Relu6 => "conv_clipped",
        _ if summed => "conv_add",
        _ => "conv",
    };
    given.extend(other.map(IValue::Tensor));
    given.extend([IValue::Tensor(how.kernel.shallow_clone()), IValue::Tensor(how.bias.shallow_clone())]);
    given.extend([how.stride, how.padding, how.groups].map(IValue::Int));
    let word = |word: &str| Some(IValue::String(word.to_string()));
    given.extend(match end {
        End::Relu => word("relu"),
        End::Silu => word("swish"),
        End::HardSwish => word("hardswish"),
        End::Plain if summed => Some(IValue::None),
        End::Plain => word("none"),
        End::Relu6 => None,
    });
    call(method, &given)
}

/// The kernel laid out for inputs of a size; only [`convolve`] understands it.
pub(super) fn packed(how: Convolution<'_>, size: &[i64]) -> Result<Tensor> {
    let mut given = vec![IValue::Tensor(how.kernel.shallow_clone())];
    given.extend([how.stride, how.padding, how.groups].map(IValue::Int));
    given.push(IValue::IntList(size.to_vec()));
    call("pack", &given)
}

fn call(method: &str, given: &[IValue]) -> Result<Tensor> {
    let value = FUSED.with(|program| match program.get_or_init(|| read().ok()) {
        Some(program) => Ok(program.method_is(method, given)?),
        None => Err(Error::new(Code::Device, "this libtorch has no fused convolutions")),
    })?;
    match value {
        IValue::Tensor(tensor) => Ok(tensor),
        _ => Err(Error::new(Code::Device, "a fused convolution gave no tensor")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tch::{Device, Kind};
    use zip::write::SimpleFileOptions;

    use super::*;

    /// With `REGENERATE=1`, after a change of `fused.py`, it is written anew.
    #[test]
    fn the_program_that_is_checked_in_is_made_of_its_source() {
        // The pickle of one object of the class, with nothing in it, and that of no constants.
        let object = b"\x80\x02c__torch__\nFused\nq\x00)\x81}X\x08\x00\x00\x00trainingq\x01\x89sbq\x02.";
        let constants = b"\x80\x02).";
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let members: [(&str, &[u8]); 5] = [
            ("fused/data.pkl", object),
            ("fused/code/__torch__.py", include_bytes!("fused.py")),
            ("fused/constants.pkl", constants),
            ("fused/version", b"3\n"),
            ("fused/byteorder", b"little"),
        ];
        for (name, bytes) in members {
            archive.start_file(name, stored).unwrap();
            archive.write_all(bytes).unwrap();
        }
        let bytes = archive.finish().unwrap().into_inner();
        if std::env::var_os("REGENERATE").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/inference/fused.pt"), &bytes).unwrap();
        } else {
            assert!(bytes == PROGRAM);
        }
    }

    #[test]
    fn they_are_convolution_sum_and_relu() {
        assert!(available(), "libtorch 2.11 has them");
        tch::manual_seed(3);
        let options = (Kind::Float, Device::Cpu);
        for (kernel, stride, padding, groups) in [(3, 1, 1, 1), (3, 2, 1, 4), (1, 1, 0, 1), (7, 2, 3, 1)] {
            let x = channels_last(Tensor::randn([2, 8, 15, 14], options));
            let weight = channels_last(Tensor::randn([12, 8 / groups, kernel, kernel], options));
            let bias = Tensor::randn([12], options);
            let how = Convolution { kernel: &weight, bias: &bias, stride, padding, groups };
            let plain = x.conv2d(&weight, Some(&bias), [stride; 2], [padding; 2], [1, 1], groups);
            let near = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]) < 1e-4;
            assert!(near(&convolve(&x, None, how, End::Plain).unwrap(), &plain));
            for end in [End::Relu, End::Relu6, End::Silu, End::HardSwish] {
                let expected = end.applied((&plain * 4.0).copy()).unwrap();
                let large = Convolution { kernel: &(&weight * 4.0), bias: &(&bias * 4.0), ..how };
                assert!(near(&convolve(&x, None, large, end).unwrap(), &expected), "{end:?}");
            }
            let kernel = packed(how, &x.size()).unwrap();
            assert!(near(&convolve(&x, None, Convolution { kernel: &kernel, ..how }, End::Plain).unwrap(), &plain));
            let other = channels_last(plain.randn_like());
            let expected = &plain + &other;
            assert!(near(&convolve(&x, Some(other.copy()), how, End::Plain).unwrap(), &expected));
            assert!(near(&convolve(&x, Some(other.copy()), how, End::Relu).unwrap(), &expected.relu()));
            assert!(near(&convolve(&x, Some(other), how, End::Silu).unwrap(), &expected.silu()));
        }
    }

    /// Why they are only for sums that cannot overflow. A libtorch with which this fails needs no bounds.
    #[test]
    fn their_relu_makes_zero_of_what_is_no_number() {
        let options = (Kind::Float, Device::Cpu);
        let x = channels_last(Tensor::ones([2, 16, 6, 6], options));
        let weight = channels_last(Tensor::full([16, 16, 1, 1], f64::NAN, options));
        let bias = Tensor::zeros([16], options);
        let how = Convolution { kernel: &weight, bias: &bias, stride: 1, padding: 0, groups: 1 };
        let plain = convolve(&x, None, how, End::Plain).unwrap();
        assert!(plain.isnan().all().int64_value(&[]) == 1 && plain.relu().isnan().all().int64_value(&[]) == 1);
        assert_eq!(convolve(&x, None, how, End::Relu).unwrap().abs().max().double_value(&[]), 0.0);
    }
}
