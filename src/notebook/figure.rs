//! A finished figure: drawn once, kept in three forms.

use maud::html;

use super::picture::data_uri;
use super::show::{Show, display};

/// A figure is no wider than its cell, and drawn for white ground also where the page is dark.
const FITS: &str = "max-width:100%;height:auto;background:#fff";

/// Which form of a figure a notebook shows; all three are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines stay sharp at any size, text can be searched.
    Svg,
    /// For figures with so many marks that a browser slows down.
    Png,
}

/// The finished files of a figure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drawn {
    /// The SVG document.
    pub svg: String,
    /// The PNG file, at twice the shown size.
    pub png: Vec<u8>,
    /// The PDF file, one page of the figure's size.
    pub pdf: Vec<u8>,
}

/// A figure with its name, its three forms and a sentence that says what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The stem of its file names.
    pub name: String,
    /// What it shows, in words, for those who do not see it and for plain text.
    pub alt: String,
    /// The size it is shown at, in CSS pixels: (width, height).
    pub size: (u32, u32),
    /// The form that a notebook shows.
    pub form: Form,
    drawn: Drawn,
}

impl Figure {
    /// A figure from its finished files; `size` is (width, height) in CSS pixels.
    pub fn new(name: impl Into<String>, alt: impl Into<String>, size: (u32, u32), drawn: Drawn) -> Self {
        Figure { name: name.into(), alt: alt.into(), size, form: Form::Svg, drawn }
    }

    /// The same figure, shown in another form.
    pub(crate) fn shown_as(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// The same figure under another name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The SVG document.
    pub fn svg(&self) -> &str {
        &self.drawn.svg
    }

    /// The PNG file's bytes, at twice the shown size.
    pub fn png(&self) -> &[u8] {
        &self.drawn.png
    }

    /// The PDF file's bytes: lines and text as such, for print.
    pub fn pdf(&self) -> &[u8] {
        &self.drawn.pdf
    }

    /// The SVG document for a cell that may be narrower than the figure.
    fn fitting_svg(&self) -> String {
        let head = self.drawn.svg.split('>').next().unwrap_or_default();
        let (width, height) = self.size;
        let view = if head.contains("viewBox") { String::new() } else { format!(" viewBox=\"0 0 {width} {height}\"") };
        self.drawn.svg.replacen("<svg", &format!("<svg style=\"{FITS}\"{view}"), 1)
    }

    /// Sends it to the notebook.
    pub fn evcxr_display(&self) {
        display(self);
    }
}

impl Show for Figure {
    fn html(&self) -> String {
        let source = match self.form {
            Form::Svg => data_uri("image/svg+xml", self.drawn.svg.as_bytes()),
            Form::Png => data_uri("image/png", &self.drawn.png),
        };
        html! { img width=(self.size.0) style=(FITS) alt=(self.alt) src=(source); }.into_string()
    }

    fn text(&self) -> String {
        format!("[figure {}: {}]", self.name, self.alt)
    }

    fn contents(&self) -> Vec<(&'static str, String)> {
        let shown = match self.form {
            Form::Svg => ("image/svg+xml", self.fitting_svg()),
            Form::Png => ("text/html", self.html()),
        };
        vec![shown, ("text/plain", self.text())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_text_says_what_it_shows() {
        let figure = Figure::new("curve", "a \"curve\"", (10, 10), Drawn::default()).shown_as(Form::Png);
        assert_eq!(figure.text(), "[figure curve: a \"curve\"]");
        let drawn = Drawn { svg: "<svg width=\"9\"><path/></svg>".into(), ..Drawn::default() };
        let shown = Figure::new("line", "a line", (9, 6), drawn).contents();
        assert!(shown[0].1.starts_with("<svg style=\"max-width:100%;"), "{}", shown[0].1);
        assert!(shown[0].1.ends_with(" viewBox=\"0 0 9 6\" width=\"9\"><path/></svg>"), "{}", shown[0].1);
        assert!(figure.html().contains("alt=\"a &quot;curve&quot;\" src=\"data:image/png"));
    }
}
