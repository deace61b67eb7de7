//! Archives and folders of annotations to one table, in parallel, in an order that does not depend on threads.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rayon::{Scope, Yield};

use super::annotations::Annotations;
use super::archive::{Member, is_archive, is_leftover, is_packed_otherwise, packed_otherwise, stem_of, walk};
use super::collect::Collector;
use super::counts::Counts;
use super::finished::Finished;
use super::gunzip::Trailing;
use super::limits::Limits;
use super::pieces::{Content, Outcome, Part, document, inner};
use super::synset::Synset;
use crate::error::{Code, Error, Result};
use crate::files::{is_wnid, sha256_hex};
use crate::table::Reject;

/// Loose XML files that one thread parses at a time.
const BATCH: usize = 1024;
/// Folders inside folders that are looked into.
const FOLDER_DEPTH: usize = 6;

/// Reads `Annotation.tar.gz` (a tar.gz of `<wnid>.tar.gz` of XML), one `<wnid>.tar.gz`, or a folder of either or of XML
/// files. Nothing is unpacked to disk. `progress` is called after each piece with the numbers so far; an error from it
/// (a stop) ends the reading.
///
/// ```
/// use std::collections::BTreeMap;
/// use lgf::bbox::{Annotation, Limits, Object, read_archive, write_annotation, write_archive};
///
/// let object = Object { corners: [60, 11, 330, 450], ..Object::default() };
/// let file = Annotation { size: (500, 333), objects: vec![(0, object)], ..Annotation::default() };
/// let files = vec![("n00007846_1".to_string(), write_annotation(&file))];
/// let synsets = BTreeMap::from([("n00007846".to_string(), files)]);
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("Annotation.tar.gz");
/// write_archive(std::fs::File::create(&path)?, &synsets)?;
///
/// let annotations = read_archive(&path, &Limits::default(), &mut |_| Ok(()))?;
/// assert_eq!(annotations.boxes.height(), 1);
/// # Ok::<(), anyhow::Error>(())
/// ```
///
/// # Errors
/// [`Code::Io`] if the path cannot be read; [`Code::Archive`] if the outer archive is not gzip, cut or corrupt;
/// [`Code::Limit`] if it asks for more than `limits`; [`Code::Xml`] if no file could be read, or too many were skipped.
pub fn read_archive(
    path: &Path,
    limits: &Limits,
    progress: &mut dyn FnMut(&Counts) -> Result<()>,
) -> Result<Annotations> {
    resume_archive(path, limits, &mut Finished::default(), progress)
}

/// As [`read_archive`], without reading those inner archives again that are in `finished` with the same content. Where
/// the reading ends early (the archive is cut, or a stop), `finished` holds what was read until then.
///
/// # Errors
/// As [`read_archive`].
pub fn resume_archive(
    path: &Path,
    limits: &Limits,
    finished: &mut Finished,
    progress: &mut dyn FnMut(&Counts) -> Result<()>,
) -> Result<Annotations> {
    let annotations = gather(path, limits, finished, &Takes::ALL, progress)?;
    annotations.accept(limits).map_err(|error| error.or_path(path))?;
    Ok(annotations)
}

/// Which inner archives a reading takes, by their names, and who keeps what came of one: its name, its hash, its rows unless it is
/// corrupt.
pub(super) struct Takes<'a> {
    pub(super) takes: &'a dyn Fn(&str) -> bool,
    pub(super) keep: &'a Keeps<'a>,
}

type Keeps<'a> = dyn Fn(&str, &str, Option<&Synset>) -> Result<()> + 'a;

impl Takes<'_> {
    /// All of them; nobody keeps them.
    const ALL: Takes<'static> = Takes { takes: &|_| true, keep: &|_, _, _| Ok(()) };
}

/// As [`resume_archive`], however much was skipped, of the inner archives that are taken.
pub(super) fn gather(
    path: &Path,
    limits: &Limits,
    finished: &mut Finished,
    takes: &Takes<'_>,
    progress: &mut dyn FnMut(&Counts) -> Result<()>,
) -> Result<Annotations> {
    let (sender, receiver) = channel();
    let (collector, outcome) = rayon::in_place_scope(|scope| {
        let mut reading = Reading {
            scope,
            limits: *limits,
            sender,
            receiver,
            waiting_bytes: 0,
            running: 0,
            seen: HashMap::new(),
            loose: Vec::new(),
            loose_bytes: 0,
            source: String::new(),
            collected: Collector::default(),
            finished: std::mem::take(finished),
            takes,
            progress,
        };
        let outcome = reading.whole(path);
        (reading.drain(), outcome)
    });
    if let Err(error) = outcome {
        *finished = collector.into_finished();
        return Err(error);
    }
    collector.tables()
}

