//! A checkpoint, whatever its form: safetensors, or `.pth` files as `torch.save` writes them, read without Python and
//! without running anything.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use super::choice::Choice;
use super::fit::{Fit, architectures_of, as_taken, parameters};
use super::layout::Layout;
use super::safetensors::{self, Stored};
use super::torch;
use crate::error::{Code, Error, Result};
use crate::models::families::{Naming, architecture};
use crate::models::layer::Layer;
use crate::models::weights::Weights;
use crate::notebook;

/// Largest file that is read as a checkpoint.
const MAX_BYTES: u64 = 8 << 30;

/// The tensors of a checkpoint by name: safetensors, or `torch.save` in its old form (before torch 1.6) or its zip
/// form. What torch itself puts before every name (`module.`, `_orig_mod.`) is taken off, and one table of tensors
/// within others is entered. Tensors that share a storage in the file share it in memory.
///
/// # Errors
/// [`Code::Io`] if the file cannot be read; [`Code::Checkpoint`] if it is in none of these forms, is cut or corrupt,
/// holds anything but tensors and plain values, or several tables of tensors: it says which, or at which byte. Nothing
/// in the file is ever executed.
pub fn read_weights(path: &Path) -> Result<Weights> {
    Opened::at(path, &Choice::of_file(path))?.read()
}

/// What a checkpoint's file says of itself, its numbers unread; and how that fits a network.
#[derive(Debug)]
pub struct Found {
    /// Shapes of the tensors by name, as the network has the names.
    pub tensors: BTreeMap<String, Vec<i64>>,
    /// What there is to say: the table that was entered, what was taken off the names.
    pub remarks: Vec<String>,
    /// Outputs of the network, by the shape of its last layer; `None` where that is not in the file.
    pub outputs: Option<usize>,
    /// Names of architectures that the file fits, whatever their number of outputs.
    pub fits: Vec<String>,
    /// Why the weights do not fit the architecture, with the first names and shapes; `None` where they do.
    pub misfit: Option<Error>,
}

/// Looks at a checkpoint without reading its numbers: whether it is one, whether it is of an architecture, and how many
/// outputs it has. `table` chooses among several tables of tensors, or what the names that are meant begin with.
///
/// ```no_run
/// let found = lgf::models::inspect("resnet50.pth".as_ref(), "resnet50", None)?;
/// assert!(found.misfit.is_none() && found.outputs == Some(1000));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Model`] for an unknown architecture; as [`read_weights`] for a file that is no checkpoint.
pub fn inspect(path: &Path, name: &str, table: Option<&str>) -> Result<Found> {
    let network = architecture(name)?;
    let needed = parameters(network.nodes());
    let opened = Opened::at(path, &Choice { table: table.map(str::to_string), ..Choice::of_network(path, &needed) })?;
    let tensors = as_taken(opened.shapes(), &needed);
    let last = network.nodes().iter().rev().find_map(|node| match &node.layer {
        Layer::Linear { key, .. } | Layer::Conv { key, .. } => Some(format!("{key}.weight")),
        _ => None,
    });
    let outputs = last.and_then(|last| usize::try_from(*tensors.get(&last)?.first()?).ok());
    let fit = Fit::between(&needed, &tensors);
    let fits = architectures_of(&tensors);
    let misfit = (!fit.is_whole()).then(|| opened.misfit(fit, &fits));
    Ok(Found { tensors, remarks: opened.remarks, outputs, fits, misfit })
}

/// A network's weights by its own names. What was entered or taken off to find them is said.
///
/// # Errors
/// As [`read_weights`]; [`Code::Checkpoint`] if they are another network's.
pub(crate) fn read_fitting(path: &Path, needed: &BTreeMap<String, Vec<i64>>, table: Option<&str>) -> Result<Weights> {
    let choice = Choice { table: table.map(str::to_string), ..Choice::of_network(path, needed) };
    let opened = Opened::at(path, &choice)?;
    let shapes = as_taken(opened.shapes(), needed);
    let fit = Fit::between(needed, &shapes);
    if !fit.is_whole() {
        return Err(opened.misfit(fit, &architectures_of(&shapes)));
    }
    for remark in &opened.remarks {
        notebook::say(&format!("{}: {remark}", path.display()));
    }
    let mut weights = opened.read()?;
    for (name, tensor) in weights.iter_mut().filter(|(name, tensor)| tensor.size() != shapes[*name]) {
        *tensor = tensor.f_reshape(&shapes[name])?;
    }
    Ok(weights)
}

