//! One evcxr context and what is asked of it: loading, cells, completion, documentation.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use evcxr::{CommandContext, Error, EvalCallbacks, EvalContext, EvalContextOutputs};
use ra_ap_syntax::ast::{self, HasName};
use ra_ap_syntax::{AstNode, Edition, SourceFile};

use crate::Places;
use crate::cell::{Prepared, column_of, places_to_ask};
use crate::explain::{Failure, failure};
use crate::marks::{self, Ends, Mark};
use crate::slot::Slot;
use crate::stubs;
use snapshot::{OPTIMISE, STARTING, Snapshot};

/// What a cell shows, by kind of content.
pub type Bundle = BTreeMap<String, String>;

/// Run once before the first cell, so that it finds the library loaded and `?` allowed: evcxr learns that a cell may
/// end in `?` from a first failure to compile.
const PREPARATION: &str = "let _ = lgf::notebook::format_count(1);\nOk::<(), std::convert::Infallible>(())?;";
/// Looked at once before the first cell, so that the analyser knows the types that most cells name.
const LOOKED_AT: &str = "use lgf::prelude::*;\nlet number = vec![1.0].len();\nlet frame = DataFrame::empty();\nlet run = lgf::open();\nnumber.";

/// An evcxr context in a slot of its own.
pub struct Session {
    context: CommandContext,
    slot: Slot,
    snapshot: Option<Snapshot>,
    /// Where the process that runs cells notes how they end.
    ends: PathBuf,
    /// Whether the library's display can be called: it is a dependency and compiles.
    shows: bool,
    /// Names that the analyser offers and nobody outside of their crates may use.
    hidden: HashSet<String>,
    /// Whether it was said that the library has changed.
    told: bool,
    /// Of the cells that came to their end, those not yet asked for.
    complete: usize,
    /// How long the last cell ran once it was compiled.
    pub ran: Duration,
}

/// Something that may stand where the cursor is.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    pub text: String,
    pub label: String,
    pub kind: &'static str,
}

impl Session {
    /// Starts evcxr and loads the library; `say` hears what takes longer than a person expects.
    pub fn start(places: &Places, say: &dyn Fn(&str)) -> Result<(Self, EvalContextOutputs)> {
        let clock = Clock::new();
        let stale = match Snapshot::current(&places.kernels.join("snapshots")) {
            Ok(snapshot) => !snapshot.is_fresh() || snapshot.project != places.project,
            Err(_) => true,
        };
        // What was never built is built by make, not while somebody waits for a cell.
        if stale && places.kernels.join("warm/stamp").is_file() {
            say(
                "the library has changed since it was last compiled for notebooks; it is compiled now (about a minute)",
            );
            warm(places, say);
        }
        let (slot, snapshot) = places.take(true)?;
        clock.say("slot");
        let ends = slot.folder.join("ends");
        let no_sources = slot.folder.join("no-sources");
        fs::create_dir_all(no_sources.join("core/src"))?;
        fs::write(no_sources.join("core/src/lib.rs"), "")?;
        // evcxr evaluates something at its start. Nothing in it has a type to be found, so the analyser need not read
        // the standard library for it, and then again with the dependencies.
        if snapshot.is_some() {
            set("RUST_SRC_PATH", &no_sources);
        }
        let starting = slot.notebook().join(STARTING);
        fs::write(&starting, "")?;
        let mut cells = Command::new(std::env::current_exe()?);
        cells.env(marks::FILE, &ends).env("LGF_KERNEL", "own");
        // A run whose outputs are kept in a file wants whole lines, and says so.
        if std::env::var_os("LGF_PROGRESS").is_none() {
            cells.env("LGF_PROGRESS", "rewrite");
        }
        let (context, outputs) = EvalContext::with_subprocess_command(cells).map_err(|error| anyhow!("{error}"))?;
        clock.say("evcxr");
        let mut session = Session {
            context: CommandContext::with_eval_context(context),
            slot,
            snapshot,
            ends,
            shows: false,
            hidden: HashSet::new(),
            told: false,
            complete: 0,
            ran: Duration::ZERO,
        };
        let Some(snapshot) = session.snapshot.clone() else {
            fs::remove_file(starting)?;
            return Ok((session, outputs));
        };
        set("RUST_SRC_PATH", &snapshot.standard_library);
        session.hidden = stubs::hidden(&snapshot.stubs());
        session.context.set_opt_level("0").map_err(|error| anyhow!("{error}"))?;
        let dependency = format!(":dep local-global-features = {{ path = {:?} }}\n{PREPARATION}", places.project);
        let prepared = session.context.execute(&dependency);
        fs::remove_file(starting)?;
        match prepared {
            Ok(_) => {
                session.shows = true;
                clock.say("library");
                let _ = catch_unwind(AssertUnwindSafe(|| session.context.completions(LOOKED_AT, LOOKED_AT.len())));
                clock.say("types");
            }
            // The setup cell will say why.
            Err(error) => eprintln!("the library could not be loaded ahead: {error}"),
        }
        Ok((session, outputs))
    }

