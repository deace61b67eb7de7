//! A network that is a program of its own: TorchScript, as `torch.jit.save` writes it.
//!
//! Such a file runs whatever it says, so it is loaded after one explicit word only
//! ([`Allow::Program`](crate::study::Allow::Program), `--trust`). Of what is in it nothing is known but what comes out: so it is
//! tried on two pictures first.

use std::path::Path;
use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::architecture::Architecture;
use super::layer::{Layer, Node, Program};
use super::network::Network;
use super::weights::Weights;
use crate::error::{Code, Error, Result};
use crate::files::sha256_hex;
use crate::pixels::View;

/// What stands for the architecture of such a network in `study.json` and on the command line.
pub const PROGRAM: &str = "torchscript";
/// Largest file that is read as one.
const MAX_BYTES: u64 = 8 << 30;
/// By how much two runs over the same pictures may differ, as a share of the largest logit: rounding, in 32 and in 16 bits.
const ROUNDING: f64 = 1e-3;
const COARSE: f64 = 5e-2;

impl Network {
    /// The network that a TorchScript file is, for pictures of a view. It must have been allowed to run.
    ///
    /// It is tried on two pictures of noise: both together and each by itself, once more, and with their channels last, it must
    /// give the same `[2, classes]`.
    ///
    /// # Errors
    /// [`Code::Io`] if the file cannot be read; [`Code::Checkpoint`] if it is no such program, refuses the pictures, puts out
    /// something else than a row of finite logits a picture, or not the same every time.
    pub fn program(name: &str, path: &Path, view: View) -> Result<Network> {
        let named = |error: Error| error.or_path(path);
        let unreadable = |cause| Error::io("reading the program", path, cause);
        let facts = std::fs::metadata(path).map_err(unreadable)?;
        if !facts.is_file() || facts.len() > MAX_BYTES {
            return Err(
                Error::new(Code::Checkpoint, "no regular file below 8 GiB, expected a TorchScript program").path(path)
            );
        }
        let file = std::fs::read(path).map_err(unreadable)?;
        let sha256 = sha256_hex(&file);
        let program = Program::new(Arc::new(file), sha256, 0, Device::Cpu).map_err(named)?;
        let classes = tried(&program, view, (Device::Cpu, Kind::Float)).map_err(named)?;
        let program = program.of_classes(classes);
        let nodes = vec![Node { name: "program".into(), layer: Layer::Program(program), inputs: vec![0] }];
        let architecture = Architecture::new(nodes, classes);
        Ok(Network::new(name, &architecture, Weights::new())?.seeing(view))
    }

    /// Whether it is a program, of whose layers nothing is known.
    pub fn is_program(&self) -> bool {
        self.nodes().iter().any(|node| matches!(node.layer, Layer::Program(_)))
    }

    /// The same network on a device and in a precision; a program is tried there.
    pub(crate) fn placed(&self, device: Device, kind: Kind) -> Result<Network> {
        let moved = self.with_each(|tensor| tensor.to_device(device).to_kind(kind));
        let mut nodes = self.nodes().to_vec();
        for node in &mut nodes {
            if let Layer::Program(program) = &mut node.layer {
                *program = program.placed(device, kind)?;
                tried(program, self.view(), (device, kind))?;
            }
        }
        Ok(moved.with(nodes, super::weights::shared(moved.weights())))
    }
}

/// Tries a program on two pictures of noise; the number of its outputs.
fn tried(program: &Program, view: View, (device, kind): (Device, Kind)) -> Result<i64> {
    let _no_grad = tch::no_grad_guard();
    let side = i64::from(view.side);
    let pictures = noise(side).to_device(device).to_kind(kind);
    let run = |pictures: &Tensor| {
        program.forward(pictures).map_err(|cause| {
            let found = format!("the program refuses pictures of shape {:?} in {kind:?}", pictures.size());
            Error::new(Code::Checkpoint, found)
                .because(cause)
                .hint("it must take [n, 3, side, side] of any n, and give one tensor [n, classes]; its side is \"view\" in study.json")
        })
    };
    let both = run(&pictures)?;
    let classes = match both.size()[..] {
        [2, classes] if classes > 0 => classes,
        _ => {
            let found = format!("the program puts out {:?} for two pictures, expected [2, classes]", both.size());
            return Err(Error::new(Code::Checkpoint, found).hint("a classifier's logits are needed"));
        }
    };
    let flat = |tensor: &Tensor| tensor.to_device(Device::Cpu).to_kind(Kind::Double);
    let expected = flat(&both);
    if expected.isfinite().all().int64_value(&[]) == 0 {
        return Err(Error::new(Code::Numeric, "the program's logits for two pictures of noise are not finite"));
    }
    let size = expected.abs().max().double_value(&[]).max(f64::MIN_POSITIVE);
    let most = if matches!(kind, Kind::Half | Kind::BFloat16) { COARSE } else { ROUNDING };
    let single = Tensor::f_cat(&[run(&pictures.narrow(0, 0, 1))?, run(&pictures.narrow(0, 1, 1))?], 0)?;
    let last = pictures.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    for (found, what, hint) in [
        (run(&pictures)?, "other logits for the same pictures a second time", TRAINING),
        (single, "other logits for a picture by itself than beside another", TRAINING),
        (
            run(&last)?,
            "other logits where channels lie last in memory",
            "save it so that it calls x.contiguous() first",
        ),
    ] {
        if found.size() != both.size() {
            let found = format!("the program puts out {:?} and {:?} for the same pictures", both.size(), found.size());
            return Err(Error::new(Code::Checkpoint, found));
        }
        let apart = (flat(&found) - &expected).abs().max().double_value(&[]);
        if apart.is_nan() || apart > most * size {
            let found = format!("the program gives {what}: off by {apart:.3e} of {size:.3e}");
            return Err(Error::new(Code::Checkpoint, found).hint(hint));
        }
    }
    Ok(classes)
}

