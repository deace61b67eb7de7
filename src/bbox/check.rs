//! From the texts of an annotation to numbers that cannot be wrong: `0 <= xmin < xmax <= width`, the same for y.

use std::borrow::Cow;

use polars::prelude::PlSmallStr;

use super::document::{CORNERS, ObjectTexts, Texts};
use crate::error::{Code, Error, Result, listed};
use crate::files::is_wnid;
use crate::table::Reject;

/// One object of a photograph, as the annotation has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// The class, a WordNet id in ImageNet.
    pub name: Option<PlSmallStr>,
    /// `Unspecified` in ImageNet.
    pub pose: Option<PlSmallStr>,
    /// 1 if the object goes beyond the picture's edge.
    pub truncated: Option<i32>,
    /// 1 if the object is hard to recognise.
    pub difficult: Option<i32>,
    /// `[xmin, ymin, xmax, ymax]` in pixels of the original photograph; the maxima are just outside the box.
    pub corners: [i32; 4],
}

/// One annotation: a photograph's name and size, and its objects. Texts are polars' short strings, which need no memory
/// of their own up to 24 bytes: there are millions of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotation {
    /// The folder that the file names: the synset in ImageNet.
    pub folder: PlSmallStr,
    /// The photograph's name without its ending.
    pub filename: PlSmallStr,
    /// Where the photograph is from.
    pub database: Option<PlSmallStr>,
    /// Height and width of the photograph, in pixels.
    pub size: (u32, u32),
    /// Number of channels.
    pub depth: Option<i32>,
    /// 1 if there is a segmentation.
    pub segmented: Option<i32>,
    /// The objects, each with its index within the file.
    pub objects: Vec<(i32, Object)>,
}

/// An annotation that was accepted, with its remarks.
#[derive(Debug, Clone, Default)]
pub(super) struct Checked {
    pub(super) annotation: Annotation,
    /// Objects in the file, skipped ones too.
    pub(super) declared: u64,
    /// Boxes that were skipped.
    pub(super) skipped: Vec<Reject>,
    /// Boxes that were clamped, and names that differ.
    pub(super) flags: Vec<Reject>,
}

/// Checks one file's texts. `stem` is the member's name without folder and ending: it is the photograph's name.
pub(super) fn check(texts: Texts<'_>, source: &str, member: &str, stem: &str) -> Result<Checked> {
    let row = |place: String, code: Code, message: String| {
        Reject::of("boxes", member, &Error::new(code, message).path(source).place(place))
    };
    let width = side("width", texts.width.as_deref())?;
    let height = side("height", texts.height.as_deref())?;
    let mut checked = Checked { declared: texts.objects.len() as u64, ..Checked::default() };
    if let Some(name) = texts.filename.as_deref().filter(|name| *name != stem && without_ending(name) != stem) {
        let message = format!("<filename> is {name:?}, the member is {stem:?}: the member's name is taken");
        checked.flags.push(row("filename".to_string(), Code::Xml, message));
    }
    let mut left_empty = LeftEmpty::default();
    let mut objects = Vec::with_capacity(texts.objects.len());
    for (index, object) in texts.objects.into_iter().enumerate() {
        let place = || format!("object {index}");
        match fit(&object, (height, width)) {
            Ok((corners, clamped)) => {
                if let Some(message) = clamped {
                    checked.flags.push(row(place(), Code::Box, message));
                }
                let of = |field: &'static str| Field { name: field, object: Some(index) };
                let object = Object {
                    name: left_empty.text(of("name"), object.name),
                    pose: left_empty.text(of("pose"), object.pose),
                    truncated: left_empty.number(of("truncated"), object.truncated.as_deref()),
                    difficult: left_empty.number(of("difficult"), object.difficult.as_deref()),
                    corners,
                };
                objects.push((index as i32, object));
            }
            Err(message) => checked.skipped.push(row(place(), Code::Box, message)),
        }
    }
    let of = |field: &'static str| Field { name: field, object: None };
    checked.annotation = Annotation {
        folder: short(texts.folder).unwrap_or_else(|| class_of(member, stem).into()),
        filename: stem.into(),
        database: left_empty.text(of("database"), texts.database),
        size: (height as u32, width as u32),
        depth: left_empty.number(of("depth"), texts.depth.as_deref()),
        segmented: left_empty.number(of("segmented"), texts.segmented.as_deref()),
        objects,
    };
    if let Some(message) = left_empty.message() {
        checked.flags.push(row(String::new(), Code::Xml, message));
    }
    Ok(checked)
}