    /// How many cells came to their end since this was asked last.
    pub fn completed(&mut self) -> usize {
        std::mem::take(&mut self.complete) + marks::take(&self.ends).complete
    }

    /// The process that runs cells.
    pub fn process(&self) -> Arc<Mutex<Child>> {
        self.context.process_handle()
    }

    /// Runs a cell; `ask` answers what the cell asks of the person, `say` tells them what is not the cell's own.
    pub fn run(
        &mut self,
        code: &str,
        ask: &dyn Fn(&str, bool) -> String,
        say: &dyn Fn(&str),
    ) -> Result<Bundle, Failure> {
        if !self.told && self.snapshot.as_ref().is_some_and(|snapshot| !snapshot.is_fresh()) {
            self.told = true;
            say(
                "the library has changed; this kernel goes on with the one that it began with (Restart takes the new one)",
            );
        }
        self.ran = Duration::ZERO;
        let prepared = if self.shows { Prepared::new(code) } else { Prepared::untouched(code) };
        let optimise = self.slot.notebook().join(OPTIMISE);
        let _ = if prepared.loops { fs::write(&optimise, "") } else { fs::remove_file(&optimise) };
        let mut ended = self.evaluate(&prepared.text, ask);
        let mut prepared = prepared;
        if prepared.shown && matches!(&ended, Err(Error::CompilationErrors(errors)) if errors.iter().any(is_of_display))
        {
            // A value that only evcxr knows a way to show.
            prepared = Prepared::untouched(code);
            ended = self.evaluate(code, ask);
        }
        let Ends { mark, complete } = marks::take(&self.ends);
        self.complete += complete;
        match (ended, mark) {
            (Err(error), _) => Err(failure(&error, code, &prepared)),
            (Ok(_), Some(Mark::Error)) => Err(Failure::printed("Error")),
            (Ok(_), Some(Mark::Panic)) => Err(Failure::printed("Panic")),
            (Ok(bundle), Some(Mark::Value)) => Err(Failure::new(
                "Error",
                bundle.get("text/plain").map_or("the value of the cell is an error", String::as_str),
            )),
            (Ok(bundle), None) => Ok(bundle),
        }
    }

    fn evaluate(&mut self, text: &str, ask: &dyn Fn(&str, bool) -> String) -> Result<Bundle, Error> {
        let mut callbacks = EvalCallbacks { input_reader: &|request| ask(&request.prompt, request.is_password) };
        let context = &mut self.context;
        let ended = catch_unwind(AssertUnwindSafe(|| context.execute_with_callbacks(text, &mut callbacks)));
        let outputs = ended
            .unwrap_or_else(|_| Err(Error::Message("evcxr failed at this cell; earlier variables are kept".into())))?;
        self.ran = outputs.phases.last().map_or(Duration::ZERO, |phase| phase.duration);
        let mut bundle: Bundle = outputs.content_by_mime_type.into_iter().collect();
        if let Some(took) = outputs.timing {
            bundle.entry("text/plain".into()).or_default().push_str(&format!("\ntook {} ms", took.as_millis()));
        }
        Ok(bundle)
    }

