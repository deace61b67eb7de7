//! A cell's text, made ready for evcxr.
//!
//! evcxr shows the last expression of a cell by `evcxr_display()`, and compiles the cell a second time, with `{:?}`, if
//! that fails *or* if the cell moves a variable that it has just made: then a table is shown as debug text. Said as a
//! statement of the cell's own, the display stays what it is.

use ra_ap_syntax::ast::{self, HasModuleItem};
use ra_ap_syntax::{AstNode, Edition, SourceFile, SyntaxKind, SyntaxNode};

/// What stands before a cell's text when it is parsed: statements live in functions.
const BEFORE: &str = "fn cell() {\n";
const OPEN: &str = "(";
const CLOSE: &str = ").evcxr_display();";
/// What a cell has printed without a newline would come with the next cell's.
const FLUSH: &str = "\n;::std::io::Write::flush(&mut ::std::io::stdout()).unwrap_or_default();";
/// Macros that come back with no value.
const ENDING: [&str; 5] = ["panic", "todo", "unimplemented", "unreachable", "compile_error"];

/// A cell as evcxr gets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    pub text: String,
    /// Whether the last expression is shown by a statement that was put in.
    pub shown: bool,
    /// Whether the cell has a loop inside a loop, which is worth compiling with optimisation.
    pub loops: bool,
    /// Line and column, from 1, where a letter was put in.
    moved: Option<(usize, usize)>,
}

impl Prepared {
    /// The cell as it is, for a kernel that has no library to show values with.
    pub fn untouched(code: &str) -> Self {
        Prepared { text: code.to_string(), shown: false, loops: false, moved: None }
    }

    /// The cell with its last expression shown.
    pub fn new(code: &str) -> Self {
        // A command of the shell is not to be run again if the display cannot be called.
        if code.lines().any(|line| line.starts_with('!')) {
            return Prepared::untouched(code);
        }
        let text = format!("{BEFORE}{}\n}}", without_commands(code));
        let parsed = SourceFile::parse(&text, Edition::Edition2024);
        if !parsed.errors().is_empty() {
            // The compiler will say what is wrong with it.
            return Prepared::untouched(code);
        }
        let file = parsed.tree();
        let body = file.items().find_map(|item| match item {
            ast::Item::Fn(function) => function.body()?.stmt_list(),
            _ => None,
        });
        let Some(body) = body else { return Prepared::untouched(code) };
        let loops = body
            .syntax()
            .descendants()
            .filter(is_loop)
            .any(|node| node.ancestors().skip(1).any(|outer| is_loop(&outer)));
        let mut plain = Prepared { loops, ..Prepared::untouched(code) };
        if body.syntax().descendants().filter_map(ast::MacroCall::cast).any(prints) {
            plain.text.push_str(FLUSH);
        }
        let Some(last) = body.tail_expr().filter(has_value) else { return plain };
        let (start, end) =
            (usize::from(last.syntax().text_range().start()), usize::from(last.syntax().text_range().end()));
        let (Some(start), Some(end)) = (start.checked_sub(BEFORE.len()), end.checked_sub(BEFORE.len())) else {
            return plain;
        };
        if !code.is_char_boundary(start) || end > code.len() || !code.is_char_boundary(end) {
            return plain;
        }
        let text = format!("{}{OPEN}{}{CLOSE}{}", &code[..start], &code[start..end], &code[end..]);
        let line = code[..start].matches('\n').count() + 1;
        let column = code[..start].chars().rev().take_while(|letter| *letter != '\n').count() + 1;
        Prepared { text, shown: true, loops, moved: Some((line, column)) }
    }

    /// A place that the compiler names, as it is in the cell.
    pub fn column(&self, line: usize, column: usize) -> usize {
        match self.moved {
            Some((moved, from)) if line == moved && column > from => column - OPEN.len(),
            _ => column,
        }
    }
}

