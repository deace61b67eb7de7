//! Compiles the cells of a notebook in the short way; in its folder of links it stands in for three tools.
//!
//! evcxr asks `rustup` for cargo and calls that for each cell. Of such a call's second, a third is cargo looking at 300
//! packages that never change, and half is linking them all again. Here the library is linked once
//! ([`snapshot`]), and rustc is called directly with what cargo would have said. Whatever is not the plain case (a
//! person's own `:dep`, another toolchain, a library that was edited since) is passed on to the real tools.

#[path = "../compile/mod.rs"]
mod compile;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let called = arguments.next().unwrap_or_default();
    let arguments: Vec<String> = arguments.collect();
    let name = Path::new(&called).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let began = std::time::Instant::now();
    let trace = std::env::var_os("LGF_TRACE").is_some();
    if trace {
        eprintln!("          {name} {}", arguments.join(" ").chars().take(100).collect::<String>());
    }
    let ended = match name {
        "rustup" => compile::rustup::answer(&arguments),
        "cargo" => compile::cargo::answer(&arguments),
        "lgf-cc" => compile::linker::link(&arguments),
        _ => compile::make::run(&arguments),
    };
    if trace {
        eprintln!("          {name} took {:.3} s", began.elapsed().as_secs_f64());
    }
    match ended {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
