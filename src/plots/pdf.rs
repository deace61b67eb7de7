//! The marks of a sheet as a PDF of one page: lines and areas stay lines and areas, text stays text, in the embedded font.

use std::collections::BTreeMap;
use std::io::Write;

use ab_glyph::{Font, FontRef};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::{Rgb, RgbImage};
use pdf_writer::types::{CidFontType, FontFlags, LineCapStyle, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use subsetter::GlyphRemapper;

use super::font::{BASELINE_DUE, fault, font_file};
use super::sheet::{Align, At, INK, Ink, Mark, Text};
use crate::error::Result;

/// Points for a CSS pixel.
const POINTS: f32 = 0.75;
/// Of the length of a handle for a quarter of a circle by a cubic curve.
const HANDLE: f32 = 0.552_284_8;
const BASE: Name = Name(b"LGFSET+Ubuntu-Light");
const SYSTEM: SystemInfo = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// What the page refers to, by number.
struct Numbers {
    last: i32,
}

impl Numbers {
    fn next(&mut self) -> Ref {
        self.last += 1;
        Ref::new(self.last)
    }
}

/// Letters of the page, each with its number in the file.
struct Letters<'a> {
    font: FontRef<'a>,
    used: GlyphRemapper,
    /// The letter and the width, in thousandths of the size, of each number.
    known: BTreeMap<u16, (char, f32)>,
}

impl Letters<'_> {
    /// Bytes of a text, what to move back before each letter, and its whole width, all in thousandths of its size.
    fn set(&mut self, text: &str) -> (Vec<([u8; 2], f32)>, f32) {
        let unit = 1000.0 / self.font.units_per_em().unwrap_or(1000.0);
        let (mut out, mut wide, mut before) = (Vec::new(), 0.0, None);
        for letter in text.chars() {
            let glyph = self.font.glyph_id(letter);
            let kern = before.map_or(0.0, |before| self.font.kern_unscaled(before, glyph) * unit);
            let width = self.font.h_advance_unscaled(glyph) * unit;
            let number = self.used.remap(glyph.0);
            self.known.entry(number).or_insert((letter, width));
            out.push((number.to_be_bytes(), -kern));
            wide += kern + width;
            before = Some(glyph);
        }
        (out, wide)
    }
}

/// The page. `size` is in CSS pixels; pictures lie below the marks.
pub(super) fn pdf(
    (width, height): (u32, u32),
    marks: &[Mark],
    pictures: &[(At, At, RgbImage)],
    title: &str,
) -> Result<Vec<u8>> {
    let font = FontRef::try_from_slice(font_file()).map_err(fault)?;
    let mut letters = Letters { font, used: GlyphRemapper::new(), known: BTreeMap::new() };
    let mut numbers = Numbers { last: 0 };
    let [catalog, pages, page, info, content, type0] = std::array::from_fn(|_| numbers.next());
    let images: Vec<Ref> = pictures.iter().map(|_| numbers.next()).collect();

    // Opacities in thousandths, each a state of the page.
    let mut opacities: Vec<i32> = marks.iter().map(|mark| thousandths(mark.ink().1)).collect();
    opacities.sort_unstable();
    opacities.dedup();

    let drawn = draw(height, marks, pictures, &mut letters);
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.document_info(info).title(TextStr(title)).creator(TextStr("local-global-features"));
    pdf.pages(pages).kids([page]).count(1);
    let mut leaf = pdf.page(page);
    leaf.parent(pages).media_box(Rect::new(0.0, 0.0, width as f32 * POINTS, height as f32 * POINTS)).contents(content);
    let mut resources = leaf.resources();
    resources.fonts().pair(Name(b"F"), type0);
    let mut objects = resources.x_objects();
    for (place, image) in images.iter().enumerate() {
        objects.pair(Name(format!("P{place}").as_bytes()), *image);
    }
    objects.finish();
    let mut states = resources.ext_g_states();
    for &opacity in &opacities {
        let alpha = opacity as f32 / 1000.0;
        let name = format!("A{opacity}");
        states
            .insert(Name(name.as_bytes()))
            .start::<pdf_writer::writers::ExtGraphicsState>()
            .non_stroking_alpha(alpha)
            .stroking_alpha(alpha);
    }
    states.finish();
    resources.finish();
    leaf.finish();
    pdf.stream(content, &packed(&drawn)?).filter(Filter::FlateDecode);
    for (image, (_, _, picture)) in images.iter().zip(pictures) {
        let packed = packed(picture.as_raw())?;
        let mut object = pdf.image_xobject(*image, &packed);
        object.filter(Filter::FlateDecode);
        object.width(picture.width() as i32).height(picture.height() as i32);
        object.color_space().device_rgb();
        object.bits_per_component(8).interpolate(false);
    }
    embed(&mut pdf, &mut numbers, type0, &letters)?;
    Ok(pdf.finish())
}