/// The text with blanks in the place of evcxr's commands, so that everything else stays where it is.
fn without_commands(code: &str) -> String {
    let blank = |line: &str| {
        line.chars()
            .map(|letter| if letter == '\n' { "\n".into() } else { " ".repeat(letter.len_utf8()) })
            .collect::<String>()
    };
    let command = |line: &str| line.starts_with(':') || line.starts_with('!');
    code.split_inclusive('\n').map(|line| if command(line) { blank(line) } else { line.to_string() }).collect()
}

/// Whether a macro writes to standard output and may leave its line open.
fn prints(call: ast::MacroCall) -> bool {
    call.path().is_some_and(|path| ["print", "std::print"].contains(&path.to_string().as_str()))
}

fn is_loop(node: &SyntaxNode) -> bool {
    matches!(node.kind(), SyntaxKind::FOR_EXPR | SyntaxKind::WHILE_EXPR | SyntaxKind::LOOP_EXPR)
}

/// Whether an expression can be asked for its display: not one that ends the cell.
fn has_value(expression: &ast::Expr) -> bool {
    match expression {
        ast::Expr::ReturnExpr(_) | ast::Expr::BreakExpr(_) | ast::Expr::ContinueExpr(_) => false,
        ast::Expr::MacroExpr(call) => {
            let name = call.macro_call().and_then(|call| call.path()).map(|path| path.to_string());
            name.is_some_and(|name| !ENDING.contains(&name.trim_start_matches("std::")))
        }
        _ => true,
    }
}

/// The end of the name that the cursor is in, and before it the call whose arguments it is in.
pub fn places_to_ask(code: &str, cursor: usize) -> Vec<usize> {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    // Behind a whole call, it is the call that is asked about: so a completion's documentation is.
    if let Some(open) = code[..cursor].strip_suffix(')').and_then(open_bracket) {
        return vec![open];
    }
    let rest =
        code[cursor..].char_indices().find(|(_, letter)| !is_name(*letter)).map_or(code.len(), |(at, _)| cursor + at);
    let mut places = vec![];
    if code[..rest].chars().next_back().is_some_and(is_name) {
        places.push(rest);
    }
    let statement = code[..cursor].rfind([';', '{', '}']).map_or(0, |at| at + 1);
    places.extend(open_bracket(&code[statement..cursor]).map(|at| statement + at + 1));
    places
}

/// A cursor inside a text that names a column: where the text begins, and the table that is asked for it.
pub fn column_of(code: &str, cursor: usize) -> Option<(usize, &str)> {
    let line = code[..cursor].rfind('\n').map_or(0, |at| at + 1);
    let quote = line + code[line..cursor].rfind('"')?;
    if code[line..cursor].matches('"').count().is_multiple_of(2) {
        return None;
    }
    // Back over columns that are named already, and a list's bracket.
    let mut before = code[..quote].trim_end();
    while let Some((rest, _)) = before
        .strip_suffix(',')
        .and_then(|rest| rest.trim_end().strip_suffix('"'))
        .and_then(|rest| rest.rsplit_once('"'))
    {
        before = rest.trim_end();
    }
    let before = before.trim_end_matches('[').trim_end();
    let is_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '.';
    let path = |text: &'_ str| text.len() - text.rsplit(|letter| !is_path(letter)).next().unwrap_or_default().len();
    let table = match before.strip_suffix('(') {
        // `frame.column("`: what stands before the last dot.
        Some(call) => call[path(call)..].rsplit_once('.')?.0.trim_matches('.'),
        // `floats(&frame, "`: the argument before.
        None => before.strip_suffix(',').map(|rest| &rest[path(rest)..])?,
    };
    (!table.is_empty()).then_some((quote + 1, table))
}

