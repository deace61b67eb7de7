//! The source tree as modules, what each defines, and what it names of others. The map of the house and the keys of its
//! steps both read it here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

#[path = "tokens.rs"]
pub mod tokens;

use tokens::{Kind, Token, after_group};

/// A file of the tree; those that only tests have are not there.
pub struct Source {
    pub path: PathBuf,
    /// The folder or file below `src` that it belongs to; empty for the crate's root.
    pub room: String,
    pub tokens: Vec<Token>,
}

/// A module: a file, or a block in one.
pub struct Module {
    pub file: usize,
    parent: Option<usize>,
    root: usize,
    children: BTreeMap<String, usize>,
    pub items: BTreeSet<String>,
    imports: Vec<Import>,
    paths: Vec<(Vec<String>, usize)>,
    /// Names that stand in it outside of `use`.
    words: BTreeSet<String>,
}

struct Import {
    path: Vec<String>,
    alias: String,
    line: usize,
    public: bool,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Module(usize),
    /// Something that this module defines.
    Item(usize),
}

/// A file names something of a room or of another file, first on this line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow<T> {
    pub from: T,
    pub to: T,
    pub file: usize,
    pub line: usize,
}

#[derive(Default)]
pub struct Tree {
    pub files: Vec<Source>,
    pub modules: Vec<Module>,
    /// The files that define macros, by the macro's name.
    macros: BTreeMap<String, usize>,
}

/// How a file of the tree is read: from the disk, or from a test.
type Reader<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

impl Tree {
    /// The library below `src`, and the binary whose root is named, where it is there.
    pub fn read(binary: Option<&str>, reader: Reader<'_>) -> io::Result<Tree> {
        let mut tree = Tree::default();
        tree.add(Path::new("src/lib.rs"), None, "", reader)?;
        if let Some(main) = binary {
            tree.add(Path::new(main), None, "bin", reader)?;
        }
        Ok(tree)
    }

    fn add(&mut self, path: &Path, parent: Option<usize>, room: &str, reader: Reader<'_>) -> io::Result<usize> {
        let explain = |cause: io::Error| io::Error::new(cause.kind(), format!("{}: {cause}", path.display()));
        let tokens = tokens::tokens(&reader(path).map_err(explain)?);
        self.files.push(Source { path: path.to_path_buf(), room: room.to_string(), tokens: tokens.clone() });
        let module = self.module(self.files.len() - 1, parent);
        self.fill(module, &tokens, reader)?;
        Ok(module)
    }

    fn module(&mut self, file: usize, parent: Option<usize>) -> usize {
        let number = self.modules.len();
        let root = parent.map_or(number, |parent| self.modules[parent].root);
        self.modules.push(Module {
            file,
            parent,
            root,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            imports: Vec::new(),
            paths: Vec::new(),
            words: BTreeSet::new(),
        });
        number
    }

