//! A compiler's errors as a person reads them: the cell's own line, what is wrong, and what to do.

use evcxr::{CompilationError, Error};

use crate::cell::Prepared;

/// A cell that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub name: String,
    pub value: String,
    pub traceback: Vec<String>,
}

impl Failure {
    pub fn new(name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        Failure { name: name.into(), traceback: value.lines().map(str::to_string).collect(), value }
    }

    /// A cell that evcxr ran, and that printed its own error before it ended.
    pub fn printed(name: &str) -> Self {
        Failure { name: name.into(), value: String::new(), traceback: vec![] }
    }

    /// The same, with what it printed last as its error.
    pub fn or_said(mut self, said: &[String]) -> Self {
        if !self.traceback.is_empty() {
            return self;
        }
        if said.iter().any(|line| !line.is_empty()) {
            let lines = said.iter().map(|line| without_thread(line)).filter(|line| !line.is_empty());
            self.traceback = lines.collect();
        }
        if self.traceback.is_empty() {
            self.traceback = vec!["the cell ended here; its error stands above".into()];
        }
        if self.value.is_empty() {
            self.value = self.traceback[0].clone();
        }
        self.traceback[0] = format!("{RED}error{PLAIN}: {}", self.traceback[0]);
        self
    }
}

/// A panic's first line without what says nothing in a notebook; in the library, the place is of use.
fn without_thread(line: &str) -> String {
    let place = line.strip_prefix("thread '").and_then(|rest| rest.split_once(" panicked at ")).map(|(_, place)| place);
    match place {
        Some(place) if place.starts_with("src/lib.rs:") => String::new(),
        Some(place) => format!("panic at {place}"),
        None if line.starts_with("note: run with `RUST_BACKTRACE") => String::new(),
        None => line.to_string(),
    }
}

const RED: &str = "\x1b[1;31m";
const BLUE: &str = "\x1b[1;34m";
const PLAIN: &str = "\x1b[0m";

/// A cell that evcxr did not run to its end.
pub fn failure(error: &Error, code: &str, prepared: &Prepared) -> Failure {
    match error {
        Error::CompilationErrors(errors) => compilation(errors, code, prepared),
        Error::SubprocessTerminated(message) => {
            let text = format!("{message}\nthe process that ran the cells has ended, and all variables with it");
            Failure::new("ProcessEnded", hinted(&text, "run the setup cell again; finished work is on disk"))
        }
        other => {
            let text = other.to_string();
            let hint = hint("", &text);
            // evcxr's own advice follows on lines of its own.
            let said = if hint.is_some() { text.lines().next().unwrap_or_default() } else { &text };
            let said = said.replace("which cannot be persisted", "which cannot be kept for later cells");
            match hint {
                Some(hint) => Failure::new("Error", hinted(&said, hint)),
                None => Failure::new("Error", said),
            }
        }
    }
}

fn hinted(text: &str, hint: &str) -> String {
    format!("{text}\n{BLUE}hint:{PLAIN} {hint}")
}

fn compilation(errors: &[CompilationError], code: &str, prepared: &Prepared) -> Failure {
    let own = |error: &&CompilationError| error.level() != "warning" && !error.message().starts_with("aborting due");
    let serious: Vec<&CompilationError> = errors.iter().filter(own).collect();
    // What else there is, rather than nothing.
    let errors = if serious.is_empty() { errors.iter().collect() } else { serious };
    let lines: Vec<&str> = code.lines().collect();
    let mut traceback = vec![];
    for error in &errors {
        if !traceback.is_empty() {
            traceback.push(String::new());
        }
        traceback.extend(paragraph(error, &lines, prepared));
    }
    let value = errors.first().map_or_else(|| "the cell does not compile".into(), |error| error.message());
    Failure { name: "CompileError".into(), value, traceback }
}

