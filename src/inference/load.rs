//! The networks of a study, ready to run.

use std::path::Path;

use super::device::Device;
use super::engine::Engine;
use super::precision::Precision;
use crate::error::{Code, Error, Result};
use crate::files::Share;
use crate::models::{Form, Loading, Network, Normalisation, PROGRAM};
use crate::study::{Allow, NetworkEntry, Study};

/// The networks of a study, loaded and with batch normalisation merged.
///
/// # Errors
/// As [`Network::load`]; [`Code::Model`] if a network's outputs are not the study's classes.
pub fn load_all(study: &Study, device: Device) -> Result<Vec<Engine>> {
    load_networks(study, Form::Folded, Precision::Single, device)
}

/// The networks of a study in one form and precision.
///
/// # Errors
/// As [`load_all`].
pub fn load_networks(study: &Study, form: Form, precision: Precision, device: Device) -> Result<Vec<Engine>> {
    let classes = study.class_list();
    if study.networks().is_empty() {
        return Err(no_networks());
    }
    let load = |entry: &NetworkEntry| {
        let path = study.weights(entry);
        let network = load_entry(study, entry, device)?;
        if network.classes() != classes.len() {
            let found = format!("{} outputs, and the study has {} classes", network.classes(), classes.len());
            return Err(Error::new(Code::Model, found).path(path).hint("see \"classes\" in study.json"));
        }
        let network = network.prepared(form, precision)?;
        match study.store.share() {
            Share::Joined | Share::Planned(_) => network.without_weights(),
            Share::Whole | Share::Shard(_) => Ok(network),
        }
    };
    study.networks().iter().map(load).collect()
}

/// A network of a study as its checkpoint has it, under its name there.
pub(super) fn load_entry(study: &Study, entry: &NetworkEntry, device: Device) -> Result<Engine> {
    let path = study.weights(entry);
    if let Some(expected) = &entry.sha256
        && !entry.allow.contains(&Allow::OtherSha256)
    {
        let found = study.store.written(&path)?.sha256;
        if !found.starts_with(&expected.to_lowercase()) {
            let found = format!("its sha256 begins {}, expected {expected}", &found[..expected.len().min(64)]);
            return Err(Error::new(Code::Checkpoint, found).path(path).hint(format!(
                "fetch it again, or add \"allow\": [\"other_sha256\"] to {} in study.json",
                entry.name
            )));
        }
    }
    Ok(Engine::new(load_network(entry, &path)?, device))
}

/// The network of an entry as the checkpoint at a path has it, under its name there, with its view and its normalisation.
///
/// # Errors
/// As [`Network::load`]; [`Code::Checkpoint`] for a program that was not allowed to run.
pub fn load_network(entry: &NetworkEntry, path: &Path) -> Result<Network> {
    let network = if entry.architecture == PROGRAM {
        if !entry.allow.contains(&Allow::Program) {
            return Err(untrusted(path)
                .hint(format!("if you trust it, add \"allow\": [\"program\"] to {} in study.json", entry.name)));
        }
        Network::program(&entry.name, path, entry.view.unwrap_or_default())?
    } else {
        let how = Loading { table: entry.table.as_deref(), allow: &entry.allow };
        Network::load_with(&entry.architecture, path, &how)?.named(&entry.name)
    };
    let network = match entry.normalisation {
        Some((mean, std)) => network.trained_on(Normalisation { mean, std }),
        None => network,
    };
    Ok(match entry.view {
        Some(view) => network.seeing(view),
        None => network,
    })
}

/// The error for a program that was not allowed to run.
pub(crate) fn untrusted(path: &Path) -> Error {
    Error::new(Code::Checkpoint, "a TorchScript file is a program: it would run whatever it says").path(path)
}

