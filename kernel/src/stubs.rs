//! Sources as the analyser needs them: what can be named and how it is documented, without what functions do.
//!
//! The analyser parses every file of every crate that a cell can name, at each start of a kernel: 27 MB, most of it
//! bodies of functions, which no type in a cell depends on. Copies without them are made once for a package.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ra_ap_syntax::ast::{self, HasAttrs};
use ra_ap_syntax::{AstNode, AstToken, Edition, SourceFile, SyntaxNode, TextRange, WalkEvent};

/// Folders of a package that are not of its library.
const ASIDE: [&str; 6] = ["tests", "benches", "examples", "target", "fuzz", "data"];

/// `--stubs FROM TO [FROM TO …]`: copies sources without bodies.
pub fn run(arguments: &[String]) -> Result<()> {
    let mut files = vec![];
    for pair in arguments.chunks(2) {
        let [from, to] = pair else { bail!("usage: lgf-kernel --stubs FROM TO [FROM TO …]") };
        collect(Path::new(from), Path::new(to), &mut files)?;
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let made = std::thread::scope(|scope| {
        let parts = files.chunks(files.len().div_ceil(threads).max(1));
        let running: Vec<_> = parts.map(|part| scope.spawn(|| part.iter().try_for_each(write))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a file could not be parsed")))
            .collect::<Vec<_>>()
    });
    made.into_iter().collect()
}

fn collect(from: &Path, to: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let text = name.to_string_lossy();
        if path.is_dir() && !text.starts_with('.') && !ASIDE.contains(&&*text) {
            collect(&path, &to.join(&name), files)?;
        } else if text.ends_with(".rs") {
            files.push((path, to.join(&name)));
        }
    }
    Ok(())
}

fn write((from, to): &(PathBuf, PathBuf)) -> Result<()> {
    let text = fs::read_to_string(from).with_context(|| format!("cannot read {}", from.display()))?;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, stub(&text)).with_context(|| format!("cannot write {}", to.display()))
}

/// A file without the bodies of its functions, its tests and its plain comments; as it is where it does not parse.
fn stub(text: &str) -> String {
    let parsed = SourceFile::parse(text, Edition::Edition2024);
    if !parsed.errors().is_empty() {
        return text.to_string();
    }
    let mut cuts: Vec<(TextRange, &str)> = vec![];
    let mut walk = parsed.tree().syntax().preorder_with_tokens();
    while let Some(event) = walk.next() {
        let WalkEvent::Enter(element) = event else { continue };
        if let Some(node) = element.as_node() {
            let cut = if is_test(node) { Some((node.text_range(), "")) } else { body(node).map(|range| (range, "{}")) };
            if let Some(cut) = cut {
                // What comes before a body is kept, and may hold comments; a test goes as a whole.
                if cut.1.is_empty() {
                    walk.skip_subtree();
                }
                cuts.push(cut);
            }
            if ast::BlockExpr::can_cast(node.kind())
                && cuts.last().is_some_and(|(range, _)| *range == node.text_range())
            {
                walk.skip_subtree();
            }
        } else if let Some(comment) = element.into_token().and_then(ast::Comment::cast)
            && !comment.is_doc()
        {
            cuts.push((comment.syntax().text_range(), ""));
        }
    }
    let (mut stub, mut end) = (String::with_capacity(text.len() / 2), 0);
    for (range, instead) in cuts {
        let (from, to) = (usize::from(range.start()), usize::from(range.end()));
        if from >= end {
            stub.push_str(&text[end..from]);
            stub.push_str(instead);
            end = to;
        }
    }
    stub + &text[end..]
}

fn is_test(node: &SyntaxNode) -> bool {
    let attributes = ast::AnyHasAttrs::cast(node.clone()).filter(|_| ast::Item::can_cast(node.kind()));
    attributes.is_some_and(|item| item.attrs().any(|attribute| attribute.syntax().text() == "#[cfg(test)]"))
}

/// The body of a function whose value no constant depends on.
fn body(node: &SyntaxNode) -> Option<TextRange> {
    let function = ast::Fn::cast(node.clone())?;
    let body = function.body().filter(|_| function.const_token().is_none())?;
    Some(body.syntax().text_range())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_named_stays_and_what_functions_do_goes() {
        let text = "/// Adds.\npub fn add(a: u8) -> u8 {\n    // why\n    a + 1\n}\n// plain\nconst fn n() -> usize { 3 }\n\
                    trait T { fn given(&self) -> u8 { 1 } fn wanted(&self); }\n#[cfg(test)]\nmod tests { fn f() {} }\n\
                    macro_rules! m { () => { fn g() { 1; } } }\nstruct S { /// A field.\n a: u8 }\n";
        assert_eq!(
            stub(text),
            "/// Adds.\npub fn add(a: u8) -> u8 {}\n\nconst fn n() -> usize { 3 }\n\
             trait T { fn given(&self) -> u8 {} fn wanted(&self); }\n\n\
             macro_rules! m { () => { fn g() { 1; } } }\nstruct S { /// A field.\n a: u8 }\n"
        );
        assert_eq!(stub("fn broken( {"), "fn broken( {");
    }
}
