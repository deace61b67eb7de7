//! Annotations and their archives in ImageNet's own layout, byte for byte the same every time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::check::Annotation;
use crate::error::{Error, Result};

/// The XML of one annotation, as ImageNet lays it out.
///
/// ```
/// use lgf::bbox::{Annotation, write_annotation};
///
/// let file = Annotation { folder: "n00007846".into(), size: (500, 333), ..Annotation::default() };
/// assert!(write_annotation(&file).contains("<width>333</width>"));
/// ```
pub fn write_annotation(annotation: &Annotation) -> String {
    let mut xml = String::with_capacity(512 + 320 * annotation.objects.len());
    let (height, width) = annotation.size;
    let number = |value: Option<i32>, usual: i32| value.unwrap_or(usual).to_string();
    let mut line = |depth: usize, text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(xml, "{:\t<depth$}{text}", "");
    };
    let leaf = |name: &str, text: &str| format!("<{name}>{}</{name}>", quick_xml::escape::escape(text));
    line(0, "<annotation>");
    line(1, &leaf("folder", &annotation.folder));
    line(1, &leaf("filename", &annotation.filename));
    line(1, "<source>");
    line(2, &leaf("database", annotation.database.as_deref().unwrap_or("ImageNet database")));
    line(1, "</source>");
    line(1, "<size>");
    line(2, &leaf("width", &width.to_string()));
    line(2, &leaf("height", &height.to_string()));
    line(2, &leaf("depth", &number(annotation.depth, 3)));
    line(1, "</size>");
    line(1, &leaf("segmented", &number(annotation.segmented, 0)));
    for (_, object) in &annotation.objects {
        line(1, "<object>");
        line(2, &leaf("name", object.name.as_deref().unwrap_or(&annotation.folder)));
        line(2, &leaf("pose", object.pose.as_deref().unwrap_or("Unspecified")));
        line(2, &leaf("truncated", &number(object.truncated, 0)));
        line(2, &leaf("difficult", &number(object.difficult, 0)));
        line(2, "<bndbox>");
        for (name, corner) in super::document::CORNERS.iter().zip(object.corners) {
            line(3, &leaf(name, &corner.to_string()));
        }
        line(2, "</bndbox>");
        line(1, "</object>");
    }
    line(0, "</annotation>");
    xml
}

/// Writes a tar.gz of `<wnid>.tar.gz` of `Annotation/<wnid>/<name>.xml`. Synsets are in order, files in the order given;
/// times, owners and gzip headers are fixed, so that the same annotations give the same bytes.
///
/// `synsets` maps a WordNet id to its `(name, xml)` pairs.
///
/// # Errors
/// [`Code::Io`](crate::error::Code::Io) if `out` cannot be written to.
pub fn write_archive(out: impl Write, synsets: &BTreeMap<String, Vec<(String, String)>>) -> Result<()> {
    let mut archive = ArchiveWriter::new(out);
    for (wnid, files) in synsets {
        archive.add(wnid, &pack_synset(wnid, files)?)?;
    }
    archive.finish()
}

/// An archive of annotations that is written synset by synset, so that it need not fit into memory.
pub struct ArchiveWriter<W: Write> {
    outer: tar::Builder<GzEncoder<W>>,
}

impl<W: Write> ArchiveWriter<W> {
    /// An archive without synsets.
    pub fn new(out: W) -> Self {
        ArchiveWriter { outer: tar::Builder::new(gzip(out)) }
    }

    /// Adds a synset, as [`pack_synset`] makes it.
    ///
    /// # Errors
    /// [`Code::Io`](crate::error::Code::Io) if it cannot be written.
    pub fn add(&mut self, wnid: &str, packed: &[u8]) -> Result<()> {
        append(&mut self.outer, &format!("{wnid}.tar.gz"), packed).map_err(failed)
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// [`Code::Io`](crate::error::Code::Io) if it cannot be written.
    pub fn finish(self) -> Result<()> {
        let mut out = self.outer.into_inner().and_then(|gzip| gzip.finish()).map_err(failed)?;
        out.flush().map_err(failed)
    }
}

/// A synset's `(name, xml)` pairs as the bytes of its `tar.gz`.
///
/// # Errors
/// [`Code::Io`](crate::error::Code::Io) if a name is too long for a tar.
pub fn pack_synset(wnid: &str, files: &[(String, String)]) -> Result<Vec<u8>> {
    let mut inner = tar::Builder::new(gzip(Vec::new()));
    for (name, xml) in files {
        append(&mut inner, &format!("Annotation/{wnid}/{name}.xml"), xml.as_bytes()).map_err(failed)?;
    }
    inner.into_inner().and_then(|gzip| gzip.finish()).map_err(failed)
}

fn failed(cause: std::io::Error) -> Error {
    Error::io("writing the archive", "", cause)
}

fn gzip<W: Write>(out: W) -> GzEncoder<W> {
    // 255 is "unknown" for the operating system.
    GzBuilder::new().mtime(0).operating_system(255).write(out, Compression::default())
}

fn append(tar: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    tar.append_data(&mut header, name, bytes)
}