fn embed(pdf: &mut Pdf, numbers: &mut Numbers, type0: Ref, letters: &Letters) -> Result<()> {
    let [cid, descriptor, file, cmap] = std::array::from_fn(|_| numbers.next());
    let subset = subsetter::subset(font_file(), 0, &letters.used).map_err(|cause| fault(format!("{cause:?}")))?;
    let unit = 1000.0 / letters.font.units_per_em().unwrap_or(1000.0);
    let (ascent, descent) = (letters.font.ascent_unscaled() * unit, letters.font.descent_unscaled() * unit);
    pdf.type0_font(type0)
        .base_font(BASE)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid)
        .to_unicode(cmap);
    let mut font = pdf.cid_font(cid);
    font.subtype(CidFontType::Type2).base_font(BASE).system_info(SYSTEM).font_descriptor(descriptor);
    font.default_width(0.0).cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = font.widths();
    for (number, (_, width)) in &letters.known {
        widths.same(*number, *number, *width);
    }
    widths.finish();
    font.finish();
    pdf.font_descriptor(descriptor)
        .name(BASE)
        .flags(FontFlags::NON_SYMBOLIC)
        .bbox(Rect::new(-200.0, descent, 1200.0, ascent))
        .italic_angle(0.0)
        .ascent(ascent)
        .descent(descent)
        .cap_height(ascent)
        .stem_v(60.0)
        .font_file2(file);
    let mut to_unicode = UnicodeCmap::new(Name(b"Letters"), SYSTEM);
    for (number, (letter, _)) in &letters.known {
        to_unicode.pair(*number, *letter);
    }
    pdf.cmap(cmap, &to_unicode.finish());
    pdf.stream(file, &packed(&subset)?).filter(Filter::FlateDecode).pair(Name(b"Length1"), subset.len() as i32);
    Ok(())
}

/// The page's commands: y counts downwards, in CSS pixels.
fn draw(height: u32, marks: &[Mark], pictures: &[(At, At, RgbImage)], letters: &mut Letters) -> Vec<u8> {
    let mut content = Content::new();
    content.transform([POINTS, 0.0, 0.0, -POINTS, 0.0, height as f32 * POINTS]);
    content.set_line_cap(LineCapStyle::ButtCap).set_line_join(LineJoinStyle::RoundJoin);
    for (place, (from, to, _)) in pictures.iter().enumerate() {
        let (wide, high) = ((to.0 - from.0) as f32, (to.1 - from.1) as f32);
        content.save_state().transform([wide, 0.0, 0.0, -high, from.0 as f32, to.1 as f32]);
        content.x_object(Name(format!("P{place}").as_bytes())).restore_state();
    }
    let mut state: Option<Ink> = None;
    for mark in marks {
        let ink = mark.ink();
        if state != Some(ink) {
            let Rgb(color) = ink.0;
            let [red, green, blue] = color.map(|part| f32::from(part) / 255.0);
            content.set_fill_rgb(red, green, blue).set_stroke_rgb(red, green, blue);
            content.set_parameters(Name(format!("A{}", thousandths(ink.1)).as_bytes()));
            state = Some(ink);
        }
        match mark {
            Mark::Line { points, width, .. } => {
                content.set_line_width(*width as f32);
                path(&mut content, points);
                content.stroke();
            }
            Mark::Fill { points, .. } => {
                path(&mut content, points);
                content.close_path().fill_nonzero();
            }
            Mark::Disc { at, radius, .. } => {
                disc(&mut content, *at, *radius as f32);
                content.fill_nonzero();
            }
            Mark::Text(text) => write(&mut content, letters, text),
        }
    }
    content.finish().to_vec()
}

fn path(content: &mut Content, points: &[At]) {
    for (place, (x, y)) in points.iter().enumerate() {
        if place == 0 {
            content.move_to(*x as f32, *y as f32);
        } else {
            content.line_to(*x as f32, *y as f32);
        }
    }
}

fn disc(content: &mut Content, (x, y): At, r: f32) {
    let (x, y, h) = (x as f32, y as f32, r * HANDLE);
    content.move_to(x + r, y);
    content.cubic_to(x + r, y + h, x + h, y + r, x, y + r);
    content.cubic_to(x - h, y + r, x - r, y + h, x - r, y);
    content.cubic_to(x - r, y - h, x - h, y - r, x, y - r);
    content.cubic_to(x + h, y - r, x + r, y - h, x + r, y);
}

fn write(content: &mut Content, letters: &mut Letters, text: &Text) {
    let Text { at: (x, y), text, size, align, turned } = text;
    let (letters, wide) = letters.set(text);
    let size = *size as f32;
    let start = match align {
        Align::Left => 0.0,
        Align::Middle => -wide / 2000.0 * size,
        Align::Right => -wide / 1000.0 * size,
    };
    let (x, y, due) = (*x as f32, *y as f32, size * BASELINE_DUE as f32);
    content.begin_text().set_font(Name(b"F"), size);
    content.set_text_matrix(match turned {
        false => [1.0, 0.0, 0.0, -1.0, x + start, y + due],
        true => [0.0, -1.0, -1.0, 0.0, x + due, y - start],
    });
    let mut shown = content.show_positioned();
    let mut items = shown.items();
    for (bytes, back) in &letters {
        if *back != 0.0 {
            items.adjust(*back);
        }
        items.show(Str(bytes));
    }
    items.finish();
    shown.finish();
    content.end_text();
}

fn thousandths(opacity: f64) -> i32 {
    (opacity.clamp(0.0, 1.0) * 1000.0).round() as i32
}

impl Mark {
    fn ink(&self) -> Ink {
        match self {
            Mark::Line { ink, .. } | Mark::Fill { ink, .. } | Mark::Disc { ink, .. } => *ink,
            Mark::Text(_) => INK.into(),
        }
    }
}

fn packed(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(fault)
}

#[cfg(test)]
mod tests {
    use crate::plots::{Curve, Plot};

    #[test]
    fn a_page_has_the_figures_size_one_font_and_the_same_bytes_twice() {
        let curve = Curve::new("resnet50", &[0, 28], &[0.9, 0.2]).unwrap();
        let draw = || [curve.clone()].plot().draw("a").unwrap();
        let pdf = draw().pdf().to_vec();
        assert_eq!(pdf, draw().pdf());
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.starts_with("%PDF-1.") && text.trim_end().ends_with("%%EOF"));
        assert!(text.contains("[0 0 480 300]"), "{}", &text[..600]);
        assert_eq!(text.matches("/FontFile2").count(), 1);
    }
}
