//! The marks of a sheet as SVG, in which text stays text.

use image::Rgb;
use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, RGBColor, TextStyle};

use super::font::{BASELINE_DUE, SCALE, fault, font_at, width_of};
use super::paint::{dot, paint};
use super::sheet::{Align, INK, Mark, Sheet, Text};
use crate::error::Result;
use crate::notebook::{data_uri, png};

/// What an SVG asks for; the measured length of each text holds whichever is found.
const FAMILIES: &str = "Ubuntu, 'DejaVu Sans', Helvetica, Arial, sans-serif";

impl Sheet {
    /// The document; `alt` is its title.
    pub(super) fn svg(&self, (width, height): (u32, u32), alt: &str) -> Result<String> {
        let mut painted = String::new();
        paint(&self.marks, &mut SVGBackend::with_string(&mut painted, (width, height)), write)?;
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
                data_uri("image/png", &png(picture)?)
            ));
        }
        // plotters writes one element for each text, in order: give each the length that was measured for it.
        let mut pieces = body.split("<text ");
        out.push_str(pieces.next().unwrap_or(""));
        let texts = self.marks.iter().filter_map(|mark| match mark {
            Mark::Text(text) => Some((&text.text, text.size)),
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
}

fn write<B: DrawingBackend>(backend: &mut B, text: &Text) -> Result<()> {
    backend.draw_text(&text.text, &style(text), dot(text.at)).map_err(|cause| fault(cause.to_string()))
}

fn style(text: &Text) -> TextStyle<'static> {
    let h_pos = match text.align {
        Align::Left => HPos::Left,
        Align::Middle => HPos::Center,
        Align::Right => HPos::Right,
    };
    let Rgb([red, green, blue]) = INK;
    let transform = if text.turned { FontTransform::Rotate270 } else { FontTransform::None };
    TextStyle {
        font: font_at(text.size).transform(transform),
        color: RGBColor(red, green, blue).to_backend_color(),
        pos: Pos::new(h_pos, VPos::Center),
    }
}

/// Text for an SVG: `& < > " '` as entities, control characters as spaces.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
