//! The marks of a sheet as dots: the PNG.

use ab_glyph::{Font, FontRef, ScaleFont, point};
use image::{Rgb, RgbImage};
use plotters::backend::{BitMapBackend, DrawingBackend};
use plotters::style::{Color, RGBColor};

use super::font::{BASELINE_DUE, EM, SCALE, fault, font_file};
use super::paint::{dot, paint};
use super::sheet::{Align, INK, Sheet, Text, WHITE};
use crate::error::{Code, Error, Result};

impl Sheet {
    /// Pictures below, marks above, at twice the size.
    pub(super) fn bitmap(&self, (width, height): (u32, u32)) -> Result<RgbImage> {
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
        paint(&self.marks, &mut BitMapBackend::with_buffer(&mut bytes, (width, height)), write_glyphs)?;
        RgbImage::from_raw(width, height, bytes).ok_or_else(|| fault("the buffer changed its size"))
    }
}

/// Text into a bitmap, glyph by glyph: plotters 0.3.7 leaves out the space before a glyph and cuts its place to whole
/// dots, so that letters stand unevenly.
fn write_glyphs<B: DrawingBackend>(backend: &mut B, text: &Text) -> Result<()> {
    let Text { at, text, size, align, turned } = text;
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
    let (from, baseline) = (dot(*at), (size * SCALE * BASELINE_DUE).round() as i32);
    let Rgb([red, green, blue]) = INK;
    for mut glyph in glyphs {
        glyph.position.x += start;
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let bounds = outline.px_bounds();
        let mut dots = Vec::new();
        outline.draw(|x, y, cover| dots.push((x as i32 + bounds.min.x as i32, y as i32 + bounds.min.y as i32, cover)));
        for (along, down, cover) in dots {
            let down = down + baseline;
            let (x, y) = if *turned { (from.0 + down, from.1 - along) } else { (from.0 + along, from.1 + down) };
            if cover > 0.0 && (0..width as i32).contains(&x) && (0..height as i32).contains(&y) {
                let color = RGBColor(red, green, blue).mix(f64::from(cover.min(1.0))).to_backend_color();
                backend.draw_pixel((x, y), color).map_err(|cause| fault(cause.to_string()))?;
            }
        }
    }
    Ok(())
}
