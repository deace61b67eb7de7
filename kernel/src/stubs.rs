//! Sources as the analyser needs them: what can be named and how it is documented, without what functions do.
//!
//! The analyser parses every file of every crate that a cell can name, at each start of a kernel: 27 MB, most of it
//! bodies of functions, which no type in a cell depends on. Copies without them are made once for a package.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ra_ap_syntax::ast::{self, HasAttrs, HasName, HasVisibility};
use ra_ap_syntax::{AstNode, AstToken, Edition, SourceFile, SyntaxNode, TextRange, WalkEvent};

/// Folders of a package that are not of its library.
const ASIDE: [&str; 6] = ["tests", "benches", "examples", "target", "fuzz", "data"];

/// Names, one a line, each after `+` where somebody outside of its crate may use it and `-` where not.
pub const NAMES: &str = "names.txt";

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
    made.into_iter().collect::<Result<()>>()?;
    for to in arguments.chunks(2).map(|pair| Path::new(&pair[1])) {
        let mut names = BTreeSet::new();
        for (_, file) in files.iter().filter(|(_, file)| file.starts_with(to)) {
            collect_names(&module_of(file), &fs::read_to_string(file)?, &mut names);
        }
        fs::create_dir_all(to)?;
        fs::write(to.join(NAMES), names.into_iter().collect::<Vec<_>>().join("\n"))?;
    }
    Ok(())
}

/// The last part of a file's path as a module: `canny` for `edges/canny.rs`, `edges` for `edges/mod.rs`.
fn module_of(file: &Path) -> String {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let own = stem(file);
    if own == "mod" { file.parent().map(stem).unwrap_or_default() } else { own }
}

/// The names of functions and types in a file, and of modules behind that of their parent, marked as [`NAMES`] has them.
fn collect_names(parent: &str, text: &str, names: &mut BTreeSet<String>) {
    let file = SourceFile::parse(text, Edition::Edition2024).tree();
    for node in file.syntax().descendants() {
        let Some(name) = ast::AnyHasName::cast(node.clone()).and_then(|named| named.name()) else { continue };
        let Some(item) = ast::AnyHasVisibility::cast(node).filter(|item| ast::Item::can_cast(item.syntax().kind()))
        else {
            continue;
        };
        // What a trait asks for is as public as the trait.
        let of_trait = item.syntax().ancestors().skip(1).any(|outer| {
            ast::Trait::can_cast(outer.kind()) || ast::Impl::cast(outer).is_some_and(|block| block.trait_().is_some())
        });
        let public = of_trait || item.visibility().is_some_and(|visible| visible.syntax().text() == "pub");
        let mark = if public { '+' } else { '-' };
        names.insert(match ast::Module::can_cast(item.syntax().kind()) {
            true => format!("{mark}{parent}::{}::", name.text()),
            false => format!("{mark}{}", name.text()),
        });
    }
}

/// The names that nobody outside of these crates may use, from the folders of their stubs.
pub fn hidden(folders: &[PathBuf]) -> HashSet<String> {
    let texts = folders.iter().filter_map(|folder| fs::read_to_string(folder.join(NAMES)).ok());
    let (mut public, mut private) = (HashSet::new(), HashSet::new());
    for line in texts.flat_map(|text| text.lines().map(str::to_string).collect::<Vec<_>>()) {
        match line.split_at_checked(1) {
            Some(("+", name)) => public.insert(name.to_string()),
            Some((_, name)) => private.insert(name.to_string()),
            None => false,
        };
    }
    private.retain(|name| !public.contains(name));
    private
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

    #[test]
    fn names_that_are_nobodys_business_are_hidden() {
        let folder = std::env::temp_dir().join(format!("lgf-names-{}", std::process::id()));
        for (package, text) in [
            (
                "a",
                "mod inside;\npub fn inside() {}\npub mod outside;\npub(crate) fn sweep() {}\nfn both() {}\nimpl T for S { fn asked(&self) {} }",
            ),
            ("b", "pub fn both() {}\npub trait T { fn asked(&self); }"),
        ] {
            fs::create_dir_all(folder.join("from").join(package)).unwrap();
            fs::write(folder.join("from").join(package).join("lib.rs"), text).unwrap();
            let place = |end: &str| folder.join(end).join(package).display().to_string();
            run(&[place("from"), place("to")]).unwrap();
        }
        let mut names: Vec<String> = hidden(&["to/a", "to/b"].map(|end| folder.join(end))).into_iter().collect();
        names.sort();
        assert_eq!(names, ["lib::inside::", "sweep"]);
        fs::remove_dir_all(folder).unwrap();
    }
}
