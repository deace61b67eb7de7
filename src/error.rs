//! One typed error for the whole library: what went wrong, in which file, where in it, why, and what to do.
//!
//! ```
//! use lgf::error::{Code, Error};
//!
//! let error = Error::new(Code::Xml, "xmin is \"abc\", expected an integer")
//!     .path("n01440764_10.xml")
//!     .place("line 14")
//!     .hint("correct the file, or leave it: it is listed among the rejects");
//! assert_eq!(
//!     error.to_string(),
//!     "n01440764_10.xml, line 14: xmin is \"abc\", expected an integer\n  \
//!      hint: correct the file, or leave it: it is listed among the rejects"
//! );
//! ```

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What kind of fault it was; the `code` column of every table of rejects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Code {
    /// The operating system refused: not found, no permission, no space.
    Io,
    /// A file or table that an earlier step writes is not there.
    Missing,
    /// An archive that is not what its name says, or is cut or corrupt.
    Archive,
    /// An annotation that cannot be read.
    Xml,
    /// A box that cannot be one: inverted, empty, or outside its picture.
    Box,
    /// A picture that cannot be decoded.
    Image,
    /// A decoder that panicked; it stayed in that picture.
    Decoder,
    /// A size over one of the limits that guard memory.
    Limit,
    /// A checkpoint that cannot be read safely, or does not fit its network.
    Checkpoint,
    /// A network, layer or class that is not known.
    Model,
    /// libtorch, or the device asked for.
    Device,
    /// A device without the memory that a batch needs.
    Memory,
    /// A table with other columns, types or lengths than its schema says.
    Table,
    /// A manifest of another version, or one that does not fit its files.
    Manifest,
    /// An argument out of its range.
    Parameter,
    /// Numbers that are not finite, or relevance that is not conserved.
    Numeric,
    /// The person pressed stop; what was finished is on disk.
    Stopped,
    /// A shard has done its part; the rest is others', and tables are made where all are joined.
    Partial,
}

impl Code {
    /// All of them.
    pub const ALL: [Code; 18] = [
        Code::Io,
        Code::Missing,
        Code::Archive,
        Code::Xml,
        Code::Box,
        Code::Image,
        Code::Decoder,
        Code::Limit,
        Code::Checkpoint,
        Code::Model,
        Code::Device,
        Code::Memory,
        Code::Table,
        Code::Manifest,
        Code::Parameter,
        Code::Numeric,
        Code::Stopped,
        Code::Partial,
    ];

    /// The code as it stands in a table of rejects.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Io => "io",
            Code::Missing => "missing",
            Code::Archive => "archive",
            Code::Xml => "xml",
            Code::Box => "box",
            Code::Image => "image",
            Code::Decoder => "decoder",
            Code::Limit => "limit",
            Code::Checkpoint => "checkpoint",
            Code::Model => "model",
            Code::Device => "device",
            Code::Memory => "memory",
            Code::Table => "table",
            Code::Manifest => "manifest",
            Code::Parameter => "parameter",
            Code::Numeric => "numeric",
            Code::Stopped => "stopped",
            Code::Partial => "partial",
        }
    }
}

/// The error of every fallible call: a message with its path, place, cause and hint.
pub struct Error(Box<Facts>);

