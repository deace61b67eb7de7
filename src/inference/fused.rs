//! Convolutions that add, and set what is below zero to zero, while their numbers are still in registers: oneDNN has them,
//! but libtorch offers them by name only. So they are called from a TorchScript program of a few lines, in which operators
//! have names.

use std::cell::OnceCell;

use tch::{CModule, IValue, Tensor};

use crate::error::{Code, Error, Result};

/// The program as `torch.jit.save` would write it, of `fused.py` beside it: `conv` gives `attr(x * w + b)`; `conv_add` makes
/// `other` into `attr(other + x * w + b)`; `attr` is `relu`, or nothing: the word `none` for the first, no word at all for the
/// second. `pack` lays a kernel out as the convolution of an input of that size reads it; otherwise each call does so anew.
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
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing.
    Plain,
    /// `max(x, 0)`.
    Relu,
}

/// The convolution of `x`; added to `other`, which is then no more, where there is one.
pub(super) fn convolve(x: &Tensor, other: Option<Tensor>, how: Convolution<'_>, end: End) -> Result<Tensor> {
    let summed = other.is_some();
    let mut given = vec![IValue::Tensor(x.shallow_clone())];
    let method = if summed { "conv_add" } else { "conv" };
    given.extend(other.map(IValue::Tensor));
    given.extend([IValue::Tensor(how.kernel.shallow_clone()), IValue::Tensor(how.bias.shallow_clone())]);
    given.extend([how.stride, how.padding, how.groups].map(IValue::Int));
    given.push(match (end, summed) {
        (End::Relu, _) => IValue::String("relu".to_string()),
        (End::Plain, false) => IValue::String("none".to_string()),
        (End::Plain, true) => IValue::None,
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
            assert!(near(&convolve(&x, None, how, End::Relu).unwrap(), &plain.relu()));
            let kernel = packed(how, &x.size()).unwrap();
            assert!(near(&convolve(&x, None, Convolution { kernel: &kernel, ..how }, End::Plain).unwrap(), &plain));
            let other = channels_last(plain.randn_like());
            let expected = &plain + &other;
            assert!(near(&convolve(&x, Some(other.copy()), how, End::Plain).unwrap(), &expected));
            assert!(near(&convolve(&x, Some(other), how, End::Relu).unwrap(), &expected.relu()));
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
