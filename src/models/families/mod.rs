//! The families of networks: one file each, with its nodes and its table of widths and key names; and the one list of them.
//!
//! A family's file has `NETWORKS`, its networks as names and tables, and `nodes`, which makes the layers of a table.

mod graph;
mod inputs;
mod names;
mod smoothing;

pub use bag_of_tiles::{is_mirrored, keep_symmetry};
pub(super) use names::{NAMINGS, Naming};
pub use smoothing::{Smoothing, smoothing};

use super::architecture::Architecture;
use crate::error::{Code, Error, Result};

/// The families, a line each.
macro_rules! families {
    ($($family:ident)*) => {
        $(mod $family;)*

        /// The networks that [`architecture`] knows, family by family.
        pub fn architectures() -> Vec<String> {
            [$(&$family::NETWORKS.map(|(name, _)| name.to_string())[..]),*].concat()
        }

        fn layers(name: &str) -> Option<Vec<super::layer::Node>> {
            $(if let Some((_, table)) = $family::NETWORKS.iter().find(|(other, _)| *other == name) {
                return Some($family::nodes(table));
            })*
            None
        }

        #[cfg(test)]
        const FAMILIES: &[&str] = &[$(stringify!($family)),*];
    };
}

families! {
    alexnet
    vgg
    resnet
    squeezenet
    densenet
    googlenet
    mobilenet
    efficientnet
    regnet
    convnext
    vit
    swin
    bagnet
    bag_of_tiles
}

/// The architecture of a name: `vgg16`, `vgg16-bn`, `resnet50`, `resnext50` (32 x 4d), `se-resnet50`, `se-resnext50`,
/// `convnext_tiny`, `vit_b_16`, `efficientnet-lite0`, the others of these families ([`architectures`] lists them), or `slim-` and
/// one of the six of the study (the sample's: narrower, ten outputs). `sin-resnet50` is `resnet50` with other weights. The
/// names that torchvision and timm have for the same networks will do, too: `vgg16_bn`, `vit_base_patch16_224`; and the names that
/// timm's checkpoints have for their tensors.
///
/// ```
/// let network = lgf::models::architecture("resnet50")?;
/// assert_eq!((network.nodes().len(), network.classes()), (175, 1000));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Model`] listing the names there are.
pub fn architecture(name: &str) -> Result<Architecture> {
    let unknown =
        || Error::new(Code::Model, format!("no architecture {name:?}; there are {}", architectures().join(", ")));
    let (view, normalisation) = inputs::usual(name);
    Ok(Architecture::of(layers(inputs::own_name(name)).ok_or_else(unknown)?).seeing(view, normalisation))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_family_is_a_file_and_a_line_of_the_list() {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = BTreeSet::new();
        for entry in std::fs::read_dir(source.join("models/families")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            files.insert(name.trim_end_matches(".rs").to_string());
        }
        for other in ["mod", "graph", "inputs", "names", "smoothing"] {
            assert!(files.remove(other));
        }
        assert_eq!(files, FAMILIES.iter().map(|family| family.to_string()).collect());
        // Nothing else names one.
        let mut folders = vec![source];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                for family in &files {
                    assert!(!text.contains(&format!("families::{family}")), "{}: {family}", path.display());
                }
            }
        }
    }

    #[test]
    fn names_are_each_of_one_network_whose_layers_fit() {
        let names = architectures();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for name in names {
            let network = architecture(&name).unwrap();
            let mut sizes = vec![vec![1, 3, 224, 224]];
            let mut keys = BTreeSet::new();
            for node in network.nodes() {
                sizes.push(node.size(&sizes));
                assert!(sizes.last().unwrap().iter().all(|&side| side > 0), "{name} {}", node.name);
                assert!(node.layer.parameters().into_iter().all(|parameter| keys.insert(parameter.name)), "{name}");
            }
            assert_eq!(sizes.last().unwrap()[..], [1, network.classes()], "{name}");
            let other = network.with_classes(7);
            assert_eq!((other.classes(), other.classes()), (7, 7), "{name}");
        }
    }

    #[test]
    fn the_networks_of_the_sample_are_small() {
        let small = architectures().into_iter().map(|name| architecture(&name).unwrap());
        let small: Vec<i64> = small.filter(|network| network.classes() == 10).map(|network| network.count()).collect();
        assert!(small.len() >= 6 && small.iter().all(|&count| count < 400_000), "{small:?}");
    }

    #[test]
    fn an_unknown_name_lists_the_known() {
        let error = architecture("resnet51").unwrap_err();
        assert!(error.to_string().contains("se-resnext50"), "{error}");
    }
}