    /// What may stand at a place of a cell, in bytes: where it begins and ends, and each in the order of use.
    pub fn complete(&mut self, code: &str, cursor: usize) -> Result<(usize, usize, Vec<Completion>)> {
        if let Some((start, table)) = column_of(code, cursor) {
            let typed = &code[start..cursor];
            let columns = self.columns_of(table).into_iter().filter(|name| name.starts_with(typed));
            let item =
                |name: String| Completion { label: format!("a column of {table}"), text: name, kind: "instance" };
            return Ok((start, cursor, columns.map(item).collect()));
        }
        let context = &mut self.context;
        let found = catch_unwind(AssertUnwindSafe(|| context.completions(code, cursor)));
        let found = found.map_err(|_| anyhow!("the analyser failed here"))??;
        let typed = code.get(found.start_offset..found.end_offset).unwrap_or_default();
        // The module whose names are asked for: what stands before the colons.
        let before = code.get(..found.start_offset).and_then(|before| before.strip_suffix("::")).unwrap_or_default();
        let parent =
            before.rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default();
        let mut all: Vec<Completion> = found
            .completions
            .into_iter()
            .map(|item| Completion { text: inserted(&item.code), label: item.label, kind: item.kind })
            .filter(|item| is_for_people(item, typed) && !self.is_hidden(parent, item))
            .collect();
        all.sort_by_key(|item| (rank(item), item.text.to_lowercase()));
        all.dedup_by(|a, b| a.text == b.text);
        Ok((found.start_offset, found.end_offset, all))
    }

    /// Whether a completion is a function, type or module that nobody outside of its crate may use.
    fn is_hidden(&self, parent: &str, item: &Completion) -> bool {
        let judged = matches!(item.kind, "function" | "class" | "module") && !item.text.contains('!');
        let own = self.context.defined_item_names().any(|name| name == name_of(&item.text));
        judged && !own && self.hidden.contains(&key_of(parent, &item.text))
    }

    /// The columns of a table that is at hand, by asking it; none of what is no table.
    fn columns_of(&mut self, table: &str) -> Vec<String> {
        let variable = table.split('.').next().unwrap_or_default();
        if !self.shows || !self.context.variables_and_types().any(|(name, _)| name == variable) {
            return vec![];
        }
        let names = "names.iter().map(|name| name.to_string()).collect::<Vec<_>>()";
        let code = format!(
            "{{ let names = {table}.get_column_names(); \
             lgf::notebook::Html::new(\"\", {names}.join(\"\\n\")).evcxr_display(); }};"
        );
        let shown = self.evaluate(&code, &|_, _| String::new());
        let text = shown.ok().and_then(|mut bundle| bundle.remove("text/plain")).unwrap_or_default();
        text.lines().map(str::to_string).filter(|line| !line.is_empty()).collect()
    }

    /// Signature and documentation of what stands at a place of a cell: plain text and HTML.
    pub fn inspect(&mut self, code: &str, cursor: usize) -> Option<(String, String)> {
        for place in places_to_ask(code, cursor) {
            let context = &mut self.context;
            let found = catch_unwind(AssertUnwindSafe(|| context.hover_at(code, place))).ok()?.ok();
            if let Some((plain, html)) = found.filter(|(plain, _)| plain != "No documentation found") {
                // A heading of a doc comment is one of a small window here.
                let html = ["h1", "h2", "h3"].iter().fold(html, |html, tag| {
                    html.replace(&format!("<{tag}>"), "<p><b>").replace(&format!("</{tag}>"), "</b></p>")
                });
                return Some(self.whole_enum(&plain).unwrap_or_else(|| (text_of(&html), html)));
            }
        }
        None
    }

    /// The analyser shows five variants of an enum; all of them stand in the library's source.
    fn whole_enum(&self, plain: &str) -> Option<(String, String)> {
        let name =
            plain.split_once("enum ")?.1.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()?;
        if !plain.contains('…') && !plain.contains("/*") {
            return None;
        }
        let sources = self.snapshot.as_ref()?.sources();
        let text = sources
            .iter()
            .filter_map(|path| fs::read_to_string(path).ok())
            .find(|text| text.contains(&format!("pub enum {name} ")))?;
        let file = SourceFile::parse(&text, Edition::Edition2024).tree();
        let found = file
            .syntax()
            .descendants()
            .filter_map(ast::Enum::cast)
            .find(|item| item.name().is_some_and(|own| own.text() == name))?;
        let source = found.syntax().text().to_string();
        let html = format!("<pre>{}</pre>", source.replace('&', "&amp;").replace('<', "&lt;"));
        Some((source, html))
    }
}

/// Says on standard error, where `LGF_TRACE` is set, when each part of the start was done.
struct Clock(std::time::Instant);

impl Clock {
    fn new() -> Self {
        Clock(std::time::Instant::now())
    }

