//! The tables of tensors that a pickle holds, and which of them is meant.

use std::collections::HashSet;

use super::super::choice::Choice;
use super::super::words::cut;
use super::machine::{Id, MAX_NAME, MAX_TENSORS, Machine, TensorRecord, Value};
use crate::error::{Code, Error, Result, listed_by};
use crate::notebook::counted;

/// How deep tables are looked for: one of `{"model": {"state_dict": {…}}}` is two levels down.
const MAX_LEVELS: usize = 3;
/// Keys under which the table of a network usually stands.
const USUAL: [&str; 2] = ["state_dict", "model"];
/// A table with at least half of the best one's tensors could be meant as well.
const RIVAL_SHARE: usize = 2;

/// A key of a table, or a place in a list.
#[derive(Debug, Clone, Copy)]
enum Label<'a> {
    Key(&'a str),
    Place(usize),
}

/// A table or list, and where it was found.
struct Node<'a> {
    id: Id,
    above: Option<(usize, Label<'a>)>,
    level: usize,
}

/// The tables and lists that can be reached, each once.
struct Tree<'a> {
    nodes: Vec<Node<'a>>,
}

impl<'a> Tree<'a> {
    fn of(machine: &Machine<'a>, root: Id) -> Self {
        let mut nodes = vec![Node { id: root, above: None, level: 0 }];
        let mut seen = HashSet::from([root]);
        let mut at = 0;
        while at < nodes.len() {
            let (id, level) = (nodes[at].id, nodes[at].level);
            if level < MAX_LEVELS {
                for (label, child) in machine.children(id) {
                    let container = matches!(machine.value(child), Value::Dict(_) | Value::List(_) | Value::Tuple(_));
                    if container && seen.insert(child) {
                        nodes.push(Node { id: child, above: Some((at, label)), level: level + 1 });
                    }
                }
            }
            at += 1;
        }
        Tree { nodes }
    }

    /// The labels on the way to a node.
    fn way(&self, node: usize) -> Vec<Label<'a>> {
        let mut way = Vec::new();
        let mut at = node;
        while let Some((above, label)) = self.nodes[at].above {
            way.push(label);
            at = above;
        }
        way.reverse();
        way
    }

    /// What a node is in the one above it.
    fn label(&self, node: usize) -> Option<Label<'a>> {
        self.nodes[node].above.map(|(_, label)| label)
    }

    /// A node as `--table` names it.
    fn name(&self, node: usize) -> String {
        let part = |label: &Label<'_>| match label {
            Label::Key(key) => cut(key),
            Label::Place(place) => place.to_string(),
        };
        match &self.way(node)[..] {
            [] => ".".into(),
            way => way.iter().map(part).collect::<Vec<_>>().join("/"),
        }
    }

    /// A node in Python, behind the value of the file.
    fn python(&self, node: usize) -> String {
        let part = |label: Label<'_>| match label {
            Label::Key(key) => format!("[{key:?}]"),
            Label::Place(place) => format!("[{place}]"),
        };
        self.way(node).into_iter().map(part).collect()
    }
}

/// The tensors of the table that is meant, by the names that the network has for them; and what there is to say.
pub(super) struct Chosen {
    pub tensors: Vec<(String, TensorRecord)>,
    pub remarks: Vec<String>,
}

/// A table that holds tensors by name.
struct Candidate<'a> {
    node: usize,
    names: Vec<&'a str>,
}

