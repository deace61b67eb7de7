//! A sheet of marks to a finished figure.

use super::font::{SCALE, font};
use super::look::Look;
use super::pdf::pdf;
use super::sheet::Sheet;
use crate::error::Result;
use crate::notebook::{Drawn, Figure, Form, png};

/// More marks than this are shown as PNG.
const MANY: usize = 5_000;

impl Sheet {
    /// Draws all three forms.
    pub(super) fn finish(self, look: &Look, alt: String) -> Result<Figure> {
        font()?;
        let dots = ((f64::from(self.size.0) * SCALE) as u32, (f64::from(self.size.1) * SCALE) as u32);
        let svg = self.svg(dots, &alt)?;
        let png = png(&self.bitmap(dots)?)?;
        let pdf = pdf(self.size, &self.marks, &self.pictures, &alt)?;
        let form = if self.marks.len() > MANY { Form::Png } else { Form::Svg };
        Ok(Figure::new(look.name.clone(), alt, self.size, Drawn { svg, png, pdf }).shown_as(form))
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::super::sheet::{Align, INK, Marker};
    use super::*;

    #[test]
    fn both_forms_have_the_size_and_the_text() {
        let mut sheet = Sheet::new((120, 60)).unwrap();
        sheet.text((60.0, 30.0), "a <b> & \"c\" \u{7}", 12.0, Align::Middle);
        sheet.turned((10.0, 30.0), "up", 12.0, Align::Middle);
        sheet.picture((80.0, 10.0), (100.0, 30.0), RgbImage::new(2, 2));
        let figure = sheet.finish(&Look::default(), "alt <1>".into()).unwrap();
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