    fn say(&self, what: &str) {
        if std::env::var_os("LGF_TRACE").is_some() {
            eprintln!("{:7.3} s  {what}", self.0.elapsed().as_secs_f64());
        }
    }
}

/// Documentation as text, for where a front-end shows no HTML: the analyser's own plain text runs headings into lines.
fn text_of(html: &str) -> String {
    let (mut text, mut inside) = (String::new(), false);
    let html = html.replace("</p>", "\n\n").replace("<hr />", "\n").replace("<li>", "- ");
    for letter in html.chars() {
        match letter {
            '<' => inside = true,
            '>' if inside => inside = false,
            _ if !inside => text.push(letter),
            _ => {}
        }
    }
    for (entity, letter) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")] {
        text = text.replace(entity, letter);
    }
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    text.trim().to_string()
}

/// Compiles the library for notebooks; a failure is said by the first cell, and cells go the long way then.
fn warm(places: &Places, say: &dyn Fn(&str)) {
    let ended = Command::new("bash").arg(places.project.join("kernel/warm")).output();
    match ended.context("kernel/warm cannot be run") {
        Ok(ended) if ended.status.success() => {}
        Ok(ended) => {
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            let errors: Vec<&str> = said.lines().skip_while(|line| !line.starts_with("error")).take(20).collect();
            say(&format!("the library does not compile:\n{}", errors.join("\n")));
        }
        Err(error) => say(&format!("{error:#}")),
    }
}

fn set(key: &str, value: &Path) {
    // SAFETY: evcxr reads the environment on this thread, and nothing else does while the session starts.
    unsafe { std::env::set_var(key, value) };
}

fn is_of_display(error: &evcxr::CompilationError) -> bool {
    error.message().contains("evcxr_display")
        || error.spanned_messages().iter().any(|message| message.label.contains("evcxr_display"))
}

/// Methods that every type has by some trait of the standard library, which a list of what a value can do hides behind.
const COMMON: [&str; 24] = [
    "borrow",
    "borrow_mut",
    "clamp",
    "clone_from",
    "clone_into",
    "cmp",
    "eq",
    "evcxr_display",
    "fmt",
    "ge",
    "gt",
    "hash",
    "into",
    "le",
    "lt",
    "max",
    "min",
    "ne",
    "partial_cmp",
    "to_owned",
    "try_into",
    "type_id",
    "vzip",
    "into_any",
];

/// What Tab puts in: the analyser would put the parameters' names between the brackets, to be typed over.
fn inserted(code: &str) -> String {
    match code.split_once('(') {
        Some((name, arguments)) if arguments.ends_with(')') && arguments != ")" => format!("{name}("),
        _ => code.to_string(),
    }
}

fn name_of(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default()
}

/// A completion as [`stubs::NAMES`] has it: a module behind its parent.
fn key_of(parent: &str, text: &str) -> String {
    if text.ends_with("::") { format!("{parent}::{text}") } else { name_of(text).to_string() }
}

/// Whether a completion helps: not what only generated code calls, nor a keyword put behind a dot.
fn is_for_people(item: &Completion, typed: &str) -> bool {
    let name = name_of(&item.text);
    let asked_for = typed.len() >= 3 && name.starts_with(typed);
    let hidden = COMMON.contains(&name) && !asked_for;
    !hidden && !name.starts_with("evcxr_") && !name.starts_with("__")
}

/// Fields and what is in scope first, then what can be called.
fn rank(item: &Completion) -> u8 {
    match item.kind {
        "instance" => 0,
        "function" => 1,
        "module" | "class" => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_reads_as_text_too() {
        let html = "<pre><code>pub fn f() -&gt; u8\n</code></pre>\n<hr />\n<p>Says &quot;a&quot;.</p>\n<p><b>Errors</b></p>\n<p>None.</p>";
        assert_eq!(text_of(html), "pub fn f() -> u8\n\nSays \"a\".\n\nErrors\n\nNone.");
    }

    #[test]
    fn what_only_generated_code_calls_is_not_offered() {
        let item = |text: &str| Completion { text: text.into(), label: text.into(), kind: "function" };
        assert!(is_for_people(&item("height()"), "") && !is_for_people(&item("clone_into("), "cl"));
        assert!(is_for_people(&item("clone_into("), "clone_i"), "who types its name means it");
        assert_eq!(
            (inserted("head(length)"), inserted("height()"), inserted("field")),
            ("head(".into(), "height()".into(), "field".into())
        );
    }
}