/// One error: its message, the lines it points at, the compiler's help, our hint.
fn paragraph(error: &CompilationError, lines: &[&str], prepared: &Prepared) -> Vec<String> {
    let number = error.code().map(|code| format!(" [{code}]")).unwrap_or_default();
    let mut said = vec![format!("{RED}error{PLAIN}: {}{number}", plain(&error.message()))];
    let mut spans: Vec<_> = error.spanned_messages().iter().filter(|message| message.span.is_some()).collect();
    spans.sort_by_key(|message| !message.is_primary);
    let mut shown = 0;
    for message in spans {
        let Some(span) = message.span else { continue };
        let Some(line) = lines.get(span.start_line.wrapping_sub(1)) else { continue };
        let start = prepared.column(span.start_line, span.start_column);
        let end = if span.end_line == span.start_line {
            prepared.column(span.end_line, span.end_column)
        } else {
            line.chars().count() + 1
        };
        let end = end.min(line.chars().count() + 1).max(start + 1);
        let margin = format!("line {}: ", span.start_line);
        if shown != span.start_line {
            said.push(format!("  {BLUE}{margin}{PLAIN}{line}"));
            shown = span.start_line;
        }
        let blank = " ".repeat(margin.len() + start.saturating_sub(1));
        let mark = if message.is_primary { "^" } else { "-" }.repeat(end - start);
        let label = plain(&message.label);
        let label = if label.starts_with("error: ") { String::new() } else { label };
        said.push(
            format!("  {blank}{}{mark}{PLAIN} {label}", if message.is_primary { RED } else { BLUE })
                .trim_end()
                .to_string(),
        );
    }
    let idle = ["evcxr", "rust-lang.org", "the following other types implement", "is not implemented for"];
    for help in error.help().iter().filter(|help| !idle.iter().any(|part| help.contains(part))) {
        let (text, suggestion) = help
            .split_once(
                "

",
            )
            .unwrap_or((help, ""));
        let suggestion =
            if suggestion.trim().is_empty() { String::new() } else { format!(": `{}`", suggestion.trim()) };
        said.push(format!("  {BLUE}help:{PLAIN} {}{suggestion}", plain(text)));
    }
    let text = error.spanned_messages().iter().fold(error.message(), |text, message| text + "\n" + &message.label);
    if let Some(hint) = hint(error.code().unwrap_or_default(), &text) {
        said.push(format!("  {BLUE}hint:{PLAIN} {}", about(hint, &error.message())));
    }
    said.iter().flat_map(|text| text.lines()).map(str::to_string).collect()
}

/// A hint with the name that the error is about in the place of `name`.
fn about(hint: &str, message: &str) -> String {
    let name =
        message.split('`').nth(1).filter(|name| name.chars().all(|letter| letter.is_alphanumeric() || letter == '_'));
    match name {
        Some(name) if !hint.contains("name:") => hint.replace("name", name),
        _ => hint.to_string(),
    }
}

/// Names that only evcxr's own code has mean nothing to a person.
fn plain(text: &str) -> String {
    let text = text.replace("EvcxrUserCodeError", "the cell's error").replace("crate::evcxr_internal_runtime::", "");
    text.replace("evcxr_display", "display")
}

/// What to do about the commonest mistakes in cells, by the error's number and what it says.
fn hint(code: &str, text: &str) -> Option<&'static str> {
    let says = |part: &str| text.contains(part);
    let fallible = says("Result<") || says("`Result`");
    Some(match code {
        "E0433" | "E0432" | "E0425" | "E0412" | "E0405" if says("lgf") || is_of_setup(text) => {
            "run the setup cell first: the one with `:dep local-global-features` and `use lgf::prelude::*;`"
        }
        "E0425" | "E0412" | "E0433" | "E0423" => {
            "is it spelt as where it was made, and has that cell been run? `:vars` lists the variables that are there"
        }
        "E0382" => "its value was given away before; lend it there with `&name`, or give a copy with `name.clone()`",
        "E0308" | "E0599" | "E0614" | "E0608" | "E0609" if fallible => {
            "this call can fail and gives a Result: add `?` behind it to take the value"
        }
        "E0599" | "E0308" if says("Option<") => {
            "it may be missing (an Option): take it with `.unwrap()`, or `.unwrap_or(value)`"
        }
        "E0308" => {
            "give the value the expected type: `&value` lends it, `value as f64` converts a number, `.to_string()` makes text"
        }
        "E0282" | "E0283" | "E0284" => "say the type: `let name: Vec<f64> = …;` or `.collect::<Vec<f64>>()`",
        "E0597" | "E0716" | "E0515" | "E0373" | "E0621" => {
            "a cell keeps values, not references into them: keep the value itself (`.clone()`, `.to_vec()`, `.to_string()`), or use it in the same cell inside `{ … }`"
        }
        "E0596" | "E0384" | "E0594" => {
            "make it changeable where it is made: `let mut name = …;` (or here: `let mut name = name;`)"
        }
        "E0502" | "E0499" | "E0505" | "E0506" => {
            "it is lent out while it is changed: finish with the first use before, or work on a copy (`.clone()`)"
        }
        "E0277" if says("`?`") => {
            "`?` hands on an error that can be printed; turn the Option into one with `.ok_or(\"what is missing\")?`"
        }
        "E0277" if says("Debug") => {
            "a last line is shown by its Debug or display: show a field of it, or end the line with `;`"
        }
        "E0277" if says("no definite size") => "say what it is collected into: `let name: Vec<_> = …;`",
        "E0277" if says("Sized") => "borrow it: put `&` in front",
        "E0277"
            if says("cannot add") || says("cannot multiply") || says("cannot subtract") || says("cannot divide") =>
        {
            "numbers of two types do not mix: convert one, as in `count as f64`"
        }
        "E0061" | "E0107" => "Shift-Tab inside the brackets shows what the call takes",
        "E0560" | "E0027" | "E0063" => {
            "fields that are left out come from the default: `Parameters { name: value, ..Default::default() }`"
        }
        "E0603" | "E0616" | "E0624" => "this is not for use from outside; Tab after the dot shows what is",
        _ if says("is a closure, which cannot be persisted") => {
            "write it as a function (`fn name(x: f64) -> f64 { … }`), or use it in the same cell inside `{ … }`"
        }
        _ if says("Couldn't automatically determine type") => {
            "say the type: `let name: Type = …;`; Shift-Tab on the call shows what it gives"
        }
        _ if says("non-static lifetime") || says("cannot be persisted") => {
            "keep the value itself, not a reference into another (`.clone()`, `.to_vec()`, `.to_string()`), or use it in the same cell inside `{ … }`"
        }
        _ if says("expected `;`") || says("missing a semicolon") => "every line but the last ends in `;`",
        _ if says("unclosed delimiter")
            || says("mismatched closing delimiter")
            || says("unterminated double quote") =>
        {
            "a bracket or quotation mark is opened and not closed"
        }
        _ if says("No space left") || says("os error 28") => {
            "the disk that holds the cache is full: free some space, then run the cell again"
        }
        _ => return None,
    })
}

