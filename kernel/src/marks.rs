//! Inside the process that runs cells: notes how a cell ended.
//!
//! evcxr counts a cell that ends in `?` or in a panic as fine, but the code that it generates says both on standard
//! output, in lines that its own parent reads. So a pipe stands in the place of standard output, and a thread behind it
//! passes every line on and notes these in a file that the kernel looks for. Panics that are caught on the way (a
//! decoder's, in one picture) are not said there and do not count.
//!
//! Standard error goes to the kernel by a way of its own. So that it knows when all of a cell has come by that, a cell
//! ends with the line [`ENDED`] there.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::FromRawFd;
use std::path::{Path, PathBuf};

/// Names the file of ends, for the process that runs cells.
pub const FILE: &str = "LGF_ENDS";
/// The last line of a cell on standard error; what stands before it in the line was printed without a newline.
pub const ENDED: &str = "LGF_CELL_ENDED";

const COMPLETE: &str = "EVCXR_EXECUTION_COMPLETE";
/// A line of the file of ends: a cell has come to its end.
const COMPLETED: &str = "complete";
/// What opens a block, or asks the person for a line: evcxr looks for them where a line begins.
const OPENINGS: [&str; 2] = ["EVCXR_BEGIN_CONTENT ", "EVCXR_INPUT_REQUEST"];
/// Ends a line that rewrites the one before it and is not rewritten itself.
pub const STAYS: char = '\u{1f}';

/// A line, how a cell that says it ended (as the file of ends has it), and whether evcxr reads it, too.
const MARKS: [(&str, &str, bool); 3] = [
    ("EVCXR_ERROR_OCCURRED", "error", true),
    ("EVCXR_PANIC_NOTIFICATION", "panic", true),
    ("LGF_CELL_FAILED", "value", false),
];

/// How a cell ended that evcxr counts as fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// At a `?`.
    Error,
    /// In a panic.
    Panic,
    /// Its value is an error, which it shows.
    Value,
}

/// What the cells did that ran since this was asked last.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// The last mark.
    pub mark: Option<Mark>,
    /// How many came to their end, each with [`ENDED`].
    pub complete: usize,
}

/// Takes what the file of ends says, so that the next cell starts without.
pub fn take(file: &Path) -> Ends {
    let text = fs::read_to_string(file).unwrap_or_default();
    let _ = fs::remove_file(file);
    let mark = |line: &str| match line {
        "error" => Some(Mark::Error),
        "panic" => Some(Mark::Panic),
        "value" => Some(Mark::Value),
        _ => None,
    };
    Ends { mark: text.lines().rev().find_map(mark), complete: text.lines().filter(|line| *line == COMPLETED).count() }
}

/// In the process that runs cells, stands between them and standard output; elsewhere does nothing.
pub fn watch() {
    let Some(file) = std::env::var_os(FILE).map(PathBuf::from) else { return };
    if std::env::var_os("EVCXR_IS_RUNTIME").is_none() {
        return;
    }
    // SAFETY: takes only numbers. A kernel that was killed leaves no process behind that works on.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // evcxr asks for a backtrace of every panic: forty lines of its own and the library's insides.
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("RUST_BACKTRACE", "0") };
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for two descriptors; those handed to `File` are open and owned by nobody else.
    let (reader, writer) = unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return;
        }
        let true_stdout = libc::fcntl(libc::STDOUT_FILENO, libc::F_DUPFD_CLOEXEC, 3);
        if true_stdout < 0 || libc::dup2(ends[1], libc::STDOUT_FILENO) < 0 {
            return;
        }
        libc::close(ends[1]);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(true_stdout))
    };
    let passed = std::thread::Builder::new()
        .name("lgf-marks".into())
        .spawn(move || pass_on(reader, writer, std::io::stderr(), &file));
    if passed.is_ok() {
        // SAFETY: the handler touches nothing that an exit takes away before it.
        unsafe { libc::atexit(drain) };
    }
}

/// At an exit inside a cell: what it has written goes on first.
extern "C" fn drain() {
    for _ in 0..100 {
        let mut waiting: libc::c_int = 0;
        // SAFETY: asks how many bytes the pipe behind standard output holds.
        let asked = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::FIONREAD, &mut waiting) };
        if asked != 0 || waiting == 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    std::thread::sleep(std::time::Duration::from_millis(2));
}