const TRAINING: &str = "it was saved in training mode: call model.eval() before torch.jit.trace or torch.jit.script";

/// Two pictures of numbers between -2 and 2, the same everywhere.
fn noise(side: i64) -> Tensor {
    let count = 2 * 3 * side * side;
    let one = |index: i64| ((index.wrapping_mul(2_654_435_761) >> 7) % 4001) as f32 / 1000.0 - 2.0;
    Tensor::from_slice(&(0..count).map(one).collect::<Vec<f32>>()).view([2, 3, side, side])
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    /// A file as `torch.jit.save` writes it, of a module without numbers whose forward pass gives an expression of `x`.
    pub(crate) fn written(path: &Path, expression: &str) {
        let code = format!(
            "class Net(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n  \
             def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n    return {expression}\n"
        );
        let object = b"\x80\x02c__torch__\nNet\nq\x00)\x81}X\x08\x00\x00\x00trainingq\x01\x89sbq\x02.";
        let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let members: [(&str, &[u8]); 5] = [
            ("net/data.pkl", object),
            ("net/code/__torch__.py", code.as_bytes()),
            ("net/constants.pkl", b"\x80\x02)."),
            ("net/version", b"3\n"),
            ("net/byteorder", b"little"),
        ];
        for (name, bytes) in members {
            archive.start_file(name, stored).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
    }

    /// The mean of each colour.
    pub(crate) const MEANS: &str = "torch.mean(x, [2, 3])";

    fn opened(expression: &str) -> Result<Network> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.pt");
        written(&path, expression);
        Network::program("mine", &path, View::new(32, 32))
    }

    #[test]
    fn a_program_is_a_network_of_one_layer() {
        let network = opened(MEANS).unwrap();
        assert!(network.is_program() && network.classes() == 3 && network.view().side == 32);
        let moved = network.placed(Device::Cpu, Kind::Double).unwrap();
        let pictures = noise(8).to_kind(Kind::Double);
        let found =
            moved.nodes()[0].forward(moved.weights(), &[&pictures], super::super::BatchStatistics::Running).unwrap();
        assert_eq!(found, pictures.mean_dim([2i64, 3].as_slice(), false, Kind::Double));
        let other = opened("torch.amax(x, [2, 3])").unwrap();
        assert_ne!(network.fingerprint().unwrap(), other.fingerprint().unwrap());
    }

    #[test]
    fn bad_input_84_what_is_no_classifier_at_inference_is_refused_by_name() {
        for (expression, what) in [
            ("x", "puts out [2, 3, 32, 32] for two pictures, expected [2, classes]"),
            ("torch.dropout(torch.mean(x, [2, 3]), 0.5, True)", "saved in training mode"),
            (
                "torch.sub(torch.mean(x, [2, 3]), torch.mean(torch.mean(x, [2, 3]), [0], True))",
                "for a picture by itself than beside another",
            ),
            ("torch.mul(torch.mean(x, [2, 3]), torch.log(torch.mean(torch.sub(x, x), [2, 3])))", "not finite"),
            ("torch.view(x, [2, 3072])", "refuses pictures of shape [1, 3, 32, 32]"),
        ] {
            let error = opened(expression).unwrap_err();
            assert!(matches!(error.code(), Code::Checkpoint | Code::Numeric), "{error}");
            let text = error.to_string();
            assert!(text.contains(what) && text.contains("net.pt"), "{expression}: {text}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.pt");
        std::fs::write(&path, b"not a zip").unwrap();
        assert!(Network::program("mine", &path, View::IMAGENET).unwrap_err().to_string().contains("no TorchScript"));
        let error = Network::program("mine", folder.path(), View::IMAGENET).unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
    }
}