/// The place before the bracket that is open at the end of a text.
fn open_bracket(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, letter) in text.char_indices().rev() {
        match letter {
            ')' => depth += 1,
            '(' if depth == 0 => return Some(at),
            '(' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: &str) -> String {
        Prepared::new(code).text
    }

    #[test]
    fn the_last_expression_is_shown_by_a_statement() {
        assert_eq!(text("frame.head(Some(2))"), "(frame.head(Some(2))).evcxr_display();");
        assert_eq!(text("let a = 1;\na + 1 // one more\n"), "let a = 1;\n(a + 1).evcxr_display(); // one more\n");
        assert_eq!(
            text(":dep x = { path = \"..\" }\nuse x::*;\nshow(1)?"),
            ":dep x = { path = \"..\" }\nuse x::*;\n(show(1)?).evcxr_display();"
        );
        assert_eq!(text("if a { 1 } else { 2 }"), "(if a { 1 } else { 2 }).evcxr_display();");
        assert_eq!(text("println!(\"x\")"), "(println!(\"x\")).evcxr_display();");
    }

    #[test]
    fn cells_without_a_value_stay_as_they_are() {
        for code in [
            "let a = 1;",
            "fn f() {}",
            "",
            ":vars",
            "frame.head();",
            "panic!(\"x\")",
            "use a::b;",
            "return",
            "let a = (1;",
            "a +",
        ] {
            assert_eq!(text(code), code, "{code}");
        }
    }

    #[test]
    fn what_is_printed_without_a_newline_is_seen() {
        assert_eq!(text("print!(\"half\"); // a line"), format!("print!(\"half\"); // a line{FLUSH}"));
        assert_eq!(text("eprint!(\"half\"); 1"), "eprint!(\"half\"); (1).evcxr_display();");
        assert_eq!(text("// print!(\"x\")"), "// print!(\"x\")");
        assert_eq!(text("print!(\"a\"); panic!(\"x\")"), format!("print!(\"a\"); panic!(\"x\"){FLUSH}"));
    }

    #[test]
    fn columns_are_those_of_the_cell() {
        let prepared = Prepared::new("let é = 1;\n  é.no_such()");
        assert_eq!(prepared.text, "let é = 1;\n  (é.no_such()).evcxr_display();");
        assert_eq!((prepared.column(2, 6), prepared.column(2, 3), prepared.column(1, 6)), (5, 3, 6));
    }

    #[test]
    fn a_loop_inside_a_loop_is_worth_optimising() {
        assert!(Prepared::new("for y in 0..9 { for x in 0..9 { f(x, y); } }").loops);
        assert!(Prepared::new("let n = { let mut n = 0; while n < 3 { loop { n += 1; break } } n };").loops);
        assert!(!Prepared::new("for image in &images { look(image); }").loops);
    }

    #[test]
    fn a_column_is_asked_of_the_table_before_it() {
        let asked = |code: &str| column_of(code, code.len()).map(|(start, table)| (start, table.to_string()));
        assert_eq!(asked("frame.column(\"va"), Some((14, "frame".into())));
        assert_eq!(asked("let x = found.all.select([\"file\", \"ed"), Some((35, "found.all".into())));
        assert_eq!(asked("floats(&frame, \""), Some((16, "frame".into())));
        assert_eq!(asked("println!(\""), None);
        assert_eq!(asked("frame.column(\"value\").re"), None);
        assert_eq!(asked("let text = \"a"), None);
        for odd in ["// “yes”, \"n", "// ✅, \"", "é🦀(\"", "“.column(\"", "\""] {
            let _ = asked(odd);
        }
    }

    #[test]
    fn help_is_asked_for_the_name_and_then_for_the_call_around_it() {
        let code = "table(&frame, x)";
        assert_eq!(places_to_ask(code, 2), [5]);
        assert_eq!(places_to_ask(code, 6), [6]);
        assert_eq!(places_to_ask(code, 9), [12, 6]);
        assert_eq!(places_to_ask("f(g(1), ", 8), [2]);
        assert_eq!(places_to_ask("run.photographs()", 17), [15], "the bracket's place is the end of the name");
        assert_eq!(places_to_ask("a; ", 3), [] as [usize; 0]);
    }
}
