//! What the key of a step is made from: the sources of the room that runs it and of all rooms below, and the crates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::sources::Tree;
use crate::sources::tokens::Token;

/// What is shown, never stored: a change here leaves finished steps valid.
const SHOWN_ONLY: [&str; 4] = ["notebook", "plots", "report", "bin"];

/// The rooms that can change a stored result, each with itself and all rooms that it uses.
pub fn rooms(tree: &Tree) -> BTreeMap<String, BTreeSet<String>> {
    let stored = |room: &str| !room.is_empty() && !SHOWN_ONLY.contains(&room);
    let arrows = tree.rooms();
    let all: BTreeSet<&str> = tree.files.iter().map(|file| file.room.as_str()).filter(|room| stored(room)).collect();
    let below = |room: &str| {
        let (mut found, mut open) = (BTreeSet::new(), vec![room]);
        while let Some(room) = open.pop() {
            if found.insert(room.to_string()) {
                open.extend(
                    arrows.iter().filter(|arrow| arrow.from == room && stored(&arrow.to)).map(|arrow| &*arrow.to),
                );
            }
        }
        found
    };
    all.into_iter().map(|room| (room.to_string(), below(room))).collect()
}

/// The sources of some rooms, comments, tests and space left out.
pub fn code(tree: &Tree, rooms: &BTreeSet<String>) -> BTreeMap<PathBuf, String> {
    let files = tree.files.iter().filter(|file| rooms.contains(&file.room));
    files.map(|file| (file.path.clone(), canonical(&file.tokens))).collect()
}

/// Tokens as one text: equal for sources that differ in comments, tests and space only.
fn canonical(tokens: &[Token]) -> String {
    tokens.iter().map(|token| format!("{}{}", token.text, if token.joint { "" } else { "\n" })).collect()
}

/// The files that the sources of some rooms hold by `include_str!` or `include_bytes!`.
pub fn included(tree: &Tree, rooms: &BTreeSet<String>) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for file in tree.files.iter().filter(|file| rooms.contains(&file.room)) {
        let is_include = |tokens: &&[Token]| tokens[0].is("include_str") || tokens[0].is("include_bytes");
        for tokens in file.tokens.windows(4).filter(is_include) {
            let name = tokens[3].text.trim_matches('"');
            found.insert(plain(&file.path.parent().unwrap_or(Path::new("")).join(name)));
        }
    }
    found
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

/// `name version` of every crate that the library is built from, by `Cargo.toml` and `Cargo.lock`: what only tests or the
/// build take is not among them.
pub fn crates(manifest: &str, lock: &str) -> BTreeSet<String> {
    let direct = dependencies(manifest);
    let packages: Vec<Package<'_>> = lock.split("[[package]]").skip(1).filter_map(package).collect();
    let own =
        manifest.lines().find_map(|line| Some(line.strip_prefix("name = ")?.trim_matches('"'))).unwrap_or_default();
    let first = packages.iter().find(|package| package.name == own);
    let named = |needed: &&&str| needed.split(' ').next().is_some_and(|name| direct.contains(name));
    let mut open: Vec<&str> = first.iter().flat_map(|package| &package.needs).filter(named).copied().collect();
    let mut found = BTreeSet::new();
    while let Some(needed) = open.pop() {
        let mut words = needed.split(' ');
        let (name, version) = (words.next(), words.next());
        let fits = |package: &&Package<'_>| {
            Some(package.name) == name && version.is_none_or(|version| version == package.version)
        };
        for package in packages.iter().filter(fits) {
            if found.insert(format!("{} {}", package.name, package.version)) {
                open.extend(&package.needs);
            }
        }
    }
    found
}

/// The names below `[dependencies]`.
fn dependencies(manifest: &str) -> BTreeSet<&str> {
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        match line.trim().strip_prefix('[') {
            Some(heading) => {
                inside = heading.starts_with("dependencies]");
                found.extend(heading.strip_prefix("dependencies.").and_then(|rest| rest.split(']').next()));
            }
            None if inside => found.extend(line.split_once('=').map(|(name, _)| name.trim())),
            None => {}
        }
    }
    found
}

struct Package<'a> {
    name: &'a str,
    version: &'a str,
    needs: Vec<&'a str>,
}

