//! One annotation of an archive, as it stands and as rows.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;

use super::archive::{Member, is_archive, is_leftover, walk};
use super::encoding::decode;
use super::limits::Limits;
use super::pieces::document_boxes;
use crate::error::{Code, Error, Result};

/// One XML file of an archive.
#[derive(Debug, Clone)]
pub struct Example {
    /// The file's name in its archive.
    pub member: String,
    /// Its text.
    pub xml: String,
    /// What the table of boxes has of it: one row an object.
    pub boxes: DataFrame,
}

/// The first XML file of an archive, or of a folder of archives or of XML files; nothing beyond it is read.
///
/// # Errors
/// [`Code::Missing`] if there is none; as [`read_archive`](super::read_archive) otherwise.
pub fn first_example(path: &Path, limits: &Limits) -> Result<Example> {
    let found = first_xml(path, limits)?;
    let (member, bytes) = found.ok_or_else(|| Error::new(Code::Missing, "no XML file in the archive").path(path))?;
    let boxes = document_boxes(&member, &bytes, &path.display().to_string(), limits)?;
    Ok(Example { xml: decode(&bytes)?.into_owned(), member, boxes })
}

type Xml = (String, Vec<u8>);

fn first_xml(path: &Path, limits: &Limits) -> Result<Option<Xml>> {
    let unreadable = |cause| Error::io("reading", path, cause);
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        let entries: std::io::Result<Vec<PathBuf>> =
            fs::read_dir(path).map_err(unreadable)?.map(|entry| Ok(entry?.path())).collect();
        let mut entries = entries.map_err(unreadable)?;
        entries.sort();
        let leftover = |entry: &PathBuf| is_leftover(&entry.file_name().unwrap_or_default().to_string_lossy());
        for entry in entries.into_iter().filter(|entry| !leftover(entry)) {
            if entry.is_dir() || is_archive(&entry.to_string_lossy()) {
                if let Some(found) = first_xml(&entry, limits)? {
                    return Ok(Some(found));
                }
            } else if entry.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("xml")) {
                let bytes = fs::read(&entry).map_err(|cause| Error::io("reading", &entry, cause))?;
                return Ok(Some((entry.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes)));
            }
        }
        return Ok(None);
    }
    let source = path.display().to_string();
    let mut found = None;
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    let walked = walk(file, &source, limits, &mut |member| {
        found = match member {
            Member::Xml { name, bytes } => Some((name.to_string(), bytes.to_vec())),
            Member::Archive { bytes, .. } => inner_xml(&bytes, &source, limits),
            Member::Skipped(_) | Member::PassedOver(_) | Member::Leftover => None,
        };
        if found.is_some() { Err(enough()) } else { Ok(()) }
    });
    match walked {
        Err(error) if error.code() != Code::Stopped => Err(error),
        _ => Ok(found),
    }
}

fn inner_xml(bytes: &[u8], source: &str, limits: &Limits) -> Option<Xml> {
    let mut found = None;
    // An inner archive that cannot be read has no example; step 1 lists it.
    let _ = walk(bytes, source, limits, &mut |member| match member {
        Member::Xml { name, bytes } => {
            found = Some((name.to_string(), bytes.to_vec()));
            Err(enough())
        }
        _ => Ok(()),
    });
    found
}

/// Ends a walk that has found what it looked for.
fn enough() -> Error {
    Error::new(Code::Stopped, "the first file was found")
}