struct Facts {
    code: Code,
    message: String,
    path: Option<PathBuf>,
    place: Option<String>,
    hint: Option<String>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Characters of a message, a place or a cause: a file may hold a name of megabytes.
const LONGEST: usize = 2_000;

/// A text for a message: what a file holds stands in it, so of a long one the beginning, and no signs that steer a terminal.
fn shown(text: String) -> String {
    let steers = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    if text.len() <= LONGEST && !text.contains(steers) {
        return text;
    }
    let mut shown = String::new();
    for (count, letter) in text.chars().enumerate() {
        match letter {
            _ if count == LONGEST => {
                shown.push('…');
                break;
            }
            _ if steers(letter) => shown.extend(letter.escape_default()),
            _ => shown.push(letter),
        }
    }
    shown
}

/// `Result` with the library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of one kind with a message in plain words: what was found, and what was expected.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error(Box::new(Facts {
            code,
            message: shown(message.into()),
            path: None,
            place: None,
            hint: None,
            cause: None,
        }))
    }

    /// An operating-system error while doing `action` ("reading", "writing") to `path`, with a hint where one helps.
    pub fn io(action: &str, path: impl Into<PathBuf>, cause: std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let reads = ["reading", "listing", "opening"].iter().any(|verb| action.starts_with(verb));
        let hint = match cause.kind() {
            Kind::NotFound if reads => Some("check the path: nothing is there, or a link leads nowhere"),
            Kind::PermissionDenied if reads => Some("give yourself the right to read it (chmod u+r)"),
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => {
                Some("choose a place that you may write to; the data root is set with --root or LGF_ROOT")
            }
            Kind::AlreadyExists | Kind::NotADirectory => {
                Some("a file stands where a folder is expected: choose another path")
            }
            Kind::IsADirectory => Some("this is a folder: name a file"),
            Kind::StorageFull | Kind::QuotaExceeded => {
                Some("free some space, then run the same call again: it goes on where it stopped")
            }
            Kind::FileTooLarge => {
                Some("allow larger files (ulimit -f), then run the same call again: it goes on where it stopped")
            }
            _ if cause.raw_os_error() == Some(libc::EMFILE) => Some("allow more open files (ulimit -n)"),
            _ => None,
        };
        let error = Error::new(Code::Io, format!("{action} failed")).path(path).because(cause);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// Names the file.
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// Names the file unless one is named already.
    pub fn or_path(self, path: impl AsRef<Path>) -> Self {
        if self.0.path.is_some() { self } else { self.path(path.as_ref()) }
    }

    /// Names the place in the file: a line, a member of an archive, a tensor.
    pub fn place(mut self, place: impl Into<String>) -> Self {
        self.0.place = Some(shown(place.into()));
        self
    }

    /// Names the place unless one is named already.
    pub(crate) fn or_place(self, place: impl FnOnce() -> String) -> Self {
        if self.0.place.is_some() { self } else { self.place(place()) }
    }

    /// Says what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Keeps the error underneath.
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The kind of fault.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Whether it is about one picture and no other: what it holds, or that it cannot be read.
    pub(crate) fn is_of_picture(&self, path: &Path) -> bool {
        match self.0.code {
            Code::Image | Code::Decoder => self.0.path.as_deref().is_none_or(|own| own == path),
            Code::Limit | Code::Io => self.0.path.as_deref() == Some(path),
            _ => false,
        }
    }

    /// The message alone, without path, cause or hint.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The file, if one is named.
    pub fn file(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The place in the file, if one is named.
    pub fn at(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    /// What to do, if something can be said.
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The messages of the errors underneath, outermost first; what one of them says already is not said again.
    pub fn causes(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        let mut next = self.0.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static));
        while let Some(cause) = next {
            let text = cause.downcast_ref::<Error>().map_or_else(|| shown(cause.to_string()), Error::headline);
            if !text.is_empty() && !self.0.message.contains(&text) && !texts.iter().any(|other| other.contains(&text)) {
                texts.push(text);
            }
            next = cause.source();
        }
        texts
    }

    /// What it says, in words only.
    pub(crate) fn parts(&self) -> Parts {
        Parts {
            code: self.0.code.as_str().to_string(),
            message: self.0.message.clone(),
            file: self.file().map(|path| path.display().to_string()),
            place: self.0.place.clone(),
            causes: self.causes(),
            hint: self.0.hint.clone(),
            text: self.to_string(),
        }
    }

    /// Path, place and message, without causes and hint.
    fn headline(&self) -> String {
        let facts = &self.0;
        match (&facts.path, &facts.place) {
            (Some(path), Some(place)) => format!("{}, {place}: {}", path.display(), facts.message),
            (Some(path), None) => format!("{}: {}", path.display(), facts.message),
            (None, Some(place)) => format!("{place}: {}", facts.message),
            (None, None) => facts.message.clone(),
        }
    }

    /// The text of an error of the command line: the words around it, then the error with its causes and hint, each once.
    pub fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
        let (mut texts, mut next) = (Vec::new(), Some(error));
        while let Some(error) = next {
            let text = error.to_string();
            if !texts.iter().any(|other: &String| other.contains(&text)) {
                texts.push(text);
            }
            // Ours says what is underneath itself.
            next = if error.is::<Error>() { None } else { error.source() };
        }
        texts.join(": ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.headline())?;
        for cause in self.causes() {
            write!(f, "\n  because: {cause}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// The same text as `Display`: notebooks and `main` print errors with `{:?}`. With `{:-?}`, its parts as JSON.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.sign_minus() {
            return f.write_str(&serde_json::to_string(&self.parts()).unwrap_or_default());
        }
        fmt::Display::fmt(self, f)
    }
}

/// What an error says, in words only.
///
/// `{:-?}` writes it inside of whatever holds the error: so a notebook, which is given a `Result` of a type that it cannot
/// name, finds the error in it. The flag means nothing to `Debug` of anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parts {
    pub code: String,
    pub message: String,
    pub file: Option<String>,
    pub place: Option<String>,
    pub causes: Vec<String>,
    pub hint: Option<String>,
    /// All of it, as `Display` says it.
    pub text: String,
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

/// Some names of many for a message, `a, b and 1,264 more`: at most `most` of them.
///
/// ```
/// use lgf::error::listed;
///
/// assert_eq!(listed(&["a", "b"], 3), "a, b");
/// assert_eq!(listed(&["a", "b", "c", "d"], 2), "a, b and 2 more");
/// ```
pub fn listed(names: &[impl AsRef<str>], most: usize) -> String {
    listed_by(names, most, |name| name.as_ref().to_string())
}

/// As [`listed`], of anything that a text can be made of.
pub(crate) fn listed_by<T>(items: &[T], most: usize, text: impl Fn(&T) -> String) -> String {
    let shown: Vec<String> = items.iter().take(most).map(text).collect();
    match items.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), grouped(&more.to_string())),
    }
}