/// A field that costs no box: of an object, or of the whole file.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    object: Option<usize>,
}

/// Fields without a value that can be used, each with what stands there.
#[derive(Default)]
struct LeftEmpty(Vec<String>);

impl LeftEmpty {
    fn text(&mut self, field: Field, text: Option<Cow<'_, str>>) -> Option<PlSmallStr> {
        if text.is_none() {
            self.add(field, None);
        }
        short(text)
    }

    fn number(&mut self, field: Field, text: Option<&str>) -> Option<i32> {
        let number = text.and_then(whole);
        if number.is_none() {
            self.add(field, text);
        }
        number
    }

    fn add(&mut self, Field { name, object }: Field, text: Option<&str>) {
        let found = text.map_or("missing".to_string(), |text| format!("{text:?}"));
        let of = object.map_or(String::new(), |index| format!(" of object {index}"));
        self.0.push(format!("{name}{of} is {found}"));
    }

    fn message(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| format!("left empty: {}", listed(&self.0, 12)))
    }
}

/// A whole number, which may be written with a sign and as a decimal fraction (`+10`, `10.0`). Any other fraction is
/// none: a corner between two pixels costs its box, a side the file, and what is optional is left empty.
fn whole(text: &str) -> Option<i32> {
    text.parse().ok().or_else(|| {
        let (text, zeros) = text.split_once('.')?;
        zeros.bytes().all(|digit| digit == b'0').then(|| text.parse().ok())?
    })
}

fn short(text: Option<Cow<'_, str>>) -> Option<PlSmallStr> {
    text.map(|text| PlSmallStr::from_str(&text))
}

/// A photograph's name without the ending of its kind, which some annotations give with it.
fn without_ending(name: &str) -> &str {
    const ENDINGS: [&str; 4] = ["jpeg", "jpg", "png", "bmp"];
    let known = |(_, ending): &(&str, &str)| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
    name.rsplit_once('.').filter(known).map_or(name, |(stem, _)| stem)
}

/// The synset of a name such as `n01440764_10`.
pub(super) fn wnid_of(stem: &str) -> &str {
    stem.split(['_', '.']).next().unwrap_or(stem)
}

/// The class of an annotation that does not name its folder: its name's synset, else the folder that the file lies in.
fn class_of<'a>(member: &'a str, stem: &'a str) -> &'a str {
    let above = member.rsplit_once('/').map(|(above, _)| above.rsplit('/').next().unwrap_or(above));
    match (is_wnid(wnid_of(stem)), above) {
        (false, Some(folder)) if !folder.is_empty() => folder,
        _ => wnid_of(stem),
    }
}

/// The corners inside the picture, with a remark where they had to be clamped, or why they are no box.
fn fit(object: &ObjectTexts<'_>, (height, width): (i32, i32)) -> Result<([i32; 4], Option<String>), String> {
    let texts = || -> String {
        let text = |index: usize| object.corners[index].as_deref().unwrap_or("missing");
        let pairs: Vec<String> = (0..4).map(|index| format!("{} {}", CORNERS[index], text(index))).collect();
        pairs.join(", ")
    };
    let mut corners = [0; 4];
    for (slot, (text, name)) in corners.iter_mut().zip(object.corners.iter().zip(CORNERS)) {
        let number = text.as_deref().and_then(whole);
        *slot = number.ok_or_else(|| format!("{name} is not a whole number ({})", texts()))?;
    }
    let [xmin, ymin, xmax, ymax] = corners;
    if xmin < 0 || ymin < 0 {
        return Err(format!("a corner is negative ({})", texts()));
    }
    if xmin >= xmax || ymin >= ymax {
        return Err(format!("the box is empty or inverted ({})", texts()));
    }
    if xmin >= width || ymin >= height {
        return Err(format!("the box is outside the picture of {height} x {width} ({})", texts()));
    }
    let clamped = [xmin, ymin, xmax.min(width), ymax.min(height)];
    let remark = || format!("clamped to the picture of {height} x {width} ({})", texts());
    Ok((clamped, (clamped != corners).then(remark)))
}

fn side(name: &str, text: Option<&str>) -> Result<i32> {
    let wrong = |found: &str| Error::new(Code::Xml, format!("{name} is {found}, expected a whole number above 0"));
    let text = text.ok_or_else(|| wrong("missing"))?;
    whole(text).filter(|side| *side > 0).ok_or_else(|| wrong(&format!("{text:?}")))
}
