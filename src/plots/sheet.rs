//! A sheet of marks, painted by plotters twice: as SVG and into a buffer that becomes a PNG.

use std::fmt::Display;
use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, ScaleFont, point};
use image::{Rgb, RgbImage};
use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color, FontDesc, FontFamily, FontStyle, FontTransform, RGBColor, ShapeStyle, TextStyle, register_font,
};

use super::Look;
use super::pdf::pdf;
use crate::error::{Code, Error, Result};
use crate::notebook::{Drawn, Figure, Form, escape, png};

/// Dots of the PNG, and units of the SVG, for one CSS pixel: plotters places marks at whole numbers only.
const SCALE: f64 = 2.0;
/// More marks than this are shown as PNG.
const MANY: usize = 5_000;
const FONT: &str = "lgf";
/// What an SVG asks for; the measured length of each text holds whichever is found.
const FAMILIES: &str = "Ubuntu, 'DejaVu Sans', Helvetica, Arial, sans-serif";
/// Ascent minus descent of the embedded font for one em (932 + 189 of 1,000): what plotters takes for the size.
const EM: f64 = 1.121;
/// How far below the middle of a line its baseline lies, in ems.
pub(super) const BASELINE_DUE: f64 = 0.35;

pub(super) const INK: Rgb<u8> = Rgb([0x1A, 0x1A, 0x1A]);
pub(super) const FAINT: Rgb<u8> = Rgb([0xD4, 0xD4, 0xD4]);
pub(super) const WHITE: Rgb<u8> = Rgb([0xFF, 0xFF, 0xFF]);

/// A colour with its opacity, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ink(pub Rgb<u8>, pub f64);