/// Commas between groups of three digits, counted from the right.
pub(crate) fn grouped(digits: &str) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    let mut out = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_carries_path_place_cause_and_hint() {
        let inner = std::io::Error::new(std::io::ErrorKind::StorageFull, "no space left");
        let text = Error::io("writing", "data/x.csv", inner).to_string();
        assert!(text.starts_with("data/x.csv: writing failed"), "{text}");
        assert!(text.contains("because: no space left"), "{text}");
        assert!(text.contains("hint: free some space"), "{text}");
    }

    #[test]
    fn a_cause_is_said_once_however_it_is_wrapped() {
        let inner = Error::new(Code::Xml, "cut").path("a.xml").because(std::io::Error::other("no more bytes"));
        let outer = Error::new(Code::Archive, "cannot be read").path("a.tar").because(inner).hint("fetch it again");
        let expected = "a.tar: cannot be read\n  because: a.xml: cut\n  because: no more bytes\n  hint: fetch it again";
        assert_eq!(outer.to_string(), expected);
        let wrapped = anyhow::Error::from(outer).context("3 of 4 pictures were skipped; the first");
        let text = Error::in_words(wrapped.as_ref());
        assert_eq!(text, format!("3 of 4 pictures were skipped; the first: {expected}"));
    }

    #[test]
    fn its_parts_are_found_in_what_holds_it() {
        let error = || Error::new(Code::Xml, "cut \"x\"").path("a.xml").because(std::io::Error::other("no more"));
        let held: std::result::Result<(), Error> = Err(error());
        let text = format!("{held:-?}");
        let inside = text.strip_prefix("Err(").and_then(|text| text.strip_suffix(')')).unwrap();
        assert_eq!(serde_json::from_str::<Parts>(inside).unwrap(), error().parts());
        assert_eq!(format!("{held:?}"), format!("Err({})", error()));
    }

    #[test]
    fn a_hint_fits_what_was_done() {
        let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert!(Error::io("reading", "a.JPEG", denied()).advice().unwrap().contains("right to read"));
        assert!(Error::io("writing", "out", denied()).advice().unwrap().contains("--root"));
        let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
        assert!(!Error::io("reading", "a.JPEG", gone).to_string().contains("step"));
    }

    #[test]
    fn a_named_path_is_kept() {
        let error = Error::new(Code::Xml, "cut").path("a.xml").or_path("b.tar.gz");
        assert_eq!(error.file(), Some(Path::new("a.xml")));
    }
}
