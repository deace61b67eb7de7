//! What leaves the program: lines for a person, and contents in the kernel's protocol.

use std::io::Write;

/// The line that the project's own kernel takes for a failed cell.
const FAILED: &str = "LGF_CELL_FAILED";

/// Prints a line, or several, for a person to read; a newline is added where it is missing.
pub fn say(text: &str) {
    let stdout = std::io::stdout();
    let mut out = stdout.lock();
    // A reader that went away (`lgf … | head`) is no reason to stop the work.
    let _ = out.write_all(whole_lines(text).as_bytes()).and_then(|()| out.flush());
}

/// Prints a line that takes the place of the one that was rewritten before it, for a kernel that knows such lines: they
/// begin with a carriage return, and the one that stays ends in one, too.
pub(super) fn rewrite(text: &str, stays: bool) {
    let stdout = std::io::stdout();
    let mut out = stdout.lock();
    let _ = out.write_all(rewriting_line(text, stays).as_bytes()).and_then(|()| out.flush());
}

fn rewriting_line(text: &str, stays: bool) -> String {
    let text = whole_lines(&text.replace('\n', " "));
    format!("\r{}{}\n", text.trim_end_matches('\n'), if stays { "\r" } else { "" })
}

/// Prints a line to standard error, for what is not a result: warnings, and the error that ends the program.
pub fn warn(text: &str) {
    let _ = std::io::stderr().lock().write_all(whole_lines(text).as_bytes());
}

/// Whether this process runs the cells of an evcxr kernel.
pub(super) fn in_kernel() -> bool {
    std::env::var_os("EVCXR_IS_RUNTIME").is_some()
}

/// Tells the project's own kernel that the cell which shows something failed: it takes this line out and replies so.
pub(super) fn tell_kernel_of_failure() {
    if std::env::var_os("LGF_KERNEL").is_some_and(|kernel| kernel == "own") {
        say(FAILED);
    }
}

/// Sends one bundle of contents, each with its type; the last is plain text, which a terminal gets alone.
pub(super) fn send(contents: &[(&'static str, String)]) {
    let text = if in_kernel() {
        contents.iter().map(|(mime, content)| block(mime, content)).collect()
    } else {
        contents.last().map(|(_, content)| whole_lines(content)).unwrap_or_default()
    };
    let stdout = std::io::stdout();
    let mut out = stdout.lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// One content in evcxr's protocol.
fn block(mime: &str, content: &str) -> String {
    // The kernel takes a line for protocol by this prefix, wherever in the line it stands.
    let content = match mime {
        "text/html" | "image/svg+xml" => content.replace("EVCXR_", "EVCXR&#95;"),
        _ => whole_lines(content),
    };
    format!("EVCXR_BEGIN_CONTENT {mime}\n{}\nEVCXR_END_CONTENT\n", content.trim_end_matches('\n'))
}

/// Text that cannot be taken for protocol and ends in a newline.
fn whole_lines(text: &str) -> String {
    let mut text = text.replace("EVCXR_", "EVCXR-").replace('\r', "");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_quoted_can_be_taken_for_protocol() {
        let html = block("text/html", "<p>x\nEVCXR_END_CONTENT\nEVCXR_BEGIN_CONTENT image/png</p>");
        assert_eq!(html.matches("EVCXR_").count(), 2, "{html}");
        let text = block("text/plain", "a EVCXR_BEGIN_CONTENT b\r\nc");
        assert_eq!(text, "EVCXR_BEGIN_CONTENT text/plain\na EVCXR-BEGIN_CONTENT b\nc\nEVCXR_END_CONTENT\n");
        assert_eq!(rewriting_line("a\rb\nc EVCXR_X", false), "\rab c EVCXR-X\n");
        assert_eq!(rewriting_line("a", true), "\ra\r\n");
        assert_eq!(whole_lines("no newline"), "no newline\n");
    }
}