/// A checkpoint whose numbers are not read yet.
pub(super) struct Opened<'p> {
    path: &'p Path,
    file: File,
    form: Form,
    pub(super) remarks: Vec<String>,
    /// The naming that its names were read by, and those that are others in it, by the network's own.
    naming: Option<&'static Naming>,
    elsewhere: BTreeMap<String, String>,
}

enum Form {
    Torch(Layout),
    Safetensors(Vec<Stored>),
}

impl<'p> Opened<'p> {
    pub(super) fn at(path: &'p Path, choice: &Choice) -> Result<Self> {
        let unreadable = |cause| {
            Error::io("reading the checkpoint", path, cause)
                .hint("check the path of the weights: --weights, or the network's in study.json")
        };
        // Before it is opened: a pipe would wait for whoever writes to it.
        let facts = std::fs::metadata(path).map_err(unreadable)?;
        if facts.is_dir() {
            let folder = std::io::Error::from(std::io::ErrorKind::IsADirectory);
            return Err(unreadable(folder).hint("check the path of the weights: name the file in the folder"));
        }
        if !facts.is_file() {
            return Err(Error::new(Code::Checkpoint, "no regular file, expected a checkpoint").path(path));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        if facts.len() > MAX_BYTES {
            return Err(
                Error::new(Code::Limit, format!("{} bytes, over the limit for a checkpoint", facts.len())).path(path)
            );
        }
        let layout = Layout::of(&mut file, choice).map_err(|error| error.or_path(path))?;
        let (form, remarks) = match layout {
            Some(mut layout) => {
                let remarks = std::mem::take(&mut layout.remarks);
                (Form::Torch(layout), remarks)
            }
            None => {
                let found = safetensors::header(&mut file, facts.len(), choice).map_err(|error| error.or_path(path))?;
                (Form::Safetensors(found.0), found.1)
            }
        };
        let mut opened = Opened { path, file, form, remarks, naming: None, elsewhere: BTreeMap::new() };
        opened.name_by(choice);
        Ok(opened)
    }

    /// Gives the tensors the names that the network has, where theirs are known.
    fn name_by(&mut self, choice: &Choice) {
        let names: Vec<&str> = match &self.form {
            Form::Torch(layout) => layout.tensors.iter().map(|(name, _)| name.as_str()).collect(),
            Form::Safetensors(tensors) => tensors.iter().map(|stored| stored.name.as_str()).collect(),
        };
        let Some(reading) = choice.reading(&names) else { return };
        self.remarks.extend(reading.remarks(&names));
        self.naming = reading.naming;
        let renamed = names.iter().zip(&reading.own).filter_map(|(name, own)| Some((own.clone()?, name.to_string())));
        self.elsewhere = renamed.filter(|(own, name)| own != name).collect();
        // In their order; what is left out has no name.
        let mut own = reading.own.into_iter().map(Option::unwrap_or_default);
        let mut take = |name: &mut String| {
            *name = own.next().unwrap_or_default();
            !name.is_empty()
        };
        match &mut self.form {
            Form::Torch(layout) => layout.tensors.retain_mut(|(name, _)| take(name)),
            Form::Safetensors(tensors) => tensors.retain_mut(|stored| take(&mut stored.name)),
        }
    }

    /// Why it is another network's, by its own names.
    fn misfit(&self, fit: Fit, fits: &[String]) -> Error {
        let fit = fit.in_words_of(&self.elsewhere);
        let error = fit.error(fits).path(self.path);
        match self.naming.and_then(|naming| naming.another(fit.surplus())) {
            Some(what) => error.hint(what),
            None => error,
        }
    }

    /// The shapes of its tensors.
    pub(super) fn shapes(&self) -> BTreeMap<String, Vec<i64>> {
        match &self.form {
            Form::Torch(layout) => {
                layout.tensors.iter().map(|(name, record)| (name.clone(), record.shape.clone())).collect()
            }
            Form::Safetensors(tensors) => {
                tensors.iter().map(|stored| (stored.name.clone(), stored.shape.clone())).collect()
            }
        }
    }

    pub(super) fn read(mut self) -> Result<Weights> {
        let weights = match &self.form {
            Form::Torch(layout) => torch::read(&mut self.file, layout),
            Form::Safetensors(tensors) => safetensors::read(&mut self.file, tensors),
        };
        weights.map_err(|error| error.or_path(self.path))
    }
}
