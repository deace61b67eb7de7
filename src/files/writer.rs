//! Which step writes a file of a data root.

use std::path::Path;

use crate::error::{Code, Error};

/// The error for a file that an earlier step writes: it names the step.
pub(crate) fn missing(path: &Path, name: &str) -> Error {
    let error = Error::new(Code::Missing, "not there yet").path(path);
    match written_by(name) {
        Some((notebook, command)) => error.hint(format!("run notebook {notebook} first, or `{command}`")),
        None => error.hint("run the notebooks before this one, or `lgf all`"),
    }
}

/// The notebook and the command that write a table or file, by the beginning of its name.
fn written_by(name: &str) -> Option<(&'static str, &'static str)> {
    const WRITERS: [(&str, &str, &str); 15] = [
        ("sample/", "0", "lgf sample"),
        ("models/", "5.1", "lgf convert"),
        ("imagenet_boundingboxes", "1", "lgf boxes"),
        ("imagenette_", "2", "lgf subset"),
        ("edges_", "3", "lgf edges"),
        ("edges/", "3", "lgf edges"),
        ("datasets", "4", "lgf datasets"),
        ("predictions", "5", "lgf run"),
        ("observed", "5", "lgf observe"),
        ("lrp", "5.2", "lgf relevance"),
        ("imgnette_sample_data", "5.3", "lgf overlap"),
        ("overlap", "5.3", "lgf overlap"),
        ("analysis", "6", "lgf analyse"),
        ("ablation", "6", "lgf ablate"),
        ("study.json", "0", "lgf sample"),
    ];
    WRITERS.iter().find(|(start, ..)| name.starts_with(start)).map(|(_, notebook, command)| (*notebook, *command))
}