    /// Reads the tokens of a module: the modules in it, what it defines, imports and names.
    fn fill(&mut self, module: usize, tokens: &[Token], reader: Reader<'_>) -> io::Result<()> {
        // For each open bracket, whether what is in it is the module's own; as in the block of a macro.
        let mut open: Vec<bool> = Vec::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let own = open.iter().all(|own| *own);
            let next = |ahead: usize| tokens.get(at + ahead);
            let named = next(1).filter(|next| next.kind == Kind::Word);
            match token.text.as_str() {
                "mod" if own && token.kind == Kind::Word && named.is_some() => {
                    at = self.child(module, &tokens[at..], reader)? + at;
                    continue;
                }
                "use" if token.kind == Kind::Word && next(1).is_some_and(|next| !next.is("<")) => {
                    let end = at + tokens[at..].iter().position(|token| token.is(";")).unwrap_or(tokens.len() - at);
                    let public = at > 0 && (tokens[at - 1].is("pub") || tokens[at - 1].is(")"));
                    self.import(module, &tokens[at + 1..end], (token.line, public));
                    at = end;
                    continue;
                }
                "macro_rules" if next(1).is_some_and(|next| next.is("!")) => {
                    let name = next(2).map(|name| name.text.clone()).unwrap_or_default();
                    self.macros.insert(name.clone(), self.modules[module].file);
                    self.modules[module].items.insert(name);
                    at += 2;
                }
                "(" | "[" | "{" if token.kind == Kind::Mark => {
                    let of_macro = at >= 2 && tokens[at - 1].is("!") && tokens[at - 2].kind == Kind::Word;
                    open.push(own && token.is("{") && of_macro);
                }
                ")" | "]" | "}" if token.kind == Kind::Mark => drop(open.pop()),
                word if token.kind == Kind::Word => {
                    const ITEMS: [&str; 8] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static"];
                    if own && ITEMS.contains(&word) {
                        self.define(module, &tokens[at + 1..]);
                    }
                    self.path(module, tokens, at);
                }
                _ => {}
            }
            at += 1;
        }
        Ok(())
    }

    /// `name`, or `Row / Table` in the macro of tables.
    fn define(&mut self, module: usize, tokens: &[Token]) {
        let names = tokens.split(|token| token.is("/")).take(2).filter_map(|part| part.first());
        let second = tokens.get(1).is_some_and(|token| token.is("/"));
        let names: Vec<&Token> = names.take(1 + usize::from(second)).collect();
        let named = names.into_iter().filter(|name| name.kind == Kind::Word).map(|name| name.text.clone());
        self.modules[module].items.extend(named);
    }

    /// `mod name;` or `mod name { … }`; gives back how many tokens it takes.
    fn child(&mut self, parent: usize, tokens: &[Token], reader: Reader<'_>) -> io::Result<usize> {
        let name = tokens[1].text.clone();
        if tokens.get(2).is_some_and(|token| token.is("{")) {
            let end = after_group(tokens, 2);
            let child = self.module(self.modules[parent].file, Some(parent));
            self.modules[parent].children.insert(name, child);
            self.fill(child, &tokens[3..end - 1], reader)?;
            return Ok(end);
        }
        let Source { path, room, .. } = &self.files[self.modules[parent].file];
        let room = if room.is_empty() { name.clone() } else { room.clone() };
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = if ["mod", "lib", "main"].contains(&stem.as_str()) { folder } else { folder.join(stem) };
        let (flat, deep) = (folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs"));
        let path = if reader(&flat).is_ok() { flat } else { deep };
        let child = self.add(&path, Some(parent), &room, reader)?;
        self.modules[parent].children.insert(name, child);
        Ok(3)
    }

    /// The tree of a `use`, as one import a leaf.
    fn import(&mut self, module: usize, tokens: &[Token], (line, public): (usize, bool)) {
        let mut stack: Vec<Vec<String>> = vec![Vec::new()];
        let (mut path, mut alias): (Vec<String>, Option<String>) = (Vec::new(), None);
        let mut leaf = |path: &mut Vec<String>, alias: &mut Option<String>, line: usize| {
            if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
                path.pop();
            }
            if let Some(last) = path.last().cloned() {
                let (path, alias) = (std::mem::take(path), alias.take().unwrap_or(last));
                self.modules[module].imports.push(Import { path, alias, line, public });
            }
        };
        let mut tokens = tokens.iter().peekable();
        let mut line = line;
        while let Some(token) = tokens.next() {
            line = token.line;
            match token.text.as_str() {
                ":" => {}
                "{" => stack.push(path.clone()),
                "," | "}" => {
                    leaf(&mut path, &mut alias, line);
                    if token.is("}") {
                        stack.pop();
                        path = Vec::new();
                    } else {
                        path = stack.last().cloned().unwrap_or_default();
                    }
                }
                "as" => alias = tokens.next().map(|name| name.text.clone()),
                name => path.push(name.to_string()),
            }
        }
        leaf(&mut path, &mut alias, line);
    }

    /// Notes the name at `at`, and the path that begins with it.
    fn path(&mut self, module: usize, tokens: &[Token], at: usize) {
        let module = &mut self.modules[module];
        module.words.insert(tokens[at].text.clone());
        let colons =
            |at: usize| tokens.get(at).is_some_and(|t| t.is(":")) && tokens.get(at + 1).is_some_and(|t| t.is(":"));
        if (at >= 2 && colons(at - 2)) || !colons(at + 1) {
            return;
        }
        let (mut path, mut end) = (vec![tokens[at].text.clone()], at);
        while colons(end + 1) && tokens.get(end + 3).is_some_and(|token| token.kind == Kind::Word) {
            end += 3;
            path.push(tokens[end].text.clone());
        }
        module.paths.push((path, tokens[at].line));
    }

    /// The module that a path's first name stands for in another, and how many names that took.
    fn begin(&self, module: usize, path: &[String], depth: usize) -> Option<(usize, usize)> {
        let Module { parent, root, children, imports, .. } = &self.modules[module];
        match path.first()?.as_str() {
            "crate" | "$crate" => Some((*root, 1)),
            "self" => Some((module, 1)),
            "super" => {
                let mut at = (*parent)?;
                let mut taken = 1;
                while path.get(taken).is_some_and(|name| name == "super") {
                    (at, taken) = (self.modules[at].parent?, taken + 1);
                }
                Some((at, taken))
            }
            "lgf" if *root != 0 => Some((0, 1)),
            name if children.contains_key(name) => Some((module, 0)),
            name => {
                let import = imports.iter().find(|import| import.alias == name)?;
                match self.resolve(module, &import.path, depth + 1)? {
                    Target::Module(found) => Some((found, 1)),
                    Target::Item(_) => None,
                }
            }
        }
    }

    /// Where a path leads; `None` for what is of another crate.
    pub fn resolve(&self, module: usize, path: &[String], depth: usize) -> Option<Target> {
        if depth > 20 {
            return None;
        }
        let (mut at, taken) = self.begin(module, path, depth)?;
        let mut rest = &path[taken..];
        while let Some((name, more)) = rest.split_first() {
            let here = &self.modules[at];
            let child = here.children.get(name).copied();
            let import = here.imports.iter().find(|import| import.alias == *name && import.alias != "*");
            match (child, import) {
                (Some(child), _) if !more.is_empty() => at = child,
                _ if here.items.contains(name) => return Some(Target::Item(at)),
                (_, Some(import)) => match self.resolve(at, &import.path, depth + 1)? {
                    Target::Module(found) => at = found,
                    item => return Some(item),
                },
                (Some(child), None) => at = child,
                (None, None) => return Some(self.through_globs(at, name, depth).unwrap_or(Target::Item(at))),
            }
            rest = more;
        }
        Some(Target::Module(at))
    }

    /// Where a name leads that a module has through a `use …::*`.
    fn through_globs(&self, module: usize, name: &str, depth: usize) -> Option<Target> {
        let globs = self.modules[module].imports.iter().filter(|import| import.alias == "*");
        globs.map(|glob| &glob.path[..glob.path.len() - 1]).find_map(|path| {
            let Target::Module(of) = self.resolve(module, path, depth + 1)? else { return None };
            let Module { items, imports, .. } = &self.modules[of];
            let known = of != module && (items.contains(name) || imports.iter().any(|import| import.alias == name));
            let inner = [path, &[name.to_string()]].concat();
            known.then(|| self.resolve(module, &inner, depth + 1)).flatten()
        })
    }

    /// What each room names of others, with the first line that does.
    pub fn rooms(&self) -> Vec<Arrow<String>> {
        let mut arrows = BTreeMap::new();
        for (number, module) in self.modules.iter().enumerate() {
            let imports = module.imports.iter().map(|import| (&import.path, import.line));
            for (path, line) in imports.chain(module.paths.iter().map(|(path, line)| (path, *line))) {
                let from = &self.files[module.file].room;
                let Some(to) = self.room_of(number, path).filter(|to| to != from && !from.is_empty()) else { continue };
                let arrow = Arrow { from: from.clone(), to: to.clone(), file: module.file, line };
                arrows.entry((from.clone(), to)).or_insert(arrow);
            }
            for (file, line) in self.macro_calls(number) {
                let (from, to) = (&self.files[module.file].room, &self.files[file].room);
                if from != to && !from.is_empty() && !to.is_empty() {
                    let arrow = Arrow { from: from.clone(), to: to.clone(), file: module.file, line };
                    arrows.entry((from.clone(), to.clone())).or_insert(arrow);
                }
            }
        }
        arrows.into_values().collect()
    }

    /// The room that a path enters first.
    fn room_of(&self, module: usize, path: &[String]) -> Option<String> {
        let (at, taken) = self.begin(module, path, 0)?;
        let child = (at == 0).then(|| path.get(taken).and_then(|name| self.modules[0].children.get(name))).flatten();
        let target = match child {
            Some(child) => *child,
            None => match self.resolve(module, path, 0)? {
                Target::Module(found) | Target::Item(found) => found,
            },
        };
        Some(self.files[self.modules[target].file].room.clone()).filter(|room| !room.is_empty())
    }

    /// Macros of other files that a module calls by their bare name.
    fn macro_calls(&self, module: usize) -> Vec<(usize, usize)> {
        let here = &self.modules[module];
        let tokens = &self.files[here.file].tokens;
        let mut calls = BTreeMap::new();
        for pair in tokens.windows(2).filter(|pair| pair[0].kind == Kind::Word && pair[1].is("!")) {
            let imported = here.imports.iter().any(|import| import.alias == pair[0].text);
            if let Some(file) = self.macros.get(&pair[0].text).filter(|_| !imported) {
                calls.entry(*file).or_insert(pair[0].line);
            }
        }
        calls.into_iter().collect()
    }

    /// What each file names of others. What a file only hands on (`pub use`) is none of its own.
    pub fn arrows(&self) -> Vec<Arrow<usize>> {
        let mut arrows = BTreeMap::new();
        for (number, module) in self.modules.iter().enumerate() {
            for (target, line) in self.targets(number) {
                let (Target::Module(found) | Target::Item(found)) = target;
                let (from, to) = (module.file, self.modules[found].file);
                if from != to && self.is_node(from) && self.is_node(to) {
                    arrows.entry((from, to)).or_insert(Arrow { from, to, file: from, line });
                }
            }
        }
        arrows.into_values().collect()
    }

    fn targets(&self, number: usize) -> Vec<(Target, usize)> {
        let module = &self.modules[number];
        let mut found = Vec::new();
        for import in &module.imports {
            if import.alias != "*" {
                let handed_on = import.public && !module.words.contains(&import.alias);
                found.extend(self.resolve(number, &import.path, 0).filter(|_| !handed_on).map(|to| (to, import.line)));
                continue;
            }
            let Some(Target::Module(of)) = self.resolve(number, &import.path[..import.path.len() - 1], 0) else {
                continue;
            };
            let names =
                self.modules[of].items.iter().chain(self.modules[of].imports.iter().map(|import| &import.alias));
            for name in names.filter(|name| module.words.contains(*name)) {
                let path = [&import.path[..import.path.len() - 1], std::slice::from_ref(name)].concat();
                found.extend(self.resolve(number, &path, 0).map(|to| (to, import.line)));
            }
        }
        found.extend(module.paths.iter().filter_map(|(path, line)| Some((self.resolve(number, path, 0)?, *line))));
        let top = |file: usize| self.modules.iter().position(|module| module.file == file);
        found.extend(
            self.macro_calls(number).into_iter().filter_map(|(file, line)| Some((Target::Item(top(file)?), line))),
        );
        found
    }

    /// Whether a file defines something; one that only gathers others is no station of an arrow.
    pub fn is_node(&self, file: usize) -> bool {
        self.modules.iter().any(|module| module.file == file && !module.items.is_empty())
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A tree of files that are given by name and text.
    pub fn tree(files: &[(&str, &str)]) -> Tree {
        let text = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| text.to_string()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        Tree::read(None, &text).unwrap()
    }

    fn leads_to(tree: &Tree, file: &str) -> Vec<String> {
        let from = tree.files.iter().position(|source| source.path == Path::new(file)).unwrap();
        let arrows = tree.arrows().into_iter().filter(|arrow| arrow.from == from);
        arrows.map(|arrow| tree.files[arrow.to].path.display().to_string()).collect()
    }

    #[test]
    fn a_path_leads_to_the_file_that_defines_what_it_ends_in() {
        let tree = tree(&[
            ("src/lib.rs", "mod a; mod b;"),
            (
                "src/a/mod.rs",
                "mod deep; mod twin; pub use deep::*; pub use twin::Twin as Other; pub use self::twin::twin;",
            ),
            ("src/a/deep.rs", "pub struct Deep; impl Deep { fn new() {} }"),
            ("src/a/twin.rs", "pub struct Twin; pub fn twin() {}"),
            ("src/b/mod.rs", "mod one; mod two; mod three; mod four; mod five;"),
            ("src/b/one.rs", "use crate::a::{self, Deep}; fn f() { a::twin() }"),
            ("src/b/two.rs", "use super::super::a::Other; mod inner { use super::Other; fn f() { Other::new() } }"),
            ("src/b/three.rs", "fn f<'a>() -> crate::a::Deep { a::b::c; std::fs::read() }"),
            ("src/b/four.rs", "use crate::a::*; fn f() { twin(); new() }"),
            ("src/b/five.rs", "fn f(x: impl Fn() + use<'_>) {} mod read { pub fn read() {} } use read::read;"),
        ]);
        assert_eq!(leads_to(&tree, "src/b/one.rs"), ["src/a/deep.rs", "src/a/twin.rs"]);
        assert_eq!(leads_to(&tree, "src/b/two.rs"), ["src/a/twin.rs"]);
        assert_eq!(leads_to(&tree, "src/b/three.rs"), ["src/a/deep.rs"]);
        assert_eq!(leads_to(&tree, "src/b/four.rs"), ["src/a/twin.rs"]);
        assert_eq!(leads_to(&tree, "src/b/five.rs"), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_only_tests_have_is_not_read() {
        let tree = tree(&[
            ("src/lib.rs", "#[cfg(test)] mod lost; mod a; #[cfg(feature = \"x\")] pub mod b;"),
            ("src/a.rs", ""),
            ("src/b.rs", ""),
        ]);
        assert_eq!(tree.files.iter().map(|file| &*file.room).collect::<Vec<_>>(), ["", "a", "b"]);
    }
}
