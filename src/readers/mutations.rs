//! Fuzzing on the stable toolchain: seeded mutations of a kept corpus, the same in every run. Whatever goes into a reader,
//! it ends in time, and without a panic.
//!
//! `LGF_MUTATIONS=100000 cargo test --lib readers` runs longer; an input that fails is written into the corpus's folder
//! as `failed-seed-<number>` and stays there as a test.

use std::fs;
use std::path::{Path, PathBuf};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Reader;

/// The inputs that are kept in `tests/corpus/<name>`, and the folder.
fn corpus(name: &str) -> (PathBuf, Vec<Vec<u8>>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "the corpus in {} is gone", folder.display());
    (folder, files.iter().map(|file| fs::read(file).unwrap()).collect())
}

/// One to six changes: bits, cuts, copies, words, and parts of another input.
fn mutated(rng: &mut ChaCha8Rng, inputs: &[Vec<u8>], words: &[&[u8]]) -> Vec<u8> {
    let below = |rng: &mut ChaCha8Rng, end: usize| if end == 0 { 0 } else { rng.next_u32() as usize % end };
    let mut bytes = inputs[below(rng, inputs.len())].clone();
    for _ in 0..1 + below(rng, 6) {
        let at = below(rng, bytes.len() + 1);
        let end = at + below(rng, (bytes.len() - at + 1).min(600));
        match below(rng, 7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(rng, 8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.splice(at..at, bytes[at..end].to_vec()).for_each(drop),
            4 => bytes.splice(at..at, words[below(rng, words.len())].iter().copied()).for_each(drop),
            5 => {
                let other = &inputs[below(rng, inputs.len())];
                let from = below(rng, other.len());
                let piece = other[from..(from + 600).min(other.len())].to_vec();
                bytes.splice(at..end, piece).for_each(drop);
            }
            _ if at < bytes.len() => bytes[at] = rng.next_u32() as u8,
            _ => {}
        }
    }
    bytes
}

/// Seconds that this thread has worked, whatever else the machine does; 0 where the system does not say.
fn worked() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// Gives a reader each kept input and mutations of them; an input with which it panics or works long is kept.
pub(super) fn hunt(Reader { name, mutations, words, check }: &Reader) {
    let (folder, inputs) = corpus(name);
    let count = std::env::var("LGF_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(*mutations);
    let (mut read, mut refused) = (0, 0);
    let run = |bytes: &[u8], what: &str| {
        let began = worked();
        let survived = std::panic::catch_unwind(|| check(bytes));
        let seconds = worked() - began;
        if survived.is_err() || seconds > 1.0 {
            let kept = folder.join(format!("failed-{what}"));
            fs::write(&kept, bytes).unwrap();
            panic!("{what} of {name} failed after {seconds} s of work; kept as {}", kept.display());
        }
        matches!(survived, Ok(true))
    };
    let mut count_in = |was_read: bool| *if was_read { &mut read } else { &mut refused } += 1;
    for (at, bytes) in inputs.iter().enumerate() {
        count_in(run(bytes, &format!("input-{at}")));
    }
    for seed in 0..count {
        let bytes = mutated(&mut ChaCha8Rng::seed_from_u64(seed), &inputs, words);
        count_in(run(&bytes, &format!("seed-{seed}")));
    }
    assert!(read > 0 && refused > 0, "{read} of {name} were read, {refused} refused");
}
