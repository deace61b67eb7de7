//! One annotation as it stands in its XML: texts, nothing checked yet.

use std::borrow::Cow;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use super::limits::Limits;
use crate::error::{Code, Error, Result};
use crate::table::boxes::{XMAX, XMIN, YMAX, YMIN};

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
pub(super) const CORNERS: [&str; 4] = [XMIN, YMIN, XMAX, YMAX];

/// The elements of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
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
    pub(super) fn of(name: &str) -> Tag {
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
    let mut parsing = Parsing { texts: Texts::one(), path: Vec::with_capacity(8), text: Cow::Borrowed(""), roots: 0 };
    let at = |error: Error, byte: u64| error.place(place(xml, byte));
    loop {
        step();
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => parsing.event(event, limits).map_err(|error| at(error, reader.buffer_position()))?,
            Err(cause) => return Err(at(Error::new(Code::Xml, cause.to_string()), reader.error_position())),
        }
    }
    parsing.end().map_err(|error| at(error, xml.len() as u64))
}

fn refuse(message: impl Into<String>) -> Result<()> {
    Err(Error::new(Code::Xml, message))
}

fn over(message: String) -> Result<()> {
    Err(Error::new(Code::Limit, message))
}

/// A document on its way: the elements that are open, and the text of the innermost.
struct Parsing<'a> {
    texts: Texts<'a>,
    path: Vec<Tag>,
    text: Cow<'a, str>,
    roots: usize,
}

impl<'a> Parsing<'a> {
    fn event(&mut self, event: Event<'a>, limits: &Limits) -> Result<()> {
        match event {
            Event::Start(tag) => self.start(&tag, limits)?,
            Event::Empty(tag) => self.empty(&tag, limits)?,
            Event::Text(piece) if self.path.is_empty() && !piece.trim().is_empty() => {
                return refuse("text outside <annotation>");
            }
            Event::Text(piece) => join(&mut self.text, piece.into_inner()),
            Event::CData(piece) => join(&mut self.text, piece.into_inner()),
            Event::GeneralRef(reference) => match character(&reference) {
                Some(character) => self.text.to_mut().push(character),
                None => return refuse(format!("the entity &{}; is not expanded", &*reference)),
            },
            Event::End(_) => {
                self.texts.keep(&self.path, std::mem::take(&mut self.text));
                self.path.pop();
            }
            Event::DocType(_) => return refuse("a document type (DOCTYPE) is not accepted"),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: &BytesStart<'_>, limits: &Limits) -> Result<()> {
        if self.path.len() >= limits.xml_depth {
            return over(format!("elements nested deeper than {}", limits.xml_depth));
        }
        check_attributes(tag, limits)?;
        let name = Tag::of(tag.name().as_ref());
        if self.path.is_empty() {
            self.roots += 1;
            if name != Tag::Annotation || self.roots > 1 {
                return refuse("expected one root element, <annotation>");
            }
        }
        self.path.push(name);
        self.texts.begin(&self.path);
        self.text = Cow::Borrowed("");
        Ok(())
    }

    fn empty(&mut self, tag: &BytesStart<'_>, limits: &Limits) -> Result<()> {
        check_attributes(tag, limits)?;
        match (self.path.is_empty(), Tag::of(tag.name().as_ref())) {
            (true, Tag::Annotation) => self.roots += 1,
            (true, _) => return refuse("expected one root element, <annotation>"),
            (false, Tag::Object) if self.path == [Tag::Annotation] => self.texts.objects.push(ObjectTexts::default()),
            (false, _) => {}
        }
        Ok(())
    }

    fn end(self) -> Result<Texts<'a>> {
        if !self.path.is_empty() {
            refuse(format!("the file is cut: {} elements are not closed", self.path.len()))?;
        }
        if self.roots == 0 {
            refuse("no <annotation> in the file")?;
        }
        Ok(self.texts)
    }
}

/// Appends a piece, without copying it where it is the first.
fn join<'a>(text: &mut Cow<'a, str>, piece: Cow<'a, str>) {
    if text.is_empty() { *text = piece } else { text.to_mut().push_str(&piece) }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    let printed = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    match text {
        // Nearly all: nothing to take off.
        text if printed(text.as_bytes().first()) && printed(text.as_bytes().last()) => text,
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_string()),
    }
}

impl<'a> Texts<'a> {
    /// None yet, with room for one object.
    pub(super) fn one() -> Self {
        Texts { objects: Vec::with_capacity(1), ..Texts::default() }
    }

    /// The element at `path` begins.
    pub(super) fn begin(&mut self, path: &[Tag]) {
        if path == [Tag::Annotation, Tag::Object] {
            self.objects.push(ObjectTexts::default());
        }
    }

    /// Keeps the text of the element at `path`, the first one where there are several.
    pub(super) fn keep(&mut self, path: &[Tag], text: Cow<'a, str>) {
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

fn check_attributes(tag: &BytesStart<'_>, limits: &Limits) -> Result<()> {
    let most = limits.xml_attributes;
    let too_many = || tag.attributes().with_checks(false).inspect(|_| step()).nth(most).is_some();
    if !tag.attributes_raw().is_empty() && too_many() {
        return over(format!("more than {most} attributes"));
    }
    Ok(())
}

/// One event or attribute more; tests count them.
fn step() {
    #[cfg(any(test, feature = "fuzzing"))]
    STEPS.set(STEPS.get() + 1);
}

#[cfg(any(test, feature = "fuzzing"))]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Events and attributes that this thread has looked at.
#[cfg(any(test, feature = "fuzzing"))]
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
