//! Prints the floors of the house and what each room uses, by the `use` lines and paths of its sources. Fails on an arrow
//! that runs up, on a circle, and on a column's name in quotes outside of the room of tables. Run by `make map`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

#[cfg(test)]
#[path = "keys.rs"]
mod keys;
#[path = "sources.rs"]
mod sources;

use sources::tokens::{Kind, Token, after_group};
use sources::{Arrow, Tree};

/// The one room that names columns as strings.
const TABLES: &str = "table";

fn main() -> ExitCode {
    let read = Tree::read(Some("src/bin/lgf/main.rs"), &|path| fs::read_to_string(path));
    let plan = fs::read_to_string("src/lib.rs").map(|text| plan(&text));
    let (tree, plan) = match (read, plan) {
        (Ok(tree), Ok(plan)) => (tree, plan),
        (Err(cause), _) | (_, Err(cause)) => {
            eprintln!("map: {cause}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", drawn(&tree, &plan));
    let faults = [upward(&tree, &plan), circles_of_rooms(&tree), circles_of_files(&tree), quoted_columns(&tree)];
    faults.iter().flatten().for_each(|fault| eprintln!("{fault}"));
    let [up, rooms, files, columns] = faults.each_ref().map(Vec::len);
    println!("map: {up} arrows up, {rooms} circles of rooms, {files} circles of files, {columns} columns in quotes");
    if faults.iter().all(Vec::is_empty) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The floor of each room, from the table at the head of the crate: `| floor | rooms | … |`.
fn plan(library: &str) -> BTreeMap<String, u32> {
    let mut floors = BTreeMap::new();
    for line in library.lines().filter_map(|line| line.strip_prefix("//! |")) {
        let mut cells = line.split('|').map(str::trim);
        let (Some(Ok(floor)), Some(rooms)) = (cells.next().map(str::parse), cells.next()) else { continue };
        // Every second piece stands between backticks; `bin/lgf` is the room `bin`.
        let names = rooms.split('`').skip(1).step_by(2).map(|name| name.split('/').next().unwrap_or(name));
        floors.extend(names.map(|name| (name.to_string(), floor)));
    }
    floors
}

/// A line a room: its floor, its name, and the rooms that it uses.
fn drawn(tree: &Tree, plan: &BTreeMap<String, u32>) -> String {
    let arrows = tree.rooms();
    let there: BTreeSet<&str> =
        tree.files.iter().map(|file| file.room.as_str()).filter(|room| !room.is_empty()).collect();
    let mut rooms: Vec<(Option<u32>, &str)> = there.iter().map(|room| (plan.get(*room).copied(), *room)).collect();
    rooms.extend(
        plan.iter().filter(|(room, _)| !there.contains(room.as_str())).map(|(room, floor)| (Some(*floor), &**room)),
    );
    rooms.sort();
    let mut text = format!("{:>5}  {:<12} uses\n", "floor", "room");
    for (floor, room) in rooms {
        let uses: Vec<&str> = arrows.iter().filter(|arrow| arrow.from == room).map(|arrow| &*arrow.to).collect();
        let uses = if there.contains(room) { uses.join(", ") } else { "(not there)".to_string() };
        let floor = floor.map_or("?".to_string(), |floor| floor.to_string());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{floor:>5}  {room:<12} {uses}");
    }
    text
}

fn place<T>(tree: &Tree, arrow: &Arrow<T>) -> String {
    format!("{}:{}", tree.files[arrow.file].path.display(), arrow.line)
}

/// Arrows between rooms that run up, and rooms without a floor.
fn upward(tree: &Tree, plan: &BTreeMap<String, u32>) -> Vec<String> {
    let rooms: BTreeSet<&str> = tree.files.iter().map(|file| &*file.room).filter(|room| !room.is_empty()).collect();
    let homeless = rooms.into_iter().filter(|room| !plan.contains_key(*room));
    let mut faults: Vec<String> =
        homeless.map(|room| format!("src/lib.rs: the room {room} has no floor in the table of the crate")).collect();
    for arrow in tree.rooms() {
        if let (Some(from), Some(to)) = (plan.get(&arrow.from), plan.get(&arrow.to)) {
            if from < to {
                let Arrow { from: room, to: above, .. } = &arrow;
                faults.push(format!("{}: {room} (floor {from}) -> {above} (floor {to}) runs up", place(tree, &arrow)));
            }
        }
    }
    faults
}

fn circles_of_rooms(tree: &Tree) -> Vec<String> {
    let arrows = tree.rooms();
    let circle = |members: &BTreeSet<&String>| {
        let inside = arrows.iter().filter(|arrow| members.contains(&arrow.from) && members.contains(&arrow.to));
        let lines = inside.map(|arrow| format!("\n    {}: {} -> {}", place(tree, arrow), arrow.from, arrow.to));
        format!("a circle of {} rooms:{}", members.len(), lines.collect::<String>())
    };
    circles(arrows.iter().map(|arrow| (&arrow.from, &arrow.to))).iter().map(circle).collect()
}

fn circles_of_files(tree: &Tree) -> Vec<String> {
    let arrows = tree.arrows();
    let circle = |members: &BTreeSet<usize>| {
        let inside = arrows.iter().filter(|arrow| members.contains(&arrow.from) && members.contains(&arrow.to));
        let lines =
            inside.map(|arrow| format!("\n    {} -> {}", place(tree, arrow), tree.files[arrow.to].path.display()));
        format!("a circle of {} files:{}", members.len(), lines.collect::<String>())
    };
    circles(arrows.iter().map(|arrow| (arrow.from, arrow.to))).iter().map(circle).collect()
}

/// The strongly connected components of more than one node (Tarjan 1972).
fn circles<T: Ord + Copy>(arrows: impl Iterator<Item = (T, T)>) -> Vec<BTreeSet<T>> {
    struct Search<T> {
        next: BTreeMap<T, Vec<T>>,
        order: BTreeMap<T, usize>,
        low: BTreeMap<T, usize>,
        stack: Vec<T>,
        found: Vec<BTreeSet<T>>,
    }
    fn visit<T: Ord + Copy>(search: &mut Search<T>, node: T) {
        let number = search.order.len();
        search.order.insert(node, number);
        search.low.insert(node, number);
        search.stack.push(node);
        for next in search.next.get(&node).cloned().unwrap_or_default() {
            let reached = if !search.order.contains_key(&next) {
                visit(search, next);
                search.low[&next]
            } else if search.stack.contains(&next) {
                search.order[&next]
            } else {
                continue;
            };
            let low = search.low[&node].min(reached);
            search.low.insert(node, low);
        }
        if search.low[&node] == number {
            let start = search.stack.iter().position(|other| *other == node).unwrap_or(0);
            let component: BTreeSet<T> = search.stack.drain(start..).collect();
            if component.len() > 1 {
                search.found.push(component);
            }
        }
    }
    let mut next: BTreeMap<T, Vec<T>> = BTreeMap::new();
    arrows.for_each(|(from, to)| next.entry(from).or_default().push(to));
    let nodes: Vec<T> = next.keys().copied().collect();
    let (order, low) = (BTreeMap::new(), BTreeMap::new());
    let mut search = Search { next, order, low, stack: Vec::new(), found: Vec::new() };
    for node in nodes {
        if !search.order.contains_key(&node) {
            visit(&mut search, node);
        }
    }
    search.found
}

/// Calls outside of the room of tables that name a column by a string.
fn quoted_columns(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for file in tree.files.iter().filter(|file| file.room != TABLES) {
        for (at, token) in file.tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Word) {
            if let Some(name) = quoted(&file.tokens, at) {
                let path = file.path.display();
                faults.push(format!(
                    "{path}:{}: {}(… {} …) names a column outside of {TABLES}",
                    name.line, token.text, name.text
                ));
            }
        }
    }
    faults
}

/// The string that the call at a place names a column by.
fn quoted(tokens: &[Token], at: usize) -> Option<&Token> {
    const CALLS: [&str; 8] = ["column", "texts", "floats", "integers", "bools", "only", "col", "with_column"];
    let before = |back: usize| at.checked_sub(back).and_then(|place| tokens.get(place));
    let constructor = before(3).is_some_and(|owner| owner.is("Column") || owner.is("Series"));
    let word = tokens[at].text.as_str();
    let rows = word == "df" && tokens.get(at + 1)?.is("!");
    let open = at + 1 + usize::from(rows);
    let opens = |bracket: &str| tokens.get(open).is_some_and(|token| token.is(bracket));
    if !(opens("(") || rows && opens("[")) || before(1).is_some_and(|token| token.is("fn")) {
        return None;
    }
    let arguments = &tokens[open..after_group(tokens, open)];
    let next = |place: usize| arguments.get(place).is_some_and(|token| token.is("="));
    let mut depth = 0;
    let texts = arguments.iter().enumerate().filter_map(|(place, token)| {
        match token.text.as_str() {
            "(" | "[" | "{" if token.kind == Kind::Mark => depth += 1,
            ")" | "]" | "}" if token.kind == Kind::Mark => depth -= 1,
            _ if token.kind == Kind::Text => return Some((place, depth, token)),
            _ => {}
        }
        None
    });
    let mut texts = texts.filter(|(place, depth, _)| match word {
        _ if rows => *depth == 1 && next(place + 1),
        "new" | "full_null" | "new_empty" => constructor && *place == 1,
        "sort" | "select" => before(1).is_some_and(|token| token.is(".")) && arguments[1].is("[") && *depth == 2,
        _ => CALLS.contains(&word) && *depth == 1,
    });
    texts.next().map(|(_, _, token)| token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::tree;

    const PLAN: &str = "//! | floor | room |\n//! |---|---|\n//! | 0 | [`error`] |\n//! | 1 | [`low`], `bin/lgf` |\n//! | 2 | `high` |\n";

    fn house(low: &str, high: &str) -> Tree {
        tree(&[
            ("src/lib.rs", "pub mod error; pub mod low; pub mod high; pub use error::Error;"),
            ("src/error.rs", "pub struct Error;"),
            ("src/low.rs", low),
            ("src/high/mod.rs", "mod a; mod b; mod c; pub use a::A; pub use b::B;"),
            ("src/high/a.rs", high),
            ("src/high/b.rs", "use crate::low::Low; pub struct B;"),
            ("src/high/c.rs", "use super::{A, B}; pub struct C;"),
        ])
    }

    const LOW: &str = "use crate::Error; pub struct Low;";
    const A: &str = "use super::B; pub struct A;";

    #[test]
    fn a_house_in_order_has_no_fault() {
        let (tree, plan) = (house(LOW, A), plan(PLAN));
        assert_eq!(plan, [("bin", 1), ("error", 0), ("high", 2), ("low", 1)].map(|(a, b)| (a.to_string(), b)).into());
        assert_eq!(upward(&tree, &plan), Vec::<String>::new());
        assert!(circles_of_rooms(&tree).is_empty() && circles_of_files(&tree).is_empty());
        let text = drawn(&tree, &plan);
        assert!(text.contains("    1  low          error\n") && text.contains("    2  high         low\n"), "{text}");
        assert!(text.contains("    1  bin          (not there)"), "{text}");
    }

    #[test]
    fn an_arrow_that_runs_up_is_a_fault() {
        for line in ["use crate::high::A;", "use super::high;", "fn f() { crate::high::f() }", "use crate::{high::B};"]
        {
            let faults = upward(&house(&format!("// one\n{line}\n{LOW}"), A), &plan(PLAN));
            assert_eq!(faults, ["src/low.rs:2: low (floor 1) -> high (floor 2) runs up"], "{line}");
        }
        let faults = upward(&house("", A), &plan("//! | 0 | `error`, `high` |"));
        assert_eq!(faults, ["src/lib.rs: the room low has no floor in the table of the crate"]);
    }

    #[test]
    fn what_only_tests_use_is_no_arrow() {
        let low = format!(
            "{LOW} #[cfg(test)] mod tests {{ use crate::high::A; }} /// [`crate::high::A`]\n#[cfg(test)] use crate::high;"
        );
        assert!(upward(&house(&low, A), &plan(PLAN)).is_empty());
    }

    #[test]
    fn a_circle_of_files_is_found_through_what_is_handed_on() {
        let faults = circles_of_files(&house(LOW, "use super::c::C; pub struct A;"));
        let expected =
            "a circle of 2 files:\n    src/high/a.rs:1 -> src/high/c.rs\n    src/high/c.rs:1 -> src/high/a.rs";
        assert_eq!(faults, [expected]);
        let path = "use super::*; pub struct A; fn f() { super::c::f() }";
        assert_eq!(circles_of_files(&house(LOW, path)), [expected]);
    }

    #[test]
    fn a_gathering_file_is_in_a_circle_only_with_what_it_makes_itself() {
        let high = |gathering: &'static str, child: &'static str| {
            circles_of_files(&tree(&[
                ("src/lib.rs", "mod high;"),
                ("src/high/mod.rs", gathering),
                ("src/high/a.rs", child),
            ]))
            .len()
        };
        assert_eq!(high("mod a; pub use a::A; pub struct B;", "use super::B; pub struct A;"), 0);
        assert_eq!(high("mod a; pub use a::A; pub struct B; fn f(a: A) {}", "use super::B; pub struct A;"), 1);
        assert_eq!(high("mod a; use a::A; pub struct B;", "use super::B; pub struct A;"), 1);
        assert_eq!(high("mod a; pub use a::A;", "use super::A as B; pub struct A;"), 0);
    }

    #[test]
    fn rooms_in_a_circle_on_one_floor_are_a_fault() {
        let faults = circles_of_rooms(&house("use crate::high::A; pub struct Low;", A));
        assert_eq!(faults, ["a circle of 2 rooms:\n    src/high/b.rs:1: high -> low\n    src/low.rs:1: low -> high"]);
    }

    #[test]
    fn a_column_in_quotes_is_a_fault_outside_of_the_room_of_tables() {
        let faults = |code: &str| {
            let body = format!("fn f() {{ {code} }}");
            let files = [("src/lib.rs", "mod low; mod table;"), ("src/low.rs", &*body), ("src/table.rs", &*body)];
            quoted_columns(&tree(&files)).len()
        };
        let bad = [
            "texts(&boxes, \"file\")",
            "store::floats(boxes, \"a\")?",
            "table.column(\"a\")",
            "Column::new(\"a\".into(), v)",
            "df!(\"a\" => v)",
            "df![\"a\" => v]",
            "t.sort([\"a\", \"b\"], o)",
            "t.select([\"a\"])",
            "only(t, \"a\", x)",
            "t.with_column(\"a\")",
            "Series::full_null(\"a\".into(), 1, k)",
        ];
        for code in bad {
            assert_eq!(faults(code), 1, "{code}");
        }
        for good in
            ["texts(&boxes, FILE)", "column(&format!(\"{a}\"))", "v.sort()", "say(\"column\")", "df!(a => \"b\")"]
        {
            assert_eq!(faults(good), 0, "{good}");
        }
    }

    #[test]
    fn a_table_declared_by_a_macro_is_found_where_it_is_used() {
        let files = [
            ("src/lib.rs", "mod low; mod table; mod high;"),
            ("src/table.rs", "macro_rules! table { ($x:tt) => { struct Never; } } pub(crate) use table;"),
            ("src/high.rs", "use crate::low::EdgeTable;"),
            (
                "src/low.rs",
                "crate::table::table! { pub struct EdgeRow / EdgeTable { file: String } } fn f() { x as u8 / y }",
            ),
        ];
        let tree = tree(&files);
        let arrows: Vec<_> = tree.rooms().into_iter().map(|arrow| (arrow.from, arrow.to)).collect();
        assert_eq!(arrows, [("high", "low"), ("low", "table")].map(|(a, b)| (a.to_string(), b.to_string())));
        assert!(
            tree.modules.iter().any(|module| module.items.contains("EdgeTable") && module.items.contains("EdgeRow"))
        );
    }
}
