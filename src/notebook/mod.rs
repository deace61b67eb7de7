//! All that is shown in a notebook or printed on a terminal; the only room that prints.
//!
//! A cell of the evcxr kernel shows its last expression through `evcxr_display()`. [`Show`] gives that method to
//! everything here, to data frames, to errors and to results, so that a cell may end in `table`, `figure` or
//! `edges::detect(…)` alike. It takes the trait in scope, which the setup cell sees to:
//!
//! ```
//! use lgf::notebook::{Show, show};
//! use polars::prelude::*;
//!
//! let table = df!("model" => ["vgg16", "resnet50"], "top1" => [0.7159, 0.7613]).unwrap();
//! assert!(table.html().contains("2 of 2 rows"));
//! let both = show(&[&"accuracy on the validation images".to_string(), &table]);
//! assert!(both.text().contains("0.7613"));
//! ```
//!
//! # What the kernel asks of us
//! Output is read line by line. A line that contains `EVCXR_BEGIN_CONTENT` opens a block, and text without a newline at
//! its end hangs the cell. So everything that leaves here ends in a newline, is UTF-8 (file names are shown with
//! replacement characters), and has that prefix taken out of whatever it quotes. A cell sends one bundle: of two
//! blocks with the same type the second wins, so several things are shown as one block, by [`show`].
//!
//! Outside a kernel the same calls print the plain text.

mod figure;
mod grid;
mod interrupt;
mod progress;
mod slider;
mod strict;
mod table;

use std::io::Write;

use base64::Engine as _;
use image::{ImageEncoder as _, RgbImage};
use maud::{Markup, PreEscaped, html};

pub use figure::{Drawn, Figure, Form};
pub use grid::{Grid, Picture};
pub use interrupt::Interrupt;
pub use progress::{Progress, Stage, Summary};
pub use slider::Slider;
pub use strict::strict;
pub use table::{format_count, format_number, table, whole_table};

use crate::error::{Code, Error, Result};

/// A thing that can be shown: as HTML, and as plain text where there is none.
pub trait Show {
    /// The HTML of it: one block, everything in it escaped, pictures embedded.
    fn html(&self) -> String;

    /// The plain text of it.
    fn text(&self) -> String;

    /// Sends it to the notebook as the result of the cell; on a terminal, prints the text.
    fn evcxr_display(&self) {
        send(&[("text/html", &self.html()), ("text/plain", &self.text())]);
    }
}

/// A block of HTML with its plain text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html {
    html: String,
    text: String,
}

impl Html {
    /// A block of trusted HTML, as `maud::html!` makes it, and the text that says the same.
    pub fn new(html: impl Into<String>, text: impl Into<String>) -> Self {
        Html { html: html.into(), text: text.into() }
    }

    /// The HTML.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// The plain text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Sends it to the notebook.
    pub fn evcxr_display(&self) {
        Show::evcxr_display(self);
    }
}

impl Show for Html {
    fn html(&self) -> String {
        self.html.clone()
    }

    fn text(&self) -> String {
        self.text.clone()
    }
}

impl Show for String {
    fn html(&self) -> String {
        html! { p style="white-space:pre-wrap" { (self) } }.into_string()
    }

    fn text(&self) -> String {
        self.clone()
    }
}

/// An error as a block: what went wrong, where, the causes, and what to do.
impl Show for Error {
    fn html(&self) -> String {
        let mut lines = Vec::new();
        lines.extend(self.file().map(|path| ("file", path.display().to_string())));
        lines.extend(self.at().map(|place| ("place", place.to_string())));
        lines.extend(self.causes().into_iter().map(|cause| ("because", cause)));
        lines.extend(self.advice().map(|hint| ("hint", hint.to_string())));
        html! {
            div style="border-left:4px solid #D55E00;padding-left:0.8em" {
                b { "error (" (self.code().as_str()) ")" } ": " (self.message())
                table {
                    @for (label, text) in &lines {
                        tr {
                            th style="text-align:left;vertical-align:top" { (label) }
                            td style="text-align:left" { (text) }
                        }
                    }
                }
            }
        }
        .into_string()
    }

    fn text(&self) -> String {
        format!("error ({}): {self}", self.code().as_str())
    }
}

/// A result that ends a cell is shown as its value or as its error; in strict mode the error fails the cell.
impl<T: Show> Show for Result<T> {
    fn html(&self) -> String {
        match self {
            Ok(value) => value.html(),
            Err(error) => error.html(),
        }
    }

    fn text(&self) -> String {
        match self {
            Ok(value) => value.text(),
            Err(error) => error.text(),
        }
    }

    fn evcxr_display(&self) {
        match self {
            Ok(value) => value.evcxr_display(),
            Err(error) => {
                error.evcxr_display();
                strict::fail(error);
            }
        }
    }
}

/// A value to show, or in words why there is none: for a figure or table that some studies have nothing for (boxes of
/// photographs that were never annotated). Errors of files, memory and devices stay errors.
///
/// # Errors
/// Any but [`Code::Parameter`], [`Code::Missing`], [`Code::Table`] and [`Code::Model`].
///
/// ```
/// use lgf::error::{Code, Error};
/// use lgf::notebook::or_say;
///
/// let nothing: lgf::Result<String> = Err(Error::new(Code::Parameter, "nothing to draw: no box"));
/// assert_eq!(or_say(nothing)?.text(), "nothing to draw: no box");
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn or_say<T: Show>(result: Result<T>) -> Result<Html> {
    match result {
        Ok(value) => Ok(Html::new(value.html(), value.text())),
        Err(error) if matches!(error.code(), Code::Parameter | Code::Missing | Code::Table | Code::Model) => {
            let why = error.to_string();
            Ok(Html::new(html! { div class="lgf-said" { (PreEscaped(why.html())) } }, why))
        }
        Err(error) => Err(error),
    }
}

