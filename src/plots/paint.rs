//! Marks onto what plotters draws on, whatever form it makes of them.

use image::Rgb;
use plotters::backend::DrawingBackend;
use plotters::style::{Color, RGBColor, ShapeStyle};

use super::font::{SCALE, fault};
use super::sheet::{At, Ink, Mark, Text};
use crate::error::Result;

/// Draws marks in their order; `write` draws a text.
pub(super) fn paint<B: DrawingBackend>(
    marks: &[Mark],
    backend: &mut B,
    write: impl Fn(&mut B, &Text) -> Result<()>,
) -> Result<()> {
    for mark in marks {
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
            Mark::Text(text) => {
                write(backend, text)?;
                Ok(())
            }
        }
        .map_err(|cause| fault(cause.to_string()))?;
    }
    backend.present().map_err(|cause| fault(cause.to_string()))
}

/// The dot that a place falls on.
pub(super) fn dot((x, y): At) -> (i32, i32) {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

fn style(Ink(color, opacity): Ink, width: f64) -> ShapeStyle {
    let Rgb([red, green, blue]) = color;
    ShapeStyle { color: RGBColor(red, green, blue).mix(opacity), filled: true, stroke_width: width.round() as u32 }
}