/// The walk over the input; work goes to the threads of the scope, and comes back through the channel.
struct Reading<'env, 'scope, 'progress> {
    scope: &'env Scope<'scope>,
    limits: Limits,
    sender: Sender<Part>,
    receiver: Receiver<Part>,
    waiting_bytes: usize,
    running: usize,
    seen: HashMap<String, String>,
    loose: Vec<(String, Vec<u8>)>,
    loose_bytes: usize,
    source: String,
    collected: Collector,
    finished: Finished,
    takes: &'progress Takes<'progress>,
    progress: &'progress mut dyn FnMut(&Counts) -> Result<()>,
}

impl Reading<'_, '_, '_> {
    fn whole(&mut self, path: &Path) -> Result<()> {
        let kind = fs::metadata(path).map_err(|cause| Error::io("reading", path, cause))?;
        if kind.is_dir() {
            self.source = path.display().to_string();
            self.folder(path, "", FOLDER_DEPTH)?
        } else {
            self.outer(path)?
        }
        self.spawn_loose()?;
        while self.running > 0 {
            self.wait()?;
        }
        Ok(())
    }

    /// Everything below a folder, whose names begin with `above` from the one on that was asked for.
    fn folder(&mut self, folder: &Path, above: &str, depth: usize) -> Result<()> {
        let unreadable = |cause| Error::io("listing", folder, cause);
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            paths.push(entry.map_err(unreadable)?.path());
        }
        paths.sort();
        for path in paths {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_leftover(&file) {
                self.collected.counts.leftovers += 1;
                continue;
            }
            let name = format!("{above}{file}");
            let kind = fs::symlink_metadata(&path).map_err(|cause| Error::io("reading", &path, cause))?;
            let wanted = is_archive(&name) || name.to_ascii_lowercase().ends_with(".xml");
            let folder_by_link = kind.is_symlink() && path.is_dir();
            let passed_over = |message: &str| Error::new(Code::Archive, message).path(&path);
            if kind.is_dir() && depth > 0 {
                self.folder(&path, &format!("{name}/"), depth - 1)?;
            } else if kind.is_dir() || folder_by_link {
                let why = if folder_by_link { "a link to a folder" } else { "a folder nested too deep" };
                let error = passed_over(&format!("{why}, which is not looked into"));
                self.collected.flags.push(Reject::of("boxes", &name, &error));
            } else if wanted && !kind.is_file() {
                self.collected.skip_member(Reject::of("boxes", &name, &passed_over("no regular file")), &name);
            } else if is_packed_otherwise(&name) {
                self.collected.flags.push(Reject::of("boxes", &name, &packed_otherwise().path(&path)));
            } else if is_archive(&name) && !is_synset(&file) {
                self.outer(&path)?;
            } else if wanted {
                self.loose_file(&path, &name, kind.len())?;
            }
        }
        Ok(())
    }

    /// One file of a folder: a synset's archive, or XML.
    fn loose_file(&mut self, path: &Path, name: &str, size: u64) -> Result<()> {
        let packed = is_archive(name);
        let limit = if packed { self.limits.member_bytes } else { self.limits.xml_bytes };
        if size > limit {
            let error = Error::new(Code::Limit, format!("{size} bytes, at most {limit} are read")).path(path);
            self.collected.skip_member(Reject::of("boxes", name, &error), name);
            return Ok(());
        }
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(cause) => {
                let error = Error::io("reading", path, cause);
                self.collected.skip_member(Reject::of("boxes", name, &error), name);
                return Ok(());
            }
        };
        self.member(if packed { Member::Archive { name, bytes } } else { Member::Xml { name, bytes: &bytes } })
    }

    fn outer(&mut self, path: &Path) -> Result<()> {
        let file = File::open(path).map_err(|cause| Error::io("reading", path, cause))?;
        // What waits is of another file or folder.
        self.spawn_loose()?;
        let (source, limits) = (path.display().to_string(), self.limits);
        let before = std::mem::replace(&mut self.source, source.clone());
        let reader = BufReader::with_capacity(1 << 17, file);
        if walk(reader, &source, &limits, &mut |member| self.member(member))? == Trailing::Garbage {
            let error = Error::new(Code::Archive, "bytes that are not gzip follow the archive").path(path);
            self.collected.flags.push(Reject::of("boxes", "", &error));
        }
        self.spawn_loose()?;
        self.source = before;
        Ok(())
    }

    fn member(&mut self, member: Member<'_>) -> Result<()> {
        match member {
            Member::Leftover => self.collected.counts.leftovers += 1,
            Member::PassedOver(remark) => self.collected.flags.push(remark),
            Member::Skipped(reject) => {
                let name = reject.member.clone();
                self.collected.skip_member(reject, &name);
            }
            Member::Archive { name, bytes } => {
                let wnid = stem_of(name.trim_end_matches(".gz")).to_string();
                let (name, digest) = (name.to_string(), sha256_hex(&bytes));
                match self.seen.insert(wnid.clone(), digest.clone()) {
                    Some(before) if before == digest => {}
                    Some(before) => {
                        self.seen.insert(wnid, before);
                        let message = "a second archive of this name with other content; the first is taken";
                        let error = Error::new(Code::Archive, message).path(&self.source);
                        self.collected.skip_member(Reject::of("boxes", &name, &error), &name);
                    }
                    None if !(self.takes.takes)(&wnid) => {}
                    None => match self.finished.take(&wnid, &digest) {
                        Some(table) => self.collected.add(Outcome::Synset { wnid, digest, table }),
                        None => self.spawn(bytes.len(), move |source, limits| {
                            inner((wnid, digest), &name, &bytes, source, limits)
                        })?,
                    },
                }
            }
            Member::Xml { name, bytes } => {
                self.loose_bytes += bytes.len();
                self.loose.push((name.to_string(), bytes.to_vec()));
                if self.loose.len() >= BATCH || self.loose_bytes >= self.limits.queue_bytes {
                    self.spawn_loose()?;
                }
            }
        }
        Ok(())
    }

    fn spawn_loose(&mut self) -> Result<()> {
        if self.loose.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.loose);
        let bytes = std::mem::take(&mut self.loose_bytes);
        self.spawn(bytes, move |source, limits| {
            let source: Arc<str> = source.into();
            let read = |(name, bytes): (String, Vec<u8>)| {
                document((Cow::Owned(name), Content::of(&bytes)), &bytes, &source, limits)
            };
            Outcome::Loose(batch.into_iter().map(read).collect())
        })
    }

    /// Hands work to a thread, after waiting until the queue has room.
    fn spawn(&mut self, bytes: usize, work: impl FnOnce(&str, &Limits) -> Outcome + Send + 'static) -> Result<()> {
        while self.running > 0 && self.waiting_bytes + bytes > self.limits.queue_bytes {
            self.wait()?;
        }
        while let Ok(part) = self.receiver.try_recv() {
            self.take(part)?;
        }
        self.running += 1;
        self.waiting_bytes += bytes;
        let (sender, limits, source) = (self.sender.clone(), self.limits, self.source.clone());
        self.scope.spawn(move |_| {
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&source, &limits))).unwrap_or_else(|_| {
                let error = Error::new(Code::Decoder, "the reader of an inner archive panicked").path(&source);
                Outcome::Corrupt { of: None, reject: Reject::of("boxes", "", &error) }
            });
            // The receiver is gone only if the reading failed already.
            let _ = sender.send(Part { bytes, outcome });
        });
        Ok(())
    }

    /// Waits for one piece.
    fn wait(&mut self) -> Result<()> {
        let part = self.next_part();
        self.take(part)
    }

    /// The next piece; does a piece of work itself where this thread belongs to the pool.
    fn next_part(&self) -> Part {
        loop {
            if let Ok(part) = self.receiver.try_recv() {
                return part;
            }
            if rayon::yield_now() != Some(Yield::Executed)
                && let Ok(part) = self.receiver.recv_timeout(Duration::from_millis(5))
            {
                return part;
            }
        }
    }

    fn take(&mut self, part: Part) -> Result<()> {
        self.keep(part)?;
        (self.progress)(&self.collected.counts)
    }

    fn keep(&mut self, part: Part) -> Result<()> {
        let kept = match &part.outcome {
            Outcome::Synset { wnid, digest, table } => (self.takes.keep)(wnid, digest, Some(table)),
            Outcome::Corrupt { of: Some((wnid, digest)), .. } => (self.takes.keep)(wnid, digest, None),
            Outcome::Corrupt { of: None, .. } | Outcome::Loose(_) => Ok(()),
        };
        self.running -= 1;
        self.waiting_bytes -= part.bytes;
        self.collected.add(part.outcome);
        kept
    }

    /// What was read, with the pieces that are still on their way.
    fn drain(mut self) -> Collector {
        while self.running > 0 {
            let part = self.next_part();
            // The reading has ended: what cannot be kept is read again.
            let _ = self.keep(part);
        }
        self.collected
    }
}

/// Whether an archive is named like a synset (`n01440764.tar.gz`), as the inner ones are.
fn is_synset(name: &str) -> bool {
    is_wnid(name.split('.').next().unwrap_or(name))
}