/// A count with its noun, in the plural where it is not one.
///
/// ```
/// assert_eq!(lgf::notebook::counted(1, "network"), "1 network");
/// assert_eq!(lgf::notebook::counted(6450, "picture"), "6,450 pictures");
/// ```
pub fn counted(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", format_count(count), if count == 1 { "" } else { "s" })
}

/// Several things as one block, one below the other: a cell can send only one.
///
/// ```
/// let block = lgf::notebook::show(&[&"a < b".to_string(), &"second".to_string()]);
/// assert!(block.html().contains("a &lt; b"));
/// assert_eq!(block.text(), "a < b\n\nsecond");
/// ```
pub fn show(things: &[&dyn Show]) -> Html {
    let html = html! {
        @for thing in things { div style="margin-bottom:1em" { (PreEscaped(thing.html())) } }
    };
    let text: Vec<String> = things.iter().map(|thing| thing.text()).collect();
    Html::new(html, text.join("\n\n"))
}

/// Prints a line, or several, for a person to read; a newline is added where it is missing.
pub fn say(text: &str) {
    let stdout = std::io::stdout();
    let mut out = stdout.lock();
    // A reader that went away (`lgf … | head`) is no reason to stop the work.
    let _ = out.write_all(whole_lines(text).as_bytes()).and_then(|()| out.flush());
}

/// Prints a line to standard error, for what is not a result: warnings, and the error that ends the program.
pub fn warn(text: &str) {
    let _ = std::io::stderr().lock().write_all(whole_lines(text).as_bytes());
}

/// A picture as PNG bytes; the same picture always gives the same bytes.
///
/// # Errors
/// [`Code::Image`] for a picture without pixels.
pub fn png(image: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let (width, height) = image.dimensions();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(image.as_raw(), width, height, image::ExtendedColorType::Rgb8)
        .map_err(|cause| {
            Error::new(Code::Image, format!("a picture of {width} x {height} cannot be encoded")).because(cause)
        })?;
    Ok(bytes)
}

/// Bytes as the `data:` address of an embedded picture.
pub(crate) fn data_uri(mime: &str, bytes: &[u8]) -> String {
    format!("data:{mime};base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// An `<img>` of a picture, shown `width` pixels wide; a sentence where it cannot be encoded.
fn img(image: &RgbImage, width: u32, alt: &str) -> Markup {
    // Small pictures are shown enlarged: with squares for pixels, as they are.
    let style = if width > image.width() { "image-rendering:pixelated" } else { "" };
    match png(image) {
        Ok(bytes) => html! { img width=(width) style=(style) alt=(alt) src=(data_uri("image/png", &bytes)); },
        Err(error) => html! { i { (error.message()) } },
    }
}

/// Whether this process runs the cells of an evcxr kernel.
fn in_kernel() -> bool {
    std::env::var_os("EVCXR_IS_RUNTIME").is_some()
}

/// Sends one bundle of contents, each with its type; the last must be plain text, which a terminal gets alone.
fn send(contents: &[(&str, &str)]) {
    let text = if in_kernel() {
        contents.iter().map(|(mime, content)| block(mime, content)).collect()
    } else {
        contents.last().map(|(_, content)| whole_lines(content)).unwrap_or_default()
    };
    let stdout = std::io::stdout();
    let mut out = stdout.lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// One content in evcxr's protocol.
fn block(mime: &str, content: &str) -> String {
    // The kernel takes a line for protocol by this prefix, wherever in the line it stands.
    let content = match mime {
        "text/html" | "image/svg+xml" => content.replace("EVCXR_", "EVCXR&#95;"),
        _ => whole_lines(content),
    };
    format!("EVCXR_BEGIN_CONTENT {mime}\n{}\nEVCXR_END_CONTENT\n", content.trim_end_matches('\n'))
}

/// Text that cannot be taken for protocol and ends in a newline.
fn whole_lines(text: &str) -> String {
    let mut text = text.replace("EVCXR_", "EVCXR-").replace('\r', "");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_quoted_can_be_taken_for_protocol() {
        let html = block("text/html", "<p>x\nEVCXR_END_CONTENT\nEVCXR_BEGIN_CONTENT image/png</p>");
        assert_eq!(html.matches("EVCXR_").count(), 2, "{html}");
        let text = block("text/plain", "a EVCXR_BEGIN_CONTENT b\r\nc");
        assert_eq!(text, "EVCXR_BEGIN_CONTENT text/plain\na EVCXR-BEGIN_CONTENT b\nc\nEVCXR_END_CONTENT\n");
        assert_eq!(whole_lines("no newline"), "no newline\n");
    }

    #[test]
    fn an_error_shows_every_part_escaped() {
        let error = Error::new(Code::Xml, "<xmin> is \"abc\"")
            .path("a&b.xml")
            .place("line 3")
            .because(std::io::Error::other("inner <fault>"))
            .hint("mend it");
        let html = Show::html(&error);
        for part in ["&lt;xmin&gt;", "a&amp;b.xml", "line 3", "inner &lt;fault&gt;", "mend it", "error (xml)"] {
            assert!(html.contains(part), "{part} in {html}");
        }
        let failed: Result<String> = Err(Error::new(Code::Io, "gone"));
        assert_eq!(Show::text(&failed), "error (io): gone");
    }

    #[test]
    fn a_picture_survives_its_encoding() {
        let image = RgbImage::from_fn(3, 2, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let back = image::load_from_memory(&png(&image).unwrap()).unwrap().to_rgb8();
        assert_eq!(back, image);
        assert_eq!(png(&RgbImage::new(0, 0)).unwrap_err().code(), Code::Image);
    }
}
