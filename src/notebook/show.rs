//! What can be shown, and how texts, errors and results are.

use maud::{PreEscaped, html};

use super::print::{send, tell_kernel_of_failure};
use crate::error::{Code, Error, Parts, Result};

/// A thing that can be shown: as HTML, and as plain text where there is none.
pub trait Show {
    /// The HTML of it: one block, everything in it escaped, pictures embedded.
    fn html(&self) -> String;

    /// The plain text of it.
    fn text(&self) -> String;

    /// What a notebook is sent, each form of it with its type; plain text comes last, and nothing at all shows nothing.
    fn contents(&self) -> Vec<(&'static str, String)> {
        vec![("text/html", self.html()), ("text/plain", self.text())]
    }

    /// Whether it stands for a value that could not be had, so that the cell which ends in it failed.
    fn failed(&self) -> bool {
        false
    }
}

/// Sends a thing to the notebook as the result of the cell; on a terminal, prints its text.
pub(crate) fn display(thing: &dyn Show) {
    send(&thing.contents());
    if thing.failed() {
        tell_kernel_of_failure();
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
        display(self);
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
impl Show for Parts {
    fn html(&self) -> String {
        let mut lines = Vec::new();
        lines.extend(self.file.as_ref().map(|path| ("file", path)));
        lines.extend(self.place.as_ref().map(|place| ("place", place)));
        lines.extend(self.causes.iter().map(|cause| ("because", cause)));
        lines.extend(self.hint.as_ref().map(|hint| ("hint", hint)));
        html! {
            div style="border-left:4px solid #D55E00;padding-left:0.8em" {
                b { "error (" (self.code) ")" } ": " (self.message)
                table style="margin:0" {
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
        format!("error ({}): {}", self.code, self.text)
    }
}

impl Show for Error {
    fn html(&self) -> String {
        self.parts().html()
    }

    fn text(&self) -> String {
        self.parts().text()
    }
}

/// A result that ends a cell is shown as its value or as its error, and the error fails the cell.
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

    fn contents(&self) -> Vec<(&'static str, String)> {
        match self {
            Ok(value) => value.contents(),
            Err(error) => error.contents(),
        }
    }

    fn failed(&self) -> bool {
        self.as_ref().map_or(true, Show::failed)
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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(failed.failed() && !Show::failed(&error), "an error that is a value of its own fails nothing");
    }
}
