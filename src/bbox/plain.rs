//! Annotations in the form that nearly all have: elements and short texts, ASCII, nothing else. Read in one pass over the bytes; all
//! others are left to the reader that knows all of XML, which gives the same for these.

use std::borrow::Cow;

use super::document::{Tag, Texts};
use super::limits::Limits;

/// Elements that may be open inside each other; an annotation has four.
const DEPTH: usize = 8;

/// The texts of a document, if it is plain: no declaration, attribute, entity, comment or CDATA, no text beside elements.
pub(super) fn texts<'a>(xml: &'a [u8], limits: &Limits) -> Option<Texts<'a>> {
    let xml = std::str::from_utf8(xml).ok().filter(|xml| xml.is_ascii() && limits.xml_depth >= DEPTH)?;
    let mut texts = Texts::one();
    let (mut open, mut path) = ([""; DEPTH], [Tag::Other; DEPTH]);
    let (mut depth, mut rest) = (0, xml);
    loop {
        rest = rest.trim_ascii_start().strip_prefix('<')?;
        let (name, after) = name(rest)?;
        let tag = Tag::of(name);
        if depth == DEPTH || (depth == 0) != (tag == Tag::Annotation) {
            return None;
        }
        (open[depth], path[depth]) = (name, tag);
        depth += 1;
        texts.begin(&path[..depth]);
        rest = after;
        // A text, then the ends of all elements that end here.
        let length = rest.bytes().position(|byte| matches!(byte, b'<' | b'>' | b'&' | b'\r'))?;
        let (text, mut after) = rest.split_at(length);
        if after.starts_with("</") {
            texts.keep(&path[..depth], Cow::Borrowed(text));
        } else if !text.trim_ascii().is_empty() {
            return None;
        }
        while let Some(end) = after.strip_prefix("</") {
            depth = depth.checked_sub(1)?;
            rest = end.strip_prefix(open[depth])?.strip_prefix('>')?;
            after = rest.trim_ascii_start();
            if depth == 0 {
                return after.is_empty().then_some(texts);
            }
        }
    }
}

/// The name of a start tag without attributes, and what follows the tag.
fn name(rest: &str) -> Option<(&str, &str)> {
    let length = rest.bytes().position(|byte| !byte.is_ascii_lowercase()).filter(|length| *length > 0)?;
    Some((&rest[..length], rest[length..].strip_prefix('>')?))
}

#[cfg(test)]
mod tests {
    use super::super::{Annotation, Object, write_annotation};
    use super::*;

    #[test]
    fn annotations_as_they_mostly_are_are_plain() {
        let object = Object { corners: [60, 11, 330, 450], ..Object::default() };
        let file = Annotation { size: (500, 333), objects: vec![(0, object)], ..Annotation::default() };
        let xml = write_annotation(&file);
        let found = texts(xml.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(found.objects[0].corners[2].as_deref(), Some("330"));
        for other in ["<?xml version=\"1.0\"?>", "<!-- -->", "a"] {
            assert!(texts(format!("{other}{xml}").as_bytes(), &Limits::default()).is_none());
        }
        for (from, to) in [("<name>", "<name a=\"b\">"), ("330", "&#51;30"), ("330", "\u{e9}"), ("</name>", "</nam>")] {
            assert!(texts(xml.replacen(from, to, 1).as_bytes(), &Limits::default()).is_none(), "{to}");
        }
    }
}