/// One package of a lock file.
fn package(text: &str) -> Option<Package<'_>> {
    let field = |key: &str| text.lines().find_map(|line| Some(line.strip_prefix(key)?.trim_matches('"')));
    let listed = text.split_once("dependencies = [").and_then(|(_, rest)| rest.split(']').next()).unwrap_or_default();
    let needs = listed.split(',').map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty()).collect();
    Some(Package { name: field("name = ")?, version: field("version = ")?, needs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::tree;

    /// The code of each room.
    fn keys(edges: &str, bbox: &str) -> BTreeMap<String, BTreeMap<PathBuf, String>> {
        let tree = tree(&[
            ("src/lib.rs", "pub mod bbox; pub mod edges; pub mod plots; pub mod pixels;"),
            ("src/edges.rs", edges),
            ("src/bbox.rs", bbox),
            ("src/plots.rs", "pub struct Plot;"),
            ("src/pixels/mod.rs", "mod deep; pub use deep::Pixel;"),
            ("src/pixels/deep.rs", "pub struct Pixel; pub const SIDE: usize = 224;"),
        ]);
        rooms(&tree).into_iter().map(|(room, below)| (room, code(&tree, &below))).collect()
    }

    const EDGES: &str = "use crate::pixels::Pixel; use crate::plots::Plot; fn low() -> f64 { 0.5 }";

    #[test]
    fn comments_and_tests_change_no_key_and_numbers_do() {
        let before = keys(EDGES, "fn read() {}");
        for same in
            ["/// A share.\n", "// why\n", "/* 0.25 /* or */ */", "#[cfg(test)] mod tests { fn f() { 1 } }", "\n\n"]
        {
            assert_eq!(keys(&format!("{same}{EDGES}"), "fn read() {}"), before, "{same}");
        }
        let after = keys(&EDGES.replace("0.5", "0.6"), "fn read() {}");
        assert_ne!(after["edges"], before["edges"]);
        assert_eq!(after["bbox"], before["bbox"]);
    }

    #[test]
    fn a_room_is_changed_by_what_it_uses_and_by_nothing_else() {
        let before = keys(EDGES, "fn read() {}");
        let after = keys(EDGES, "fn read() { 1; }");
        assert_ne!(after["bbox"], before["bbox"]);
        assert_eq!(after["edges"], before["edges"]);
        let names: Vec<_> = before["edges"].keys().map(|path| path.display().to_string()).collect();
        assert_eq!(names, ["src/edges.rs", "src/pixels/deep.rs", "src/pixels/mod.rs"]);
        assert!(!before.contains_key("plots"));
    }

    #[test]
    fn a_string_that_looks_like_a_comment_is_kept() {
        let url = |host: &str| format!("const URL: &str = \"https://{host}/\";");
        assert_ne!(keys(EDGES, &url("one"))["bbox"], keys(EDGES, &url("two"))["bbox"]);
    }

    #[test]
    fn a_file_that_is_compiled_in_is_found() {
        let tree = tree(&[
            ("src/lib.rs", "mod models;"),
            ("src/models/mod.rs", "const LIST: &str = include_str!(\"../../data/networks.json\");"),
        ]);
        assert_eq!(included(&tree, &rooms(&tree)["models"]), BTreeSet::from([PathBuf::from("data/networks.json")]));
    }

    #[test]
    fn crates_of_tests_and_of_the_build_are_left_out() {
        let manifest = "[package]\nname = \"own\"\n[dependencies]\na = \"1\" # why\n[dependencies.b]\nversion = \"2\"\n\
                        [dev-dependencies]\nt = \"1\"\n";
        let block = |name: &str, version: &str, needs: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\ndependencies = [\n{needs}]\n\n")
        };
        let lock = [
            block("a", "1.0.0", " \"c 1.0.0\",\n"),
            block("b", "2.0.0", ""),
            block("c", "1.0.0", " \"a\",\n"),
            block("c", "2.0.0", ""),
            block("own", "0.1.0", " \"a\",\n \"b\",\n \"t\",\n"),
            block("t", "1.0.0", " \"c 2.0.0\",\n"),
        ];
        let found: Vec<String> = crates(manifest, &lock.concat()).into_iter().collect();
        assert_eq!(found, ["a 1.0.0", "b 2.0.0", "c 1.0.0"]);
    }
}