impl<'a> Machine<'a> {
    /// What stands in a table by texts, or in a list.
    fn children(&self, id: Id) -> Vec<(Label<'a>, Id)> {
        match self.value(id) {
            Value::Dict(entries) => {
                entries.iter().filter_map(|&(key, value)| Some((Label::Key(self.text(key)?), value))).collect()
            }
            Value::List(items) | Value::Tuple(items) => {
                items.iter().enumerate().map(|(place, &item)| (Label::Place(place), item)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn is_tensor(&self, id: Id) -> bool {
        matches!(self.value(id), Value::Tensor(_) | Value::OtherTensor(_))
    }

    fn candidates(&self, tree: &Tree<'a>) -> Result<Vec<Candidate<'a>>> {
        let mut candidates = Vec::new();
        let mut all = 0;
        for (node, place) in tree.nodes.iter().enumerate() {
            let Value::Dict(entries) = self.value(place.id) else { continue };
            let tensors = entries.iter().filter(|(_, value)| self.is_tensor(*value));
            let names: Vec<&str> = tensors.filter_map(|&(key, _)| self.text(key)).collect();
            if names.is_empty() {
                continue;
            }
            all += names.len();
            if names.len() > MAX_TENSORS || all > 4 * MAX_TENSORS {
                return Err(Error::new(Code::Limit, format!("{all} tensors, at most {MAX_TENSORS}")));
            }
            // One text may stand in many places, and is copied for each: so names differ, and are short.
            if let Some(name) = names.iter().find(|name| name.len() > MAX_NAME) {
                let found = format!("a tensor's name of {} bytes, at most {MAX_NAME}: {}", name.len(), cut(name));
                return Err(Error::new(Code::Limit, found));
            }
            let mut seen = HashSet::new();
            if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
                let place = format!("tensor {}", cut(name));
                return Err(Error::new(Code::Checkpoint, "a name that comes twice").place(place));
            }
            candidates.push(Candidate { node, names });
        }
        Ok(candidates)
    }

    /// The table that is meant.
    pub(super) fn chosen(&self, root: Id, choice: &Choice) -> Result<Chosen> {
        let tree = Tree::of(self, root);
        let candidates = self.candidates(&tree)?;
        let (candidate, only) = match &choice.table {
            Some(table) => self.asked_for(&tree, &candidates, table)?,
            None => (self.only_one(&tree, &candidates, root, choice)?, None),
        };
        let mut remarks = Vec::new();
        if candidate.node != 0 {
            remarks.push(format!("read from its table {}", tree.name(candidate.node)));
        }
        let (names, said) = choice.own_names(&candidate.names, only)?;
        remarks.extend(said);
        let mut tensors = Vec::new();
        let Value::Dict(entries) = self.value(tree.nodes[candidate.node].id) else {
            return Ok(Chosen { tensors, remarks });
        };
        let kept = entries.iter().filter(|(key, value)| self.is_tensor(*value) && self.text(*key).is_some());
        for ((_, value), name) in kept.zip(names) {
            let Some(name) = name else { continue };
            match self.value(*value) {
                Value::Tensor(record) => tensors.push((name, (**record).clone())),
                Value::OtherTensor(what) => {
                    return Err(Error::new(Code::Checkpoint, format!("is {what}, which is not read"))
                        .place(format!("tensor {name}"))
                        .hint("save it as a plain one: tensor.dequantize(), .to_dense() or .float(), on the CPU"));
                }
                _ => {}
            }
        }
        Ok(Chosen { tensors, remarks })
    }

    /// The one table that can be meant where none is named.
    fn only_one<'c>(
        &self,
        tree: &Tree<'a>,
        candidates: &'c [Candidate<'a>],
        root: Id,
        choice: &Choice,
    ) -> Result<&'c Candidate<'a>> {
        let fits: Vec<usize> =
            candidates.iter().map(|candidate| choice.fit(candidate.names.iter().copied()).1).collect();
        let usual = |candidate: &Candidate<'a>| {
            let label = tree.label(candidate.node);
            matches!(label, Some(Label::Key(key)) if USUAL.contains(&key))
        };
        let any_usual = candidates.iter().any(usual);
        let scores: Vec<usize> = match fits.iter().max() {
            Some(1..) => fits,
            // Without a network's names: those that usually are one, or else the largest.
            _ => {
                let counts = |candidate: &Candidate<'a>| !any_usual || usual(candidate);
                candidates.iter().map(|candidate| if counts(candidate) { candidate.names.len() } else { 0 }).collect()
            }
        };
        let best = scores.iter().copied().max().ok_or_else(|| self.no_table(root))?;
        let rivals: Vec<&Candidate<'a>> = candidates
            .iter()
            .zip(&scores)
            .filter(|(_, score)| RIVAL_SHARE * **score >= best)
            .map(|(candidate, _)| candidate)
            .collect();
        match rivals[..] {
            [one] => Ok(one),
            _ => {
                let names: Vec<String> = rivals.iter().map(|rival| tree.name(rival.node)).collect();
                let found = format!(
                    "holds several tables of tensors, and which one is meant is not clear: {}",
                    sizes(tree, &rivals)
                );
                Err(Error::new(Code::Checkpoint, found).hint(format!(
                    "choose one: --table {}, or \"table\": {:?} for the network in study.json",
                    names[0], names[0]
                )))
            }
        }
    }

    /// Why there is no table of tensors.
    fn no_table(&self, root: Id) -> Error {
        let found = match (self.value(root), self.tensors) {
            (Value::Tensor(_) | Value::OtherTensor(_), _) => "holds one tensor by itself, not a table of them".into(),
            (Value::Dict(entries), count) => {
                let keys: Vec<&str> = self.named(entries).map(|(key, _)| key).collect();
                let keys = listed_by(&keys, 6, |key| cut(key));
                match count {
                    0 => format!("holds no tensor; its keys are {keys}"),
                    count => format!("holds {count} tensors, and no table of them by name; its keys are {keys}"),
                }
            }
            (_, 0) => "holds no tensor, and no table of tensors (a state_dict)".into(),
            (_, count) => format!("holds {count} tensors, and no table of tensors by name (a state_dict)"),
        };
        Error::new(Code::Checkpoint, found)
            .hint("save the network's own table: torch.save(model.state_dict(), \"weights.pth\")")
    }

    /// The error for a name outside the list, with the line of Python that saves what is needed of the file.
    pub(super) fn advise(&self, error: Error, root: Option<Id>, choice: &Choice) -> Error {
        if error.advice().is_some() {
            return error;
        }
        let (what, table) = root.and_then(|root| self.in_python(root, choice)).unwrap_or((
            "objects of a program's own",
            "c.state_dict() if hasattr(c, \"state_dict\") else c.get(\"state_dict\", c)".to_string(),
        ));
        error.hint(format!(
            "the file holds {what}, which only the program that made it can read. If you trust whoever made it: {}",
            choice.line("torch.load", "weights_only=False", &table)
        ))
    }

    /// What the file is, and its table of tensors in Python, `c` being what was loaded.
    fn in_python(&self, root: Id, choice: &Choice) -> Option<(&'static str, String)> {
        let tree = Tree::of(self, root);
        if let Value::Foreign { .. } = self.value(root) {
            return Some(("a whole network, not its weights alone", "c.state_dict()".into()));
        }
        let candidates = self.candidates(&tree).ok()?;
        let objects = "more than tensors and plain values";
        if let Ok(candidate) = self.only_one(&tree, &candidates, root, choice) {
            return Some(match candidate.node {
                0 => (objects, "{k: v for k, v in c.items() if torch.is_tensor(v)}".to_string()),
                node => (objects, format!("c{}", tree.python(node))),
            });
        }
        let network = |node: usize| {
            let children = self.children(tree.nodes[node].id);
            let found =
                children.into_iter().find(|(_, id)| matches!(self.value(*id), Value::Foreign { network: true }));
            found.map(|(label, _)| (node, label))
        };
        let (node, label) = (0..tree.nodes.len()).find_map(network)?;
        let label = match label {
            Label::Key(key) => format!("[{key:?}]"),
            Label::Place(place) => format!("[{place}]"),
        };
        Some(("a whole network, not its weights alone", format!("c{}{label}.state_dict()", tree.python(node))))
    }

    /// The table of a name; or else the one in which names begin so, and only those are taken.
    fn asked_for<'c, 'w>(
        &self,
        tree: &Tree<'a>,
        candidates: &'c [Candidate<'a>],
        table: &'w str,
    ) -> Result<(&'c Candidate<'a>, Option<&'w str>)> {
        let named = |table: &str| {
            let id = self.walk(tree.nodes[0].id, table)?;
            candidates.iter().find(|candidate| tree.nodes[candidate.node].id == id)
        };
        if let Some(candidate) = named(table) {
            return Ok((candidate, None));
        }
        let (within, only) = table.rsplit_once('/').map_or((None, table), |(within, only)| (Some(within), only));
        let prefix = format!("{}.", only.trim_end_matches('.'));
        let begin = |candidate: &&Candidate<'a>| candidate.names.iter().any(|name| name.starts_with(&prefix));
        let with: Vec<&Candidate<'a>> = match within {
            Some(within) => named(within).into_iter().filter(begin).collect(),
            None => candidates.iter().filter(begin).collect(),
        };
        if let [candidate] = with[..] {
            return Ok((candidate, Some(only)));
        }
        let why = if with.is_empty() { "and no name begins so" } else { "and in several of them names begin so" };
        let all: Vec<&Candidate<'a>> = candidates.iter().collect();
        let found = match all[..] {
            [] => format!("no table {:?}: there is none of tensors", cut(table)),
            [one] => {
                let mut parts: Vec<&str> = one.names.iter().filter_map(|name| Some(name.split_once('.')?.0)).collect();
                parts.dedup();
                let parts = listed_by(&parts, 6, |part| cut(part));
                format!(
                    "no table {:?}, {why}; there is {}, whose names begin with {parts}",
                    cut(table),
                    sizes(tree, &all)
                )
            }
            _ => format!("no table {:?}, {why}; there are {}", cut(table), sizes(tree, &all)),
        };
        Err(Error::new(Code::Checkpoint, found).hint("choose another with --table, or \"table\" in study.json"))
    }

    /// What is found by the keys of a table's name, `.` being the value of the file.
    fn walk(&self, root: Id, table: &str) -> Option<Id> {
        let child = |id: Id, part: &str| {
            let is = |label: &Label<'_>| match label {
                Label::Key(key) => *key == part,
                Label::Place(place) => part.parse() == Ok(*place),
            };
            self.children(id).into_iter().find(|(label, _)| is(label)).map(|(_, child)| child)
        };
        match table {
            "." => Some(root),
            table => child(root, table).or_else(|| table.split('/').try_fold(root, child)),
        }
    }
}

/// Tables by name with the number of their tensors.
fn sizes(tree: &Tree<'_>, candidates: &[&Candidate<'_>]) -> String {
    listed_by(candidates, 6, |candidate| {
        format!("{} ({})", tree.name(candidate.node), counted(candidate.names.len(), "tensor"))
    })
}