fn pass_on(reader: impl std::io::Read, mut writer: impl Write, mut errors: impl Write, file: &Path) {
    let note = |end: &str| {
        let opened = File::options().append(true).create(true).open(file);
        let _ = opened.and_then(|mut file| writeln!(file, "{end}"));
    };
    let mut lines = BufReader::new(reader).split(b'\n');
    while let Some(Ok(line)) = lines.next() {
        let (text, mark) = split(&line);
        // A mark ends a line that a cell has left open: evcxr would not find it there.
        let own = if text.is_empty() && mark.is_some() { None } else { Some(text) };
        for part in own.into_iter().chain(mark) {
            if let Some((_, kind, read)) = MARKS.iter().find(|(said, ..)| *said == part) {
                note(kind);
                if !read {
                    continue;
                }
            }
            if part == COMPLETE {
                // Before evcxr hears of it, and with it the kernel.
                note(COMPLETED);
                let _ = errors.write_all(format!("{ENDED}\n").as_bytes()).and_then(|()| errors.flush());
            }
            if writer
                .write_all(part.as_bytes())
                .and_then(|()| writer.write_all(b"\n"))
                .and_then(|()| writer.flush())
                .is_err()
            {
                return;
            }
        }
    }
}

/// A line's own text and the mark at its end; what is not UTF-8 in it, at which evcxr would fail, is replaced.
fn split(line: &[u8]) -> (String, Option<String>) {
    let mut text = String::from_utf8_lossy(line).into_owned();
    // evcxr takes a return at a line's end for a part of the newline.
    if text.starts_with('\r') && text.ends_with('\r') {
        text.pop();
        text.push(STAYS);
    }
    // They are followed by more.
    if let Some(at) = OPENINGS.iter().find_map(|opening| text.find(opening)).filter(|at| *at > 0) {
        return (text[..at].to_string(), Some(text[at..].to_string()));
    }
    let marks = MARKS.iter().map(|(mark, ..)| *mark).chain([COMPLETE]);
    for mark in marks {
        if let Some(own) = text.strip_suffix(mark) {
            return (own.to_string(), Some(mark.to_string()));
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(text: &[u8], name: &str) -> (String, String, Ends) {
        let file = std::env::temp_dir().join(format!("lgf-marks-{name}-{}", std::process::id()));
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        pass_on(text, &mut out, &mut errors, &file);
        (String::from_utf8(out).unwrap(), String::from_utf8(errors).unwrap(), take(&file))
    }

    #[test]
    fn a_mark_is_noted_once_and_passed_on_where_evcxr_reads_it() {
        let (out, errors, ends) = passed(b"one\n\nEVCXR_ERROR_OCCURRED\nEVCXR_EXECUTION_COMPLETE\n", "error");
        assert_eq!(out, "one\n\nEVCXR_ERROR_OCCURRED\nEVCXR_EXECUTION_COMPLETE\n");
        assert_eq!(errors, "LGF_CELL_ENDED\n", "standard error ends, too");
        assert_eq!(ends, Ends { mark: Some(Mark::Error), complete: 1 });
        assert_eq!(passed(b"fine\n", "fine"), ("fine\n".into(), "".into(), Ends::default()));
        let (out, _, ends) = passed(b"LGF_CELL_FAILED\nx\n", "value");
        assert_eq!((out.as_str(), ends), ("x\n", Ends { mark: Some(Mark::Value), complete: 0 }));
    }

    #[test]
    fn text_without_a_newline_and_bytes_that_are_no_text_do_not_hang_or_fail_a_cell() {
        let (out, _, ends) =
            passed(b"half a line EVCXR_PANIC_NOTIFICATION\n\xff\xfeEVCXR_EXECUTION_COMPLETE\n", "open");
        assert_eq!(out, "half a line \nEVCXR_PANIC_NOTIFICATION\n\u{fffd}\u{fffd}\nEVCXR_EXECUTION_COMPLETE\n");
        assert_eq!(ends.mark, Some(Mark::Panic));
        assert_eq!(passed(b"xEVCXR_BEGIN_CONTENT text/html\n", "content").0, "x\nEVCXR_BEGIN_CONTENT text/html\n");
        assert_eq!(passed(b"Name: EVCXR_INPUT_REQUEST:\n", "input").0, "Name: \nEVCXR_INPUT_REQUEST:\n");
    }
}
