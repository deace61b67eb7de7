//! One annotation as it stands in its XML: texts, nothing checked yet.

use std::borrow::Cow;

use quick_xml::events::{BytesRef, Event};
use quick_xml::reader::Reader;

use super::limits::Limits;
use crate::error::{Code, Error, Result};

/// The texts of one XML file, borrowed from it; `None` where the element is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Texts<'a> {
    pub(super) folder: Text<'a>,
    pub(super) filename: Text<'a>,
    pub(super) database: Text<'a>,
    pub(super) width: Text<'a>,
    pub(super) height: Text<'a>,
    pub(super) depth: Text<'a>,
    pub(super) segmented: Text<'a>,
    pub(super) objects: Vec<ObjectTexts<'a>>,
}

/// The texts of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ObjectTexts<'a> {
    pub(super) name: Text<'a>,
    pub(super) pose: Text<'a>,
    pub(super) truncated: Text<'a>,
    pub(super) difficult: Text<'a>,
    pub(super) corners: [Text<'a>; 4],
}

/// A text, borrowed where it is of one piece.
type Text<'a> = Option<Cow<'a, str>>;

/// The names of a box's corners, in the order of [`ObjectTexts::corners`].
pub(super) const CORNERS: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];

/// The elements of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Annotation,
    Folder,
    Filename,
    Source,
    Database,
    Size,
    Width,
    Height,
    Depth,
    Segmented,
    Object,
    Name,
    Pose,
    Truncated,
    Difficult,
    Bndbox,
    Corner(u8),
    Other,
}

impl Tag {
    fn of(name: &str) -> Tag {
        match name {
            "annotation" => Tag::Annotation,
            "folder" => Tag::Folder,
            "filename" => Tag::Filename,
            "source" => Tag::Source,
            "database" => Tag::Database,
            "size" => Tag::Size,
            "width" => Tag::Width,
            "height" => Tag::Height,
            "depth" => Tag::Depth,
            "segmented" => Tag::Segmented,
            "object" => Tag::Object,
            "name" => Tag::Name,
            "pose" => Tag::Pose,
            "truncated" => Tag::Truncated,
            "difficult" => Tag::Difficult,
            "bndbox" => Tag::Bndbox,
            "xmin" => Tag::Corner(0),
            "ymin" => Tag::Corner(1),
            "xmax" => Tag::Corner(2),
            "ymax" => Tag::Corner(3),
            _ => Tag::Other,
        }
    }
}

/// Reads one document, event by event. Entities other than XML's own five are an error, and so is a document type: none
/// is ever expanded or looked up.
pub(super) fn parse<'a>(xml: &'a str, limits: &Limits) -> Result<Texts<'a>> {
    let mut reader = Reader::from_str(xml);
    let mut texts = Texts { objects: Vec::with_capacity(1), ..Texts::default() };
    let mut path: Vec<Tag> = Vec::with_capacity(8);
    let mut text: Cow<'a, str> = Cow::Borrowed("");
    let mut roots = 0;
    let at = |error: Error, byte: u64| error.place(place(xml, byte));
    loop {
        step();
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
                let name = Tag::of(tag.name().as_ref());
                if path.is_empty() {
                    roots += 1;
                    if name != Tag::Annotation || roots > 1 {
                        return refuse("expected one root element, <annotation>".to_string());
                    }
                }
                path.push(name);
                if path == [Tag::Annotation, Tag::Object] {
                    texts.objects.push(ObjectTexts::default());
                }
                text = Cow::Borrowed("");
            }
            Event::Empty(tag) => {
                if too_many_attributes(&tag, limits) {
                    return over(format!("more than {} attributes", limits.xml_attributes));
                }
                match (path.is_empty(), Tag::of(tag.name().as_ref())) {
                    (true, Tag::Annotation) => roots += 1,
                    (true, _) => return refuse("expected one root element, <annotation>".to_string()),
                    (false, Tag::Object) if path == [Tag::Annotation] => texts.objects.push(ObjectTexts::default()),
                    (false, _) => {}
                }
            }
            Event::Text(piece) => {
                if path.is_empty() && !piece.trim().is_empty() {
                    return refuse("text outside <annotation>".to_string());
                }
                join(&mut text, piece.into_inner());
            }
            Event::CData(piece) => join(&mut text, piece.into_inner()),
            Event::GeneralRef(reference) => match character(&reference) {
                Some(character) => text.to_mut().push(character),
                None => return refuse(format!("the entity &{}; is not expanded", &*reference)),
            },
            Event::End(_) => {
                texts.keep(&path, std::mem::take(&mut text));
                path.pop();
            }
            Event::DocType(_) => return refuse("a document type (DOCTYPE) is not accepted".to_string()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    let end = |message: String| Err(at(Error::new(Code::Xml, message), xml.len() as u64));
    if !path.is_empty() {
        let depth = path.len();
        return end(format!("the file is cut: {depth} elements are not closed"));
    }
    if roots == 0 { end("no <annotation> in the file".to_string()) } else { Ok(texts) }
}

/// Appends a piece, without copying it where it is the first.
fn join<'a>(text: &mut Cow<'a, str>, piece: Cow<'a, str>) {
    if text.is_empty() { *text = piece } else { text.to_mut().push_str(&piece) }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_string()),
    }
}

impl<'a> Texts<'a> {
    /// Keeps the text of the element at `path`, the first one where there are several.
    fn keep(&mut self, path: &[Tag], text: Cow<'a, str>) {
        let [Tag::Annotation, path @ ..] = path else { return };
        let slot = match (path, self.objects.last_mut()) {
            ([Tag::Folder], _) => &mut self.folder,
            ([Tag::Filename], _) => &mut self.filename,
            ([Tag::Segmented], _) => &mut self.segmented,
            ([Tag::Source, Tag::Database], _) => &mut self.database,
            ([Tag::Size, Tag::Width], _) => &mut self.width,
            ([Tag::Size, Tag::Height], _) => &mut self.height,
            ([Tag::Size, Tag::Depth], _) => &mut self.depth,
            ([Tag::Object, Tag::Name], Some(object)) => &mut object.name,
            ([Tag::Object, Tag::Pose], Some(object)) => &mut object.pose,
            ([Tag::Object, Tag::Truncated], Some(object)) => &mut object.truncated,
            ([Tag::Object, Tag::Difficult], Some(object)) => &mut object.difficult,
            ([Tag::Object, Tag::Bndbox, Tag::Corner(corner)], Some(object)) => {
                &mut object.corners[usize::from(*corner)]
            }
            _ => return,
        };
        let text = trimmed(text);
        if slot.is_none() && !text.is_empty() {
            *slot = Some(text);
        }
    }
}

fn too_many_attributes(tag: &quick_xml::events::BytesStart<'_>, limits: &Limits) -> bool {
    !tag.attributes_raw().is_empty()
        && tag.attributes().with_checks(false).inspect(|_| step()).nth(limits.xml_attributes).is_some()
}

/// One event or attribute more; tests count them.
fn step() {
    #[cfg(test)]
    STEPS.set(STEPS.get() + 1);
}

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Events and attributes that this thread has looked at.
#[cfg(test)]
pub(super) fn steps() -> u64 {
    STEPS.get()
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