/// A study must have some for what is asked.
pub(super) fn no_networks() -> Error {
    Error::new(Code::Model, "this study has no networks")
        .hint("make it again with some: `lgf init --replace … --network NAME=ARCHITECTURE=WEIGHTS`")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::files::Store;
    use crate::models::{Weights, read_weights, write_weights};
    use crate::study::{Classes, Description};

    /// A study of the drawn classes with one network, whose checkpoint is in its root.
    fn study(store: &Store, weights: &Weights) -> Study {
        write_weights(&store.path("w.safetensors"), weights, HashMap::new()).unwrap();
        let networks = vec![NetworkEntry::new("mine", "slim-resnet50", "w.safetensors")];
        let described = Description { networks, ..Description::named("s", Classes::Sample) };
        Study { store: store.clone(), described }
    }

    fn golden() -> Weights {
        read_weights(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/slim-resnet50.pth")).unwrap()
    }

    #[test]
    fn bad_input_50_nan_and_another_sha256_are_errors_unless_allowed_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let mut weights = golden();
        weights.values_mut().for_each(|tensor| *tensor = tensor.to_kind(tch::Kind::Float));
        let mut study = study(&store, &weights);
        assert_eq!(load_all(&study, Device::Cpu).unwrap()[0].name(), "mine");

        let whole = store.written(&store.path("w.safetensors")).unwrap().sha256;
        study.described.networks[0].sha256 = Some(whole[..8].to_uppercase());
        load_all(&study, Device::Cpu).unwrap();
        study.described.networks[0].sha256 = Some("0123abcd".into());
        let error = load_all(&study, Device::Cpu).unwrap_err();
        assert_eq!(error.code(), Code::Checkpoint);
        for part in ["w.safetensors", &whole[..8], "expected 0123abcd", "\"other_sha256\"", "mine"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        study.described.networks[0].allow = vec![Allow::OtherSha256];
        load_all(&study, Device::Cpu).unwrap();

        let broken = weights["layer1.0.conv2.weight"].copy();
        let _ = broken.view(-1).get(3).fill_(f64::NAN);
        weights.insert("layer1.0.conv2.weight".into(), broken);
        write_weights(&store.path("w.safetensors"), &weights, HashMap::new()).unwrap();
        let error = load_all(&study, Device::Cpu).unwrap_err();
        assert_eq!(error.code(), Code::Checkpoint);
        for part in ["w.safetensors", "tensor layer1.0.conv2.weight", "NaN", "\"non_finite\""] {
            assert!(error.to_string().contains(part), "{error}");
        }
        study.described.networks[0].allow.push(Allow::NonFinite);
        load_all(&study, Device::Cpu).unwrap();
    }

    #[test]
    fn bad_input_76_the_table_of_a_network_in_study_json_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let both = golden().into_iter().flat_map(|(name, tensor)| {
            let other = if name == "fc.bias" { &tensor + 1.0 } else { tensor.copy() };
            [(format!("model.{name}"), tensor), (format!("model_ema.{name}"), other)]
        });
        let mut study = study(&store, &both.collect());
        assert!(load_all(&study, Device::Cpu).unwrap_err().to_string().contains("--table model or"));
        let mut bias = |table: &str| {
            study.described.networks[0].table = Some(table.into());
            let study = Study::begin(store.clone(), study.described.clone()).unwrap();
            let network = load_all(&study, Device::Cpu).unwrap().swap_remove(0);
            network.weights()["fc.bias"].copy()
        };
        assert_eq!(bias("model") + 1.0, bias("model_ema"));
    }

    #[test]
    fn bad_input_84_a_program_runs_only_after_one_word_and_takes_part_in_all_but_rules() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        crate::models::program_tests::written(&store.path("net.pt"), "torch.repeat(torch.mean(x, [2, 3]), [1, 4])");
        let mut study = study(&store, &golden());
        study.described.networks[0] = NetworkEntry::new("mine", PROGRAM, "net.pt");
        let error = load_all(&study, Device::Cpu).unwrap_err();
        for part in ["is a program", "net.pt", "\"allow\": [\"program\"] to mine"] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
        study.described.networks[0].allow = vec![Allow::Program];
        let error = load_all(&study, Device::Cpu).unwrap_err();
        assert!(error.to_string().contains("12 outputs, and the study has 10 classes"), "{error}");
        let ten = "torch.slice(torch.repeat(torch.mean(x, [2, 3]), [1, 4]), 1, 0, 10)";
        crate::models::program_tests::written(&store.path("net.pt"), ten);
        for precision in [Precision::Single, Precision::Double, Precision::BFloat16] {
            let network = load_networks(&study, Form::Folded, precision, Device::Cpu).unwrap().swap_remove(0);
            let white = image::RgbImage::from_pixel(224, 224, image::Rgb([255; 3]));
            let rows = super::super::logits(&network, &[white], super::super::Normalise::Never).unwrap();
            assert!(rows[0].len() == 10 && rows[0].iter().all(|logit| (logit - 1.0).abs() < 1e-2), "{rows:?}");
        }
    }

    #[test]
    fn bad_input_62_a_network_of_another_number_of_classes_is_refused_before_work() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let mut study = study(&store, &golden());
        study.described.classes = Classes::Imagenet;
        let error = load_all(&study, Device::Cpu).unwrap_err();
        assert_eq!(error.code(), Code::Model);
        for part in ["10 outputs", "1000 classes", "w.safetensors", "\"classes\" in study.json"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
