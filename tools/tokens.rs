//! Rust sources as tokens, without comments and tests.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name, keyword or lifetime.
    Word,
    /// A string of any form, with its quotes.
    Text,
    /// A number or character.
    Value,
    /// One character of punctuation.
    Mark,
}

/// A piece of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
    /// Whether the next one belongs to the same operator (`&&`, `::`).
    pub joint: bool,
}

impl Token {
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text == text
    }
}

/// The tokens of a source, without its comments and tests.
pub fn tokens(source: &str) -> Vec<Token> {
    without_tests(&lex(source))
}

fn lex(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while let Some(&first) = chars.get(at) {
        let rest = &chars[at..];
        let (kind, length) = match first {
            _ if first.is_whitespace() => (None, 1),
            '/' if rest.starts_with(&['/', '/']) => (None, length_while(rest, |c| c != '\n')),
            '/' if rest.starts_with(&['/', '*']) => (None, comment(rest)),
            '"' => (Some(Kind::Text), text(rest)),
            '\'' => quote(rest),
            _ if first.is_ascii_digit() => (Some(Kind::Value), number(rest)),
            _ if is_word(first) => word(rest),
            _ => (Some(Kind::Mark), 1),
        };
        if let Some(kind) = kind {
            let joint = kind == Kind::Mark && is_operator(first) && rest.get(1).is_some_and(|next| is_operator(*next));
            // A comment after an operator is no part of it.
            let joint = joint && !(rest[1..].starts_with(&['/', '/']) || rest[1..].starts_with(&['/', '*']));
            tokens.push(Token { kind, text: rest[..length].iter().collect(), line, joint });
        }
        line += rest[..length].iter().filter(|c| **c == '\n').count();
        at += length;
    }
    tokens
}

fn length_while(chars: &[char], holds: impl Fn(char) -> bool) -> usize {
    chars.iter().position(|c| !holds(*c)).unwrap_or(chars.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_operator(c: char) -> bool {
    "&|<>=-+*/%^!:?".contains(c)
}

/// The length of a block comment, with those inside it.
fn comment(chars: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (at, depth) = (at + 2, depth + 1),
            ('*', Some('/')) => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(chars.len())
}

/// The length of a string with escapes.
fn text(chars: &[char]) -> usize {
    let mut at = 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// A character, or a lifetime.
fn quote(chars: &[char]) -> (Option<Kind>, usize) {
    match (chars.get(1), chars.get(2)) {
        (Some('\\'), _) => {
            let end = length_while(&chars[3.min(chars.len())..], |c| c != '\'');
            (Some(Kind::Value), (end + 4).min(chars.len()))
        }
        (_, Some('\'')) => (Some(Kind::Value), 3),
        _ => (Some(Kind::Word), 1 + length_while(&chars[1..], is_word)),
    }
}

fn number(chars: &[char]) -> usize {
    let whole = length_while(chars, is_word);
    match (chars.get(whole), chars.get(whole + 1)) {
        (Some('.'), Some(next)) if next.is_ascii_digit() => whole + 1 + length_while(&chars[whole + 1..], is_word),
        _ => whole,
    }
}

/// A name, or the string or character that begins like one (`r#"…"#`, `b'a'`).
fn word(chars: &[char]) -> (Option<Kind>, usize) {
    let length = length_while(chars, is_word);
    let prefix: String = chars[..length].iter().collect();
    let rest = &chars[length..];
    let hashes = length_while(rest, |c| c == '#');
    match prefix.as_str() {
        "r" | "br" | "cr" if rest.get(hashes) == Some(&'"') => {
            let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let body = &rest[hashes + 1..];
            let close = body.windows(end.len()).position(|window| window == end).unwrap_or(body.len());
            (Some(Kind::Text), (length + hashes + 1 + close + end.len()).min(chars.len()))
        }
        "b" | "c" if rest.first() == Some(&'"') => (Some(Kind::Text), length + text(rest)),
        "b" if rest.first() == Some(&'\'') => (Some(Kind::Value), length + quote(rest).1),
        "r" if hashes == 1 => (Some(Kind::Word), length + 1 + length_while(&rest[1..], is_word)),
        _ => (Some(Kind::Word), length),
    }
}

/// Leaves out every item and statement under `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let inner = tokens[at].is("#") && tokens.get(at + 1).is_some_and(|next| next.is("!"));
        if !tokens[at].is("#") || !is_test(&tokens[at + 1 + usize::from(inner)..]) {
            kept.push(tokens[at].clone());
            at += 1;
        } else if inner {
            return Vec::new();
        } else {
            at = after_item(tokens, at);
        }
    }
    kept
}

/// Whether what follows `#` is `[cfg(test)]` or `[cfg(all(test, …))]`, or names the tests and what fuzzes beside them.
fn is_test(tokens: &[Token]) -> bool {
    let begins =
        |words: &[&str]| words.iter().zip(tokens).filter(|(word, token)| token.is(word)).count() == words.len();
    begins(&["[", "cfg", "(", "test", ")"])
        || begins(&["[", "cfg", "(", "all", "(", "test", ","])
        || begins(&["[", "cfg", "(", "any", "(", "test", ",", "feature", "="])
            && tokens.get(9).is_some_and(|named| named.text == "\"fuzzing\"")
}

/// The place after the item, statement or field that begins at `at`, its attributes included.
fn after_item(tokens: &[Token], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|token| token.is("#")) {
        at = after_group(tokens, at + 1);
    }
    const ITEMS: [&str; 15] = [
        "pub", "mod", "fn", "use", "const", "static", "struct", "enum", "impl", "trait", "type", "let", "unsafe",
        "async", "extern",
    ];
    let item = tokens.get(at).is_some_and(|token| ITEMS.iter().any(|word| token.is(word)));
    let in_use = tokens.get(at).is_some_and(|token| token.is("use"));
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            ";" => return at + 1,
            "," if !item => return at + 1,
            "}" | ")" | "]" if token.kind == Kind::Mark => return at,
            "{" | "(" | "[" if token.kind == Kind::Mark => {
                at = after_group(tokens, at);
                let ends = token.is("{") && !in_use && !tokens.get(at).is_some_and(|next| next.is(".") || next.is("="));
                if ends {
                    return at + usize::from(tokens.get(at).is_some_and(|next| next.is(";")));
                }
            }
            _ => at += 1,
        }
    }
    at
}