/// Whether a name that is not found is one that the setup cell brings.
fn is_of_setup(text: &str) -> bool {
    let names = [
        "run",
        "table",
        "show",
        "pixels",
        "plots",
        "edges",
        "datasets",
        "inference",
        "relevance",
        "analysis",
        "models",
        "sample",
        "bbox",
        "overlap",
        "report",
        "protocol",
        "stats",
        "study",
    ];
    text.split('`').nth(1).is_some_and(|unknown| names.contains(&unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_said_without_its_thread() {
        let said = ["thread '<unnamed>' (7) panicked at src/lib.rs:126:2:".to_string(), "on purpose".into()];
        let failure = Failure::printed("Panic").or_said(&said);
        assert_eq!((failure.value.as_str(), failure.traceback.len()), ("on purpose", 1));
        assert_eq!(
            without_thread("thread 'main' panicked at src/edges/canny.rs:9:1:"),
            "panic at src/edges/canny.rs:9:1:"
        );
        assert!(Failure::printed("Error").or_said(&[]).value.contains("stands above"));
    }

    #[test]
    fn the_commonest_mistakes_have_a_hint_each() {
        let cases = [
            ("E0308", "mismatched types\nexpected `DataFrame`, found `Result<DataFrame, Error>`", "add `?`"),
            ("E0382", "borrow of moved value: `frame`", "&name"),
            ("E0425", "cannot find value `frme` in this scope", ":vars"),
            ("E0433", "cannot find module or crate `lgf` in this scope", "setup cell"),
            ("", "The variable `f` is a closure, which cannot be persisted.", "fn name"),
            ("E0282", "type annotations needed", "Vec<f64>"),
            ("", "Couldn't automatically determine type of variable `x`.", "let name: Type"),
            ("E0597", "`frame` does not live long enough", "inside `{ … }`"),
            ("E0596", "cannot borrow `x` as mutable, as it is not declared as mutable", "let mut"),
            ("E0277", "cannot add a float to an integer", "as f64"),
            ("E0061", "this function takes 2 arguments but 1 was supplied", "Shift-Tab"),
            ("", "expected `;`, found `let`", "ends in `;`"),
        ];
        for (code, text, part) in cases {
            assert!(hint(code, text).is_some_and(|hint| hint.contains(part)), "{code} {text}: {:?}", hint(code, text));
        }
        let missing = "cannot find function `no_such` in module `stats`";
        assert!(hint("E0425", missing).is_some_and(|hint| hint.contains(":vars")), "the module is there");
        assert_eq!(hint("E9999", "something else"), None);
        assert_eq!(about("lend it with `&name`", "use of moved value: `frame`"), "lend it with `&frame`");
        assert_eq!(about("lend it with `&name`", "use of moved value: `a.b`"), "lend it with `&name`");
    }
}
