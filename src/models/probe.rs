//! What must hold of checkpoints and lists of networks, whatever stands in them.

pub(crate) use super::checkpoint::probe::{safetensors, tensorflow_index, tensorflow_shard, torch, torch_zip};
use super::registry::{Registry, parse};
use crate::files::Store;
use crate::readers::{in_folder, read};

/// A list of networks: entries whose files lie below the root, which are the same when they are written again; or one error.
pub(crate) fn networks(bytes: &[u8]) -> bool {
    let Some(entries) = std::str::from_utf8(bytes).ok().and_then(|text| read(parse(text))) else { return false };
    let again = serde_json::to_string(&entries).expect("it was read from such text");
    assert_eq!(read(parse(&again)), Some(entries));
    in_folder(&[("networks.json", bytes)], |folder| {
        let store = Store::reading(folder).expect("it has no manifest");
        let registry = read(Registry::open(&store)).expect("its own list is right");
        for entry in registry.entries() {
            let paths = read(entry.paths(&store)).expect("it was checked");
            let below = |path: &std::path::PathBuf| {
                path.starts_with(store.root().join("downloads"))
                    && !path.components().any(|part| part.as_os_str() == "..")
            };
            assert!(paths.iter().all(below));
        }
    });
    true
}