/// The place after the group whose opening bracket is at `at`.
pub fn after_group(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token.text.as_str() {
            "(" | "[" | "{" if token.kind == Kind::Mark => depth += 1,
            ")" | "]" | "}" if token.kind == Kind::Mark => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    fn same(first: &str, second: &str) -> bool {
        let plain = |source| tokens(source).into_iter().map(|token| (token.text, token.joint)).collect::<Vec<_>>();
        plain(first) == plain(second)
    }

    #[test]
    fn comments_go_and_strings_stay() {
        assert_eq!(words("a // b\n/* c /* d */ e */ f /// g"), ["a", "f"]);
        assert_eq!(words(r#"let a = "http://x /* y */"; b"#), ["let", "a", "=", "\"http://x /* y */\"", ";", "b"]);
        assert_eq!(words(r#" "a \" // b" c"#), [r#""a \" // b""#, "c"]);
        assert!(!same(r#"f("// one")"#, r#"f("// two")"#));
    }

    #[test]
    fn raw_strings_characters_and_lifetimes() {
        assert_eq!(words(r####"r#"a " // b"# c"####), [r####"r#"a " // b"#"####, "c"]);
        assert_eq!(words(r#"br"\" d"#), [r#"br"\""#, "d"]);
        assert_eq!(words(r"r#type x"), ["r#type", "x"]);
        assert_eq!(
            words(r#"('"', '\'', b'"', '\u{1F}') // e"#),
            ["(", "'\"'", ",", r"'\''", ",", "b'\"'", ",", r"'\u{1F}'", ")"]
        );
        assert_eq!(
            words("fn f<'a>(x: &'a str) // 'b"),
            ["fn", "f", "<", "'a", ">", "(", "x", ":", "&", "'a", "str", ")"]
        );
        assert_eq!(words("'_ 'x' 'static"), ["'_", "'x'", "'static"]);
    }

    #[test]
    fn numbers_and_ranges() {
        assert_eq!(words("0..5 1.5e3 x.0.1 1_000u8"), ["0", ".", ".", "5", "1.5e3", "x", ".", "0.1", "1_000u8"]);
        assert!(!same("a = 1;", "a = 2;"));
        assert!(same("a\n    .b( 1 )", "a.b(1)"));
        assert!(!same("a & &b", "a && b"));
        assert!(same("a && b", "a&&b"));
    }

    #[test]
    fn tests_go_whatever_they_are() {
        assert_eq!(words("a #[cfg(test)] mod tests { fn f() { } } b"), ["a", "b"]);
        assert_eq!(words("a #[cfg(test)] #[allow(x)] mod tests; b"), ["a", "b"]);
        assert_eq!(words("a #[cfg(test)] use b::{c, d}; e"), ["a", "e"]);
        assert_eq!(words("a #[cfg(test)] pub(crate) fn f<A, B>(x: [A; 2]) -> B { } b"), ["a", "b"]);
        assert_eq!(words("{ #[cfg(test)] STEPS.set(1); b }"), ["{", "b", "}"]);
        assert_eq!(words("S { #[cfg(test)] a: u8, b: u8 }"), ["S", "{", "b", ":", "u8", "}"]);
        assert_eq!(words("#[cfg(all(test, unix))] thread_local! { static A: u8 = 1; } b"), ["b"]);
        assert_eq!(words("#[cfg(any(test, feature = \"fuzzing\"))] pub mod a; b"), ["b"]);
        assert_eq!(words("#[cfg(any(test, feature = \"x\"))] a").len(), 15);
        assert_eq!(words("#![cfg(test)] a"), Vec::<String>::new());
        assert_eq!(words("#[cfg(not(test))] a").len(), 11);
    }
}
