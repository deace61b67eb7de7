//! Values without a display of their own, as `Debug` writes them.

use super::show::Show;
use super::table::format_count;
use crate::error::{Error, Parts};

/// Letters of a text before its middle is left out.
const LETTERS: usize = 2_000;

/// A value as `Debug` writes it, which a notebook is sent as plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plain {
    text: String,
    error: Option<Parts>,
}

impl Plain {
    /// The text of a value whose type has this name, as [`std::any::type_name`] says it: of a result it is the value in
    /// it, or the error where that is ours.
    pub(crate) fn of(value: &dyn std::fmt::Debug, type_name: &str) -> Self {
        let text = format!("{value:?}");
        if !type_name.starts_with("core::result::Result<") {
            return Plain { text, error: None };
        }
        let inside = |text: &str, of: &str| Some(text.strip_prefix(of)?.strip_suffix(')')?.to_string());
        if let Some(value) = inside(&text, "Ok(") {
            return Plain { text: value, error: None };
        }
        let ours = type_name.ends_with(&format!(", {}>", std::any::type_name::<Error>()));
        let error = inside(&format!("{value:-?}"), "Err(").filter(|_| ours);
        Plain { text, error: error.and_then(|parts| serde_json::from_str(&parts).ok()) }
    }
}

impl Show for Plain {
    fn html(&self) -> String {
        match &self.error {
            Some(error) => error.html(),
            None => maud::html! { pre { (self.text()) } }.into_string(),
        }
    }

    fn text(&self) -> String {
        match &self.error {
            Some(error) => error.text(),
            None => cut(&self.text),
        }
    }

    fn contents(&self) -> Vec<(&'static str, String)> {
        match &self.error {
            Some(error) => error.contents(),
            None if self.text == "()" => Vec::new(),
            None => vec![("text/plain", self.text())],
        }
    }

    fn failed(&self) -> bool {
        self.error.is_some()
    }
}

/// A text without its middle where it is too long to be read, and how much was left out.
fn cut(text: &str) -> String {
    let letters = text.chars().count();
    if letters <= LETTERS {
        return text.to_string();
    }
    let half = LETTERS / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(letters - half).collect();
    format!("{head}\n… {} characters left out …\n{tail}", format_count(letters - 2 * half))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Result};

    fn plain<T: std::fmt::Debug>(value: T) -> Plain {
        Plain::of(&value, std::any::type_name::<T>())
    }

    #[test]
    fn results_are_their_values_or_our_errors() {
        assert_eq!(plain(Ok::<_, std::num::ParseIntError>(vec![1, 2])).text(), "[1, 2]");
        assert_eq!(plain(Ok::<_, Error>(Some(2.5))).text(), "Some(2.5)");
        assert!(plain(Ok::<(), Error>(())).contents().is_empty());
        let failed: Result<Vec<u8>> = Err(Error::new(Code::Io, "gone (").path("a.csv").hint("look"));
        let failed = plain(failed);
        assert_eq!(failed.text(), "error (io): a.csv: gone (\n  hint: look");
        assert!(failed.failed() && failed.html().contains("<td style=\"text-align:left\">a.csv</td>"));
        let other = plain("x".parse::<i32>());
        assert_eq!((other.text().as_str(), other.failed()), ("Err(ParseIntError { kind: InvalidDigit })", false));
    }

    #[test]
    fn a_long_text_loses_its_middle() {
        let text = plain("ä".repeat(30_000)).text();
        assert!(text.contains("\n… 28,002 characters left out …\n"), "the quotes count");
        assert!(text.starts_with("\"ä") && text.ends_with("ä\""));
        assert_eq!(plain((1, "two")).contents(), [("text/plain", "(1, \"two\")".to_string())]);
    }
}