impl From<Rgb<u8>> for Ink {
    fn from(color: Rgb<u8>) -> Self {
        Ink(color, 1.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Align {
    Left,
    Middle,
    Right,
}

/// The shapes that tell series apart beside their colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Down,
    Cross,
}

pub(super) fn marker(place: usize) -> Marker {
    const ALL: [Marker; 6] =
        [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Down, Marker::Cross];
    // Not in step with the eight colours, so that a colour that comes again has another shape.
    ALL[place % ALL.len()]
}

pub(super) type At = (f64, f64);

pub(super) enum Mark {
    Line { points: Vec<At>, ink: Ink, width: f64 },
    Fill { points: Vec<At>, ink: Ink },
    Disc { at: At, radius: f64, ink: Ink },
    Text { at: At, text: String, size: f64, align: Align, turned: bool },
}

/// Marks in CSS pixels from the top left corner, painted in the order they are added, pictures below them all.
pub(super) struct Sheet {
    size: (u32, u32),
    marks: Vec<Mark>,
    pictures: Vec<(At, At, RgbImage)>,
}

impl Sheet {
    /// An empty white sheet of (width, height) CSS pixels.
    pub fn new(size: (u32, u32)) -> Result<Self> {
        let fits = |length: u32| (1..=4_000).contains(&length);
        if !fits(size.0) || !fits(size.1) {
            return Err(Error::new(
                Code::Parameter,
                format!("a figure of {} x {} px, expected 1 to 4,000 either way", size.0, size.1),
            ));
        }
        Ok(Sheet { size, marks: Vec::new(), pictures: Vec::new() })
    }

    pub fn line(&mut self, points: impl Into<Vec<At>>, ink: impl Into<Ink>, width: f64) {
        self.marks.push(Mark::Line { points: points.into(), ink: ink.into(), width });
    }

    /// A line of dots, so that the markers on it stand out.
    pub fn dots(&mut self, from: At, to: At, ink: impl Into<Ink>) {
        let (ink, length) = (ink.into(), (to.0 - from.0).hypot(to.1 - from.1));
        let steps = (length / 5.0).floor().max(1.0);
        for step in 1..steps as usize {
            let share = step as f64 / steps;
            let at = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            self.marks.push(Mark::Disc { at, radius: 1.0, ink });
        }
    }

    pub fn fill(&mut self, points: impl Into<Vec<At>>, ink: impl Into<Ink>) {
        self.marks.push(Mark::Fill { points: points.into(), ink: ink.into() });
    }

    pub fn rect(&mut self, from: At, to: At, ink: impl Into<Ink>) {
        self.fill([from, (to.0, from.1), to, (from.0, to.1)], ink);
    }

    pub fn frame(&mut self, from: At, to: At, ink: impl Into<Ink>, width: f64) {
        self.line([from, (to.0, from.1), to, (from.0, to.1), from], ink, width);
    }

    pub fn marker(&mut self, (x, y): At, marker: Marker, radius: f64, ink: impl Into<Ink>) {
        let ink = ink.into();
        let r = radius;
        match marker {
            Marker::Circle => self.marks.push(Mark::Disc { at: (x, y), radius, ink }),
            Marker::Square => self.rect((x - 0.86 * r, y - 0.86 * r), (x + 0.86 * r, y + 0.86 * r), ink),
            Marker::Triangle => {
                self.fill([(x, y - 1.2 * r), (x + 1.15 * r, y + 0.9 * r), (x - 1.15 * r, y + 0.9 * r)], ink)
            }
            Marker::Down => {
                self.fill([(x, y + 1.2 * r), (x + 1.15 * r, y - 0.9 * r), (x - 1.15 * r, y - 0.9 * r)], ink)
            }
            Marker::Diamond => self.fill([(x, y - 1.3 * r), (x + 1.1 * r, y), (x, y + 1.3 * r), (x - 1.1 * r, y)], ink),
            Marker::Cross => {
                self.line([(x - r, y - r), (x + r, y + r)], ink, 2.0);
                self.line([(x - r, y + r), (x + r, y - r)], ink, 2.0);
            }
        }
    }

    /// Text on one line; `at` is its left end, middle or right end, half way up.
    pub fn text(&mut self, at: At, text: &str, size: f64, align: Align) {
        self.write(at, text, size, align, false);
    }

    /// Text that runs upward.
    pub fn turned(&mut self, at: At, text: &str, size: f64, align: Align) {
        self.write(at, text, size, align, true);
    }

    fn write(&mut self, at: At, text: &str, size: f64, align: Align, turned: bool) {
        // XML has no place for control characters.
        let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        if !text.trim().is_empty() {
            self.marks.push(Mark::Text { at, text, size, align, turned });
        }
    }

    /// Puts a picture between two corners, below all marks.
    pub fn picture(&mut self, from: At, to: At, picture: RgbImage) {
        self.pictures.push((from, to, picture));
    }

    /// Paints both forms.
    pub fn finish(self, look: &Look, alt: String) -> Result<Figure> {
        font()?;
        let dots = ((f64::from(self.size.0) * SCALE) as u32, (f64::from(self.size.1) * SCALE) as u32);
        let svg = self.svg(dots, &alt)?;
        let png = png(&self.bitmap(dots)?)?;
        let pdf = pdf(self.size, &self.marks, &self.pictures, &alt)?;
        let form = if self.marks.len() > MANY { Form::Png } else { Form::Svg };
        Ok(Figure::new(look.name.clone(), alt, self.size, Drawn { svg, png, pdf }).shown_as(form))
    }

    fn bitmap(&self, (width, height): (u32, u32)) -> Result<RgbImage> {
        let mut canvas = RgbImage::from_pixel(width, height, WHITE);
        for (from, to, picture) in &self.pictures {
            let (left, top) = dot(*from);
            let (right, bottom) = dot(*to);
            let (wide, high) = ((right - left).max(1) as u32, (bottom - top).max(1) as u32);
            if picture.width() == 0 || picture.height() == 0 {
                return Err(Error::new(Code::Image, "a picture without pixels"));
            }
            // Enlarged by repeating, so that pixels keep their own colours; made smaller by averaging.
            let filter = if wide >= picture.width() {
                image::imageops::FilterType::Nearest
            } else {
                image::imageops::FilterType::Triangle
            };
            let resized = image::imageops::resize(picture, wide, high, filter);
            image::imageops::replace(&mut canvas, &resized, i64::from(left), i64::from(top));
        }
        let mut bytes = canvas.into_raw();
        self.paint(&mut BitMapBackend::with_buffer(&mut bytes, (width, height)), true)?;
        RgbImage::from_raw(width, height, bytes).ok_or_else(|| fault("the buffer changed its size"))
    }

    fn svg(&self, (width, height): (u32, u32), alt: &str) -> Result<String> {
        let mut painted = String::new();
        self.paint(&mut SVGBackend::with_string(&mut painted, (width, height)), false)?;
        let body = painted.split_once(">\n").ok_or_else(|| fault("SVG without a head"))?.1;
        let mut out = format!(
            "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             xmlns=\"http://www.w3.org/2000/svg\">\n<title>{}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n",
            self.size.0,
            self.size.1,
            escape(alt)
        );
        for (from, to, picture) in &self.pictures {
            let ((left, top), (right, bottom)) = (dot(*from), dot(*to));
            out.push_str(&format!(
                "<image x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
                 style=\"image-rendering:{}\" href=\"{}\"/>\n",
                right - left,
                bottom - top,
                if (right - left) as u32 >= picture.width() { "pixelated" } else { "auto" },
                crate::notebook::data_uri("image/png", &png(picture)?)
            ));
        }
        // plotters writes one element for each text, in order: give each the length that was measured for it.
        let mut pieces = body.split("<text ");
        out.push_str(pieces.next().unwrap_or(""));
        let texts = self.marks.iter().filter_map(|mark| match mark {
            Mark::Text { text, size, .. } => Some((text, *size)),
            _ => None,
        });
        for (piece, (text, size)) in pieces.zip(texts) {
            let (attributes, rest) = piece.split_once('>').ok_or_else(|| fault("SVG text without an end"))?;
            let kept: Vec<&str> = attributes
                .split("\" ")
                .map(|part| part.trim_end_matches('"'))
                .filter(|part| {
                    !["dy=", "font-family=", "font-size=", "opacity="].iter().any(|name| part.starts_with(name))
                })
                .collect();
            out.push_str(&format!(
                "<text {}\" dy=\"{BASELINE_DUE}em\" font-family=\"{FAMILIES}\" font-size=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\">{}",
                kept.join("\" "),
                size * SCALE,
                (width_of(text, size)? * SCALE).round(),
                rest.trim_start_matches('\n').replacen("\n</text>", "</text>", 1)
            ));
        }
        Ok(out)
    }

    fn paint<B: DrawingBackend>(&self, backend: &mut B, bitmap: bool) -> Result<()> {
        for mark in &self.marks {
            match mark {
                Mark::Line { points, ink, width } => {
                    let points: Vec<(i32, i32)> = points.iter().map(|&at| dot(at)).collect();
                    backend.draw_path(points, &style(*ink, width * SCALE))
                }
                Mark::Fill { points, ink } => {
                    let points: Vec<(i32, i32)> = points.iter().map(|&at| dot(at)).collect();
                    backend.fill_polygon(points, &style(*ink, 0.0))
                }
                Mark::Disc { at, radius, ink } => {
                    backend.draw_circle(dot(*at), (radius * SCALE).round().max(1.0) as u32, &style(*ink, 0.0), true)
                }
                Mark::Text { at, text, size, align, turned } if bitmap => {
                    write_glyphs(backend, *at, text, *size, *align, *turned)?;
                    Ok(())
                }
                Mark::Text { at, text, size, align, turned } => {
                    backend.draw_text(text, &text_style(*size, *align, *turned), dot(*at))
                }
            }
            .map_err(|cause| fault(cause.to_string()))?;
        }
        backend.present().map_err(|cause| fault(cause.to_string()))
    }
}

fn dot((x, y): At) -> (i32, i32) {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

fn style(Ink(color, opacity): Ink, width: f64) -> ShapeStyle {
    let Rgb([red, green, blue]) = color;
    ShapeStyle { color: RGBColor(red, green, blue).mix(opacity), filled: true, stroke_width: width.round() as u32 }
}

fn text_style(size: f64, align: Align, turned: bool) -> TextStyle<'static> {
    let h_pos = match align {
        Align::Left => HPos::Left,
        Align::Middle => HPos::Center,
        Align::Right => HPos::Right,
    };
    let Rgb([red, green, blue]) = INK;
    let transform = if turned { FontTransform::Rotate270 } else { FontTransform::None };
    TextStyle {
        font: font_at(size).transform(transform),
        color: RGBColor(red, green, blue).to_backend_color(),
        pos: Pos::new(h_pos, VPos::Center),
    }
}

/// Text into a bitmap, glyph by glyph: plotters 0.3.7 leaves out the space before a glyph and cuts its place to whole
/// dots, so that letters stand unevenly.
fn write_glyphs<B: DrawingBackend>(
    backend: &mut B,
    at: At,
    text: &str,
    size: f64,
    align: Align,
    turned: bool,
) -> Result<()> {
    let font = FontRef::try_from_slice(font_file()).map_err(fault)?;
    let font = font.as_scaled((size * SCALE * EM) as f32);
    let mut glyphs = Vec::new();
    let (mut x, mut before) = (0.0_f32, None);
    for letter in text.chars() {
        let id = font.glyph_id(letter);
        x += before.map_or(0.0, |before| font.kern(before, id));
        glyphs.push(id.with_scale_and_position(font.scale(), point(x, 0.0)));
        x += font.h_advance(id);
        before = Some(id);
    }
    let start = match align {
        Align::Left => 0.0,
        Align::Middle => -x / 2.0,
        Align::Right => -x,
    };
    let (width, height) = backend.get_size();
    let (from, baseline) = (dot(at), (size * SCALE * BASELINE_DUE).round() as i32);
    let Rgb([red, green, blue]) = INK;
    for mut glyph in glyphs {
        glyph.position.x += start;
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let bounds = outline.px_bounds();
        let mut dots = Vec::new();
        outline.draw(|x, y, cover| dots.push((x as i32 + bounds.min.x as i32, y as i32 + bounds.min.y as i32, cover)));
        for (along, down, cover) in dots {
            let down = down + baseline;
            let (x, y) = if turned { (from.0 + down, from.1 - along) } else { (from.0 + along, from.1 + down) };
            if cover > 0.0 && (0..width as i32).contains(&x) && (0..height as i32).contains(&y) {
                let color = RGBColor(red, green, blue).mix(f64::from(cover.min(1.0))).to_backend_color();
                backend.draw_pixel((x, y), color).map_err(|cause| fault(cause.to_string()))?;
            }
        }
    }
    Ok(())
}

fn font_at(size: f64) -> FontDesc<'static> {
    FontDesc::new(FontFamily::Name(FONT), size * SCALE * EM, FontStyle::Normal)
}

/// Hands the embedded font to plotters, once.
/// Ubuntu Light: narrower than the monospaced Hack beside it, so that labels seldom need wrapping, and clear at the twofold
/// size that figures are painted at.
pub(super) fn font_file() -> &'static [u8] {
    epaint_default_fonts::UBUNTU_LIGHT
}

