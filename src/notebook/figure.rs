//! A finished figure: drawn once, kept in three forms.

use std::path::{Path, PathBuf};

use maud::html;

use super::{Show, data_uri, send};
use crate::error::{Error, Result};

/// Which form of a figure a notebook shows; [`Figure::save`] always writes all three.
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
    pub fn shown_as(mut self, form: Form) -> Self {
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

    /// Writes `<name>.svg`, `<name>.png` and `<name>.pdf` into a folder, which is made if need be; returns their paths.
    ///
    /// Each is written beside its place and renamed, so that a file is either whole or not there.
    ///
    /// # Errors
    /// [`Code::Io`](crate::error::Code::Io) if the folder or a file cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<[PathBuf; 3]> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|cause| Error::io("making the folder", folder, cause))?;
        let write = |ending: &str, bytes: &[u8]| {
            let path = folder.join(format!("{}.{ending}", self.name));
            let beside = folder.join(format!(".{}.{ending}.{}.tmp", self.name, std::process::id()));
            std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, &path)).map_err(|cause| {
                let _ = std::fs::remove_file(&beside);
                Error::io("writing", &path, cause)
            })?;
            Ok::<_, Error>(path)
        };
        let Drawn { svg, png, pdf } = &self.drawn;
        Ok([write("svg", svg.as_bytes())?, write("png", png)?, write("pdf", pdf)?])
    }

    /// Sends it to the notebook.
    pub fn evcxr_display(&self) {
        Show::evcxr_display(self);
    }
}

impl Show for Figure {
    fn html(&self) -> String {
        let source = match self.form {
            Form::Svg => data_uri("image/svg+xml", self.drawn.svg.as_bytes()),
            Form::Png => data_uri("image/png", &self.drawn.png),
        };
        html! { img width=(self.size.0) alt=(self.alt) src=(source); }.into_string()
    }

    fn text(&self) -> String {
        format!("[figure {}: {}]", self.name, self.alt)
    }

    fn evcxr_display(&self) {
        match self.form {
            Form::Svg => send(&[("image/svg+xml", &self.drawn.svg), ("text/plain", &self.text())]),
            Form::Png => send(&[("text/html", &self.html()), ("text/plain", &self.text())]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saving_writes_every_form_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let figure =
            Figure::new("curve", "a curve", (10, 10), Drawn { svg: "<svg/>".into(), png: vec![1, 2], pdf: vec![3] });
        let [svg, png, pdf] = figure.save(folder.path().join("a/b")).unwrap();
        assert_eq!(std::fs::read(svg).unwrap(), b"<svg/>");
        assert_eq!(std::fs::read(png).unwrap(), [1, 2]);
        assert_eq!(std::fs::read(pdf).unwrap(), [3]);
        assert_eq!(std::fs::read_dir(folder.path().join("a/b")).unwrap().count(), 3);
        assert!(figure.save("/proc/none").is_err());
    }

    #[test]
    fn its_text_says_what_it_shows() {
        let figure = Figure::new("curve", "a \"curve\"", (10, 10), Drawn::default()).shown_as(Form::Png);
        assert_eq!(figure.text(), "[figure curve: a \"curve\"]");
        assert!(figure.html().contains("alt=\"a &quot;curve&quot;\" src=\"data:image/png"));
    }
}
