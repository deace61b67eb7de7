//! An archive of annotations as large as ImageNet's own, for benchmarks and trials: no photographs belong to it.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::draw::chance::{between, count};
use crate::bbox::{Annotation, ArchiveWriter, Object, pack_synset, write_annotation};
use crate::error::{Code, Error, Result};
use crate::files::write_whole;
use crate::notebook::Progress;

/// Sizes of photographs, as `(width, height)`, with how many in a hundred have them; the rest is of any size.
const SIZES: [((u32, u32), u32); 6] =
    [((500, 375), 44), ((500, 333), 18), ((375, 500), 9), ((333, 500), 5), ((500, 334), 3), ((500, 332), 2)];
/// Synsets that are packed before they are appended: what is in memory at a time.
const BATCH: usize = 64;

/// How many annotations are drawn, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AnnotationSet {
    /// Seed of everything.
    pub seed: u64,
    /// Inner archives.
    pub synsets: u64,
    /// XML files in all of them together.
    pub files: u64,
    /// Share of the files that have two to four objects, 0 to 1.
    pub several_share: f32,
}

impl AnnotationSet {
    /// As many synsets and files as ImageNet's own archive has.
    pub fn imagenet() -> Self {
        AnnotationSet { seed: 2026, synsets: 3_627, files: 1_073_739, several_share: 0.02 }
    }

    /// A smaller archive of the same kind: this share of the synsets and of the files.
    ///
    /// # Errors
    /// [`Code::Parameter`] unless `share` is above 0 and at most 1.
    pub fn share(self, share: f64) -> Result<Self> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Error::new(Code::Parameter, format!("share is {share}, expected above 0 and at most 1")));
        }
        let part = |whole: u64| ((whole as f64 * share).round() as u64).max(1);
        Ok(AnnotationSet { synsets: part(self.synsets), files: part(self.files), ..self })
    }
}

/// Draws a `tar.gz` of `<wnid>.tar.gz` of XML, in ImageNet's layout and with sizes of photographs, boxes and synsets like
/// its own; wnids are `n91000000` and on, which ImageNet does not have. The same set gives the same bytes on any number
/// of threads.
///
/// ```
/// use lgf::bbox::{Limits, read_archive};
/// use lgf::notebook::Progress;
/// use lgf::sample::{AnnotationSet, write_annotations};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("Annotation.tar.gz");
/// write_annotations(&path, &AnnotationSet::imagenet().share(0.001)?, Progress::silent())?;
/// let counts = read_archive(&path, &Limits::default(), &mut |_| Ok(()))?.counts;
/// assert_eq!((counts.archives, counts.files), (4, 1_074));
/// # Ok::<(), anyhow::Error>(())
/// ```
///
/// # Errors
/// [`Code::Io`] if `path` cannot be written, [`Code::Stopped`]; nothing is left under the name then.
pub fn write_annotations(path: &Path, set: &AnnotationSet, progress: Progress) -> Result<()> {
    let run = progress.start(set.synsets as usize, "synsets");
    let mut outcome = Ok(());
    let write = |file: &mut File| -> Result<()> {
        let mut archive = ArchiveWriter::new(BufWriter::new(file));
        let files = synset_sizes(set);
        for (batch, files) in files.chunks(BATCH).enumerate() {
            run.check()?;
            let first = batch * BATCH;
            let packed: Result<Vec<_>> =
                files.par_iter().enumerate().map(|(at, files)| draw_synset(set, (first + at) as u64, *files)).collect();
            for (wnid, packed) in packed? {
                archive.add(&wnid, &packed).map_err(|error| error.path(path))?;
                run.tick();
            }
        }
        archive.finish().map_err(|error| error.path(path))
    };
    let written = write_whole(path, |file| {
        outcome = write(file);
        outcome.as_ref().map_err(|_| std::io::Error::other("drawing the annotations")).copied()
    });
    outcome.and(written)?;
    run.finish();
    Ok(())
}