fn font() -> Result<()> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    let known = KNOWN.get_or_init(|| register_font(FONT, FontStyle::Normal, font_file()).is_ok());
    if *known { Ok(()) } else { Err(fault("the embedded font cannot be read")) }
}

/// The width of a text in CSS pixels, as it will be painted.
pub(super) fn width_of(text: &str, size: f64) -> Result<f64> {
    font()?;
    let ((left, _), (right, _)) = font_at(size).layout_box(text).map_err(|cause| fault(cause.to_string()))?;
    Ok(f64::from(right - left) / SCALE)
}

/// A text on as many lines as it takes to stay within a width; a word that is too long is broken.
pub(super) fn wrapped(text: &str, size: f64, room: f64) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
        if width_of(&longer, size)? <= room {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in word.chars() {
            line.push(letter);
            if width_of(&line, size)? > room && line.chars().count() > 1 {
                // After the last underscore or hyphen, else where the room ends.
                let joint = line.char_indices().rev().skip(1).find(|(_, letter)| matches!(letter, '_' | '-'));
                let keep = joint.map_or(line.len() - letter.len_utf8(), |(at, _)| at + 1);
                let rest = line.split_off(keep);
                lines.push(std::mem::replace(&mut line, rest));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    Ok(lines)
}

pub(super) fn fault(why: impl Display) -> Error {
    Error::new(Code::Parameter, format!("the figure cannot be drawn: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_have_the_size_and_the_text() {
        let mut sheet = Sheet::new((120, 60)).unwrap();
        sheet.text((60.0, 30.0), "a <b> & \"c\" \u{7}", 12.0, Align::Middle);
        sheet.turned((10.0, 30.0), "up", 12.0, Align::Middle);
        sheet.picture((80.0, 10.0), (100.0, 30.0), RgbImage::new(2, 2));
        let figure = sheet.finish(&Look::named("x"), "alt <1>".into()).unwrap();
        let svg = figure.svg();
        assert!(svg.starts_with("<svg width=\"120\" height=\"60\" viewBox=\"0 0 240 120\""), "{svg}");
        for part in
            ["a &lt;b&gt; &amp; &quot;c&quot;", "alt &lt;1&gt;", "rotate(270", "textLength=", "<image x=\"160\""]
        {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert_eq!(svg.matches("</text>").count(), 2);
        assert!(svg.trim_end().ends_with("</svg>"), "{svg}");
        assert_eq!(image::load_from_memory(figure.png()).unwrap().to_rgb8().dimensions(), (240, 120));
    }

    #[test]
    fn wrapping_keeps_every_letter_within_its_room() {
        let lines = wrapped("texture of a cassette player, Donaudampfschifffahrt", 12.0, 60.0).unwrap();
        assert!(lines.iter().all(|line| width_of(line, 12.0).unwrap() <= 60.0), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), "textureofacassetteplayer,Donaudampfschifffahrt");
        assert!(wrapped("", 12.0, 60.0).unwrap().is_empty());
    }

    #[test]
    fn a_sheet_of_no_size_or_an_enormous_one_is_refused() {
        assert!(Sheet::new((0, 10)).is_err());
        assert!(Sheet::new((10, 40_000)).is_err());
    }

    #[test]
    fn many_marks_are_shown_as_png() {
        let mut sheet = Sheet::new((50, 50)).unwrap();
        for _ in 0..=MANY {
            sheet.marker((20.0, 20.0), Marker::Circle, 2.0, INK);
        }
        assert_eq!(sheet.finish(&Look::default(), String::new()).unwrap().form, Form::Png);
    }
}
