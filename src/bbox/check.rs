//! From the texts of an annotation to numbers that cannot be wrong: `0 <= xmin < xmax <= width`, the same for y.

use std::borrow::Cow;

use polars::prelude::PlSmallStr;

use super::document::{CORNERS, ObjectTexts, Texts};
use crate::error::{Code, Error, Result};
use crate::store::Reject;

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
    if let Some(name) = texts.filename.as_deref().filter(|name| name.strip_suffix(".JPEG").unwrap_or(name) != stem) {
        let message = format!("<filename> is {name:?}, the member is {stem:?}: the member's name is taken");
        checked.flags.push(row("filename".to_string(), Code::Xml, message));
    }
    let mut objects = Vec::with_capacity(texts.objects.len());
    for (index, object) in texts.objects.into_iter().enumerate() {
        let place = || format!("object {index}");
        match fit(&object, (height, width)) {
            Ok((corners, clamped)) => {
                if let Some(message) = clamped {
                    checked.flags.push(row(place(), Code::Box, message));
                }
                let truncated = optional("truncated", object.truncated.as_deref())?;
                let difficult = optional("difficult", object.difficult.as_deref())?;
                let (name, pose) = (short(object.name), short(object.pose));
                let object = Object { name, pose, truncated, difficult, corners };
                objects.push((index as i32, object));
            }
            Err(message) => checked.skipped.push(row(place(), Code::Box, message)),
        }
    }
    checked.annotation = Annotation {
        folder: short(texts.folder).unwrap_or_else(|| wnid_of(stem).into()),
        filename: stem.into(),
        database: short(texts.database),
        size: (height as u32, width as u32),
        depth: optional("depth", texts.depth.as_deref())?,
        segmented: optional("segmented", texts.segmented.as_deref())?,
        objects,
    };
    Ok(checked)
}

fn short(text: Option<Cow<'_, str>>) -> Option<PlSmallStr> {
    text.map(|text| PlSmallStr::from_str(&text))
}

/// The synset of a name such as `n01440764_10`.
pub(super) fn wnid_of(stem: &str) -> &str {
    stem.split(['_', '.']).next().unwrap_or(stem)
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
        let number = text.as_deref().and_then(|text| text.parse::<i32>().ok());
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
    text.parse().ok().filter(|side| *side > 0).ok_or_else(|| wrong(&format!("{text:?}")))
}

fn optional(name: &str, text: Option<&str>) -> Result<Option<i32>> {
    let parse = |text: &str| {
        let wrong = || Error::new(Code::Xml, format!("{name} is {text:?}, expected a whole number"));
        text.parse().map_err(|_| wrong())
    };
    text.map(parse).transpose()
}