/// Files of each synset; they add up to `files`. The largest has about six times as many as the smallest.
fn synset_sizes(set: &AnnotationSet) -> Vec<u64> {
    let mut rng = ChaCha8Rng::seed_from_u64(set.seed);
    let weights: Vec<u64> = (0..set.synsets).map(|_| u64::from(count(&mut rng, 30, 170))).collect();
    let whole: u64 = weights.iter().sum();
    let mut so_far = 0;
    let mut given = 0;
    let size = |weight: &u64| {
        so_far += weight;
        // Rounding the running sum, not each size, makes them add up.
        let upto = (u128::from(set.files) * u128::from(so_far) / u128::from(whole)) as u64;
        upto - std::mem::replace(&mut given, upto)
    };
    weights.iter().map(size).collect()
}

fn draw_synset(set: &AnnotationSet, index: u64, files: u64) -> Result<(String, Vec<u8>)> {
    let mut rng = ChaCha8Rng::seed_from_u64(set.seed);
    rng.set_stream(index + 1);
    let wnid = format!("n{:08}", 91_000_000 + index);
    let mut number = 0;
    let file = |_| {
        number += count(&mut rng, 1, 60);
        let name = format!("{wnid}_{number}");
        let xml = write_annotation(&draw_file(&mut rng, &wnid, &name, set.several_share));
        (name, xml)
    };
    let files: Vec<(String, String)> = (0..files).map(file).collect();
    Ok((wnid.clone(), pack_synset(&wnid, &files)?))
}

fn draw_file(rng: &mut ChaCha8Rng, wnid: &str, name: &str, several_share: f32) -> Annotation {
    let (width, height) = draw_size(rng);
    let objects = if between(rng, 0.0, 1.0) < several_share { count(rng, 2, 4) } else { 1 };
    let object = |index| {
        let (left, right) = draw_span(rng, width);
        let (top, bottom) = draw_span(rng, height);
        let object = Object { corners: [left, top, right, bottom].map(|side| side as i32), ..Object::default() };
        (index as i32, object)
    };
    Annotation {
        folder: wnid.into(),
        filename: name.into(),
        size: (height, width),
        objects: (0..objects).map(object).collect(),
        ..Annotation::default()
    }
}

fn draw_size(rng: &mut ChaCha8Rng) -> (u32, u32) {
    let mut draw = count(rng, 0, 99);
    for (size, share) in SIZES {
        if draw < share {
            return size;
        }
        draw -= share;
    }
    (count(rng, 120, 1200), count(rng, 120, 1200))
}

/// First and one past the last pixel of a box along a side: a fifth of it at least, all of it at most.
fn draw_span(rng: &mut ChaCha8Rng, side: u32) -> (u32, u32) {
    let length = count(rng, side.div_ceil(5), side);
    let first = count(rng, 0, side - length);
    (first, first + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_synsets_add_up() {
        let sizes = synset_sizes(&AnnotationSet::imagenet());
        assert_eq!((sizes.len(), sizes.iter().sum::<u64>()), (3_627, 1_073_739));
        assert!(sizes.iter().all(|size| (80..=520).contains(size)), "{:?}", sizes.iter().max());
    }

    #[test]
    fn the_same_set_gives_the_same_bytes_on_any_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        let set = AnnotationSet { synsets: 70, files: 700, ..AnnotationSet::imagenet() };
        let drawn = |threads: usize| {
            let path = folder.path().join(format!("{threads}.tar.gz"));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| write_annotations(&path, &set, Progress::silent())).unwrap();
            std::fs::read(path).unwrap()
        };
        assert_eq!(drawn(1), drawn(5));
    }

    #[test]
    fn a_share_out_of_range_is_refused() {
        for share in [0.0, -1.0, 1.5, f64::NAN] {
            assert_eq!(AnnotationSet::imagenet().share(share).unwrap_err().code(), Code::Parameter);
        }
    }
}
