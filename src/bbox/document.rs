//! One annotation as it stands in its XML: texts, nothing checked yet.

use quick_xml::events::{BytesRef, Event};
use quick_xml::reader::Reader;

use super::limits::Limits;
use crate::error::{Code, Error, Result};

/// The texts of one XML file; `None` where the element is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) folder: Option<String>,
    pub(super) filename: Option<String>,
    pub(super) database: Option<String>,
    pub(super) width: Option<String>,
    pub(super) height: Option<String>,
    pub(super) depth: Option<String>,
    pub(super) segmented: Option<String>,
    pub(super) objects: Vec<ObjectTexts>,
}

/// The texts of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ObjectTexts {
    pub(super) name: Option<String>,
    pub(super) pose: Option<String>,
    pub(super) truncated: Option<String>,
    pub(super) difficult: Option<String>,
    pub(super) corners: [Option<String>; 4],
}

/// The names of a box's corners, in the order of [`ObjectTexts::corners`].
pub(super) const CORNERS: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];

/// Reads one document, event by event. Entities other than XML's own five are an error, and so is a document type: none
/// is ever expanded or looked up.
pub(super) fn parse(xml: &str, limits: &Limits) -> Result<Texts> {
    let mut reader = Reader::from_str(xml);
    let mut texts = Texts::default();
    let mut path: Vec<&str> = Vec::with_capacity(8);
    let mut text = String::new();
    let mut roots = 0;
    let at = |error: Error, byte: u64| error.place(place(xml, byte));
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(cause) => {
                return Err(at(Error::new(Code::Xml, cause.to_string()), reader.error_position()));
            }
        };
        let refuse = |message: String| Err(at(Error::new(Code::Xml, message), reader.buffer_position()));
        let over = |message: String| Err(at(Error::new(Code::Limit, message), reader.buffer_position()));
        match event {
            Event::Start(tag) => {
                if path.len() >= limits.xml_depth {
                    return over(format!("elements nested deeper than {}", limits.xml_depth));
                }
                if too_many_attributes(&tag, limits) {
                    return over(format!("more than {} attributes", limits.xml_attributes));
                }
                let name = known(tag.name().as_ref());
                if path.is_empty() {
                    roots += 1;
                    if name != "annotation" || roots > 1 {
                        return refuse("expected one root element, <annotation>".to_string());
                    }
                }
                path.push(name);
                if path == ["annotation", "object"] {
                    texts.objects.push(ObjectTexts::default());
                }
                text.clear();
            }
            Event::Empty(tag) => {
                if too_many_attributes(&tag, limits) {
                    return over(format!("more than {} attributes", limits.xml_attributes));
                }
                match (path.is_empty(), known(tag.name().as_ref())) {
                    (true, "annotation") => roots += 1,
                    (true, _) => return refuse("expected one root element, <annotation>".to_string()),
                    (false, "object") if path == ["annotation"] => texts.objects.push(ObjectTexts::default()),
                    (false, _) => {}
                }
            }
            Event::Text(piece) => {
                if path.is_empty() && !piece.trim().is_empty() {
                    return refuse("text outside <annotation>".to_string());
                }
                text.push_str(&piece);
            }
            Event::CData(piece) => text.push_str(&piece),
            Event::GeneralRef(reference) => match character(&reference) {
                Some(character) => text.push(character),
                None => return refuse(format!("the entity &{}; is not expanded", &*reference)),
            },
            Event::End(_) => {
                texts.keep(&path, text.trim());
                text.clear();
                path.pop();
            }
            Event::DocType(_) => return refuse("a document type (DOCTYPE) is not accepted".to_string()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    let end = |message: String| Err(at(Error::new(Code::Xml, message), xml.len() as u64));
    if let Some(open) = path.last() {
        return end(format!("the file is cut: an element inside or at <{open}> is not closed"));
    }
    if roots == 0 { end("no <annotation> in the file".to_string()) } else { Ok(texts) }
}

impl Texts {
    /// Keeps the text of the element at `path`, the first one where there are several.
    fn keep(&mut self, path: &[&str], text: &str) {
        let Some(("annotation", path)) = path.split_first().map(|(root, rest)| (*root, rest)) else { return };
        let slot = match (path, self.objects.last_mut()) {
            (["folder"], _) => &mut self.folder,
            (["filename"], _) => &mut self.filename,
            (["segmented"], _) => &mut self.segmented,
            (["source", "database"], _) => &mut self.database,
            (["size", "width"], _) => &mut self.width,
            (["size", "height"], _) => &mut self.height,
            (["size", "depth"], _) => &mut self.depth,
            (["object", "name"], Some(object)) => &mut object.name,
            (["object", "pose"], Some(object)) => &mut object.pose,
            (["object", "truncated"], Some(object)) => &mut object.truncated,
            (["object", "difficult"], Some(object)) => &mut object.difficult,
            (["object", "bndbox", corner], Some(object)) => match CORNERS.iter().position(|name| name == corner) {
                Some(index) => &mut object.corners[index],
                None => return,
            },
            _ => return,
        };
        if slot.is_none() && !text.is_empty() {
            *slot = Some(text.to_string());
        }
    }
}

/// The element's name if it is one of an annotation's, else `"?"`.
fn known(name: &str) -> &'static str {
    match name {
        "annotation" => "annotation",
        "folder" => "folder",
        "filename" => "filename",
        "source" => "source",
        "database" => "database",
        "size" => "size",
        "width" => "width",
        "height" => "height",
        "depth" => "depth",
        "segmented" => "segmented",
        "object" => "object",
        "name" => "name",
        "pose" => "pose",
        "truncated" => "truncated",
        "difficult" => "difficult",
        "bndbox" => "bndbox",
        "xmin" => "xmin",
        "ymin" => "ymin",
        "xmax" => "xmax",
        "ymax" => "ymax",
        _ => "?",
    }
}

fn too_many_attributes(tag: &quick_xml::events::BytesStart<'_>, limits: &Limits) -> bool {
    !tag.attributes_raw().is_empty()
        && tag.attributes().with_checks(false).take(limits.xml_attributes + 1).count() > limits.xml_attributes
}

/// The character that a reference stands for: one of XML's own five, or a number.
fn character(reference: &BytesRef<'_>) -> Option<char> {
    match &**reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => reference.resolve_char_ref().ok().flatten(),
    }
}

/// Line and column, both from 1, of a byte.
fn place(xml: &str, byte: u64) -> String {
    let before = &xml.as_bytes()[..(byte as usize).min(xml.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    format!("line {line}, column {column}")
}
