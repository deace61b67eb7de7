//! What must hold of what is kept of steps, whatever stands in the files: no result that was not finished, or nothing.

use super::decided::Decided;
use super::parts::PartsFolder;
use super::{Named, Parts, Portion};
use crate::files::{Journal, Store};
use crate::readers::{in_folder, read};
use crate::table::ScoreRow;

/// A manifest, or the marker of a piece. `KEY` stands for the key, which is another one with each change of the code.
pub(crate) fn manifest(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let files: [(&str, &[u8]); 2] = [("edges.txt", b"result"), ("manifests/other.json", bytes)];
    in_folder(&files, |folder| {
        let Some(store) = read(Store::reading(folder)) else { return false };
        let record = read(store.record(Named("edges", "edges"), &1, &[])).expect("it reads nothing");
        let piece = read(store.piece(Named("edges", "edges"), &1)).expect("it reads nothing");
        let write = |name: &str, key: &str| read(store.write_unsynced(name, text.replace("KEY", key).as_bytes()));
        let written = write("manifests/edges.json", record.key()).and(write("manifests/pieces/edges.json", &piece.key));
        written.expect("room for temporary files");
        let finished = record.finished();
        if let Some(summary) = &finished {
            assert!(summary.input == summary.ok + summary.skipped && summary.stage == "edges");
        }
        finished.is_some() | piece.finished().is_some()
    })
}

/// A file of parts as it is, and records of such kinds and contents as the bytes say, whose checks are right.
pub(crate) fn parts(bytes: &[u8]) -> bool {
    let whole = in_folder(&[("manifests/parts/edges/there-1-0.parts", bytes)], |folder| {
        let store = Store::reading(folder).expect("it has no manifest");
        look_at(&store)
    });
    let resealed = in_folder(&[("manifests/parts/edges/none", b"")], |folder| {
        let store = Store::reading(folder).expect("it has no manifest");
        let mut journal =
            read(Journal::create(&store.path("manifests/parts/edges"))).expect("room for temporary files");
        let mut rest = bytes;
        while let [kind, length, after @ ..] = rest {
            let (content, left) = after.split_at(after.len().min(usize::from(*length)));
            read(journal.append(*kind, content)).expect("room for temporary files");
            rest = left;
        }
        look_at(&store)
    });
    whole | resealed
}

/// Everything that a step asks of its parts; whether something is there.
fn look_at(store: &Store) -> bool {
    let Some(folder) = read(PartsFolder::open(store, "manifests/parts/edges")) else { return false };
    let text = |text: &str| text.to_string();
    let (step, key, code, parameters, inputs) = (text("edges"), text("key"), text("code"), text("of"), text("these"));
    let parts: Parts = folder.of(&Decided { step, key, code, parameters, inputs, device: String::new() });
    let numbers = parts.numbers();
    for number in numbers.iter().copied().take(100) {
        read(parts.has(number));
        read(parts.outcome::<Vec<ScoreRow>>(number));
        read(parts.read::<Vec<ScoreRow>>(number));
    }
    let there = parts.there(10);
    let items = ["a"; 10].map(|id| Portion { id, size: 3 });
    read::<()>(Err(parts.gaps("pictures", &items, &there)));
    assert!(parts.workers().len() <= 1 && parts.devices().len() <= 1 && there.len() == items.len());
    let _ = (parts.begun(), parts.measured());
    read(super::begun_shards(store));
    !numbers.is_empty()
}
