//! Steps 1 and 2 on a data root: from archive and photographs to the two tables of boxes.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::*;
use rayon::prelude::*;

use super::annotations::Annotations;
use super::finished::{Finished, keep, step};
use super::limits::Limits;
use super::parameters::Subset;
use super::picked::ImageRef;
use super::published::published_pieces;
use super::read::{Takes, gather};
use super::subset::{SubsetCounts, SubsetTable, select};
use super::synset::Synset;
use super::table::boxes_table;
use crate::error::Result;
use crate::files::{ImageFile, Share, Store};
use crate::notebook::say;
use crate::pixels;
use crate::stage::{Named, Portion};
use crate::table::boxes::{BOX_COLUMNS, SUBSET_COLUMNS};
use crate::table::{Row, fresh, rejects_table, table};

/// Step 1: the archive as one table (`imagenet_boundingboxes`), the published form of it
/// (`imagenet_boundingboxes_published`), and what was skipped (`imagenet_boundingboxes_rejects`). Without an archive,
/// as for photographs that were never annotated, the tables are empty. A finished step is read back; one that ended
/// early, by a cut archive or a stop, keeps the synsets it had and goes on from there.
///
/// # Errors
/// As [`read_archive`](super::read_archive); [`crate::error::Code::Io`] if the root cannot be written.
pub fn collect_boxes(store: &Store, archive: Option<&Path>, limits: &Limits) -> Result<DataFrame> {
    const NAME: &str = "imagenet_boundingboxes";
    let Some(archive) = archive else {
        let empty = boxes_table(&[])?;
        store.makes_tables()?;
        store.write_table(NAME, &empty)?;
        say("boxes: this study has no archive of annotations; the table is empty");
        return Ok(empty);
    };
    let share = limits.max_reject_share.max(store.max_reject_share());
    let (store, limits) = (&store.clone().accepting(share)?, &Limits { max_reject_share: share, ..*limits });
    let inputs: Vec<PathBuf> = if archive.is_file() { vec![archive.to_path_buf()] } else { Vec::new() };
    // A file is known by its name and content, wherever it is.
    let name = if archive.is_file() { archive.file_name().map(Path::new) } else { None };
    let record = store.record(Named("bbox", "boxes"), &(limits, name.unwrap_or(archive)), &inputs)?;
    if archive.is_file() && record.finished().is_some() {
        record.plan_finished("archives");
        if *store.share() == Share::Whole {
            // What a run left that was ended before it could.
            let _ = step(store, limits)?.forget();
        }
        return store.table(NAME);
    }
    let read = read_shared(store, archive, limits)?;
    // The table of what was skipped comes first: a step that fails for it points to it.
    let accepted = read.accept(limits);
    let Annotations { boxes, without_box, rejects, flags, counts } = read;
    let skipped_or_remarked: Vec<_> = rejects.into_iter().chain(flags).collect();
    let listed = store.write_table(&format!("{NAME}_rejects"), &rejects_table(&skipped_or_remarked)?)?;
    accepted.map_err(|error| {
        let more = match counts.files {
            0 => "",
            _ => "; allow more with --max-reject-share or LGF_MAX_REJECT_SHARE",
        };
        let hint = format!("{} has each one's reason{more}", listed[1].display());
        let error = error.or_path(archive);
        if skipped_or_remarked.is_empty() { error } else { error.hint(hint) }
    })?;
    say(&format!("boxes: {}", counts.line()));
    let mut files = listed.to_vec();
    files.extend(store.write_table(NAME, &boxes)?);
    files.extend(store.write_pieces(&format!("{NAME}_published"), published_pieces(&boxes, &without_box)?)?);
    record.finish(counts.files + counts.files_skipped, counts.files, &files)?;
    step(store, limits)?.forget()?;
    Ok(boxes)
}

/// An archive's inner archives that are this process' to read, with those that were read before, by others too.
fn read_shared(store: &Store, archive: &Path, limits: &Limits) -> Result<Annotations> {
    let step = step(store, limits)?;
    let parts = step.parts()?;
    let mut finished = Finished::read(&parts)?;
    // The number of files is not known before the last is read, so the stage has no total.
    let run = store.progress("boxes").start(0, "files");
    let (before, read) = (finished.names(), AtomicUsize::new(0));
    let names: RefCell<Vec<String>> = RefCell::default();
    let takes = |wnid: &str| {
        names.borrow_mut().push(wnid.to_string());
        match store.share() {
            Share::Whole => true,
            Share::Shard(shard) => shard.has(wnid) && !before.contains(wnid),
            Share::Joined => before.contains(wnid),
            Share::Planned(_) => false,
        }
    };
    let keep = |wnid: &str, digest: &str, synset: Option<&Synset>| {
        read.fetch_add(1, Ordering::Relaxed);
        keep(&parts, wnid, digest, synset)
    };
    let takes = Takes { takes: &takes, keep: &keep };
    let reading = gather(archive, limits, &mut finished, &takes, &mut |_| run.check());
    drop(run);
    let annotations = reading.inspect_err(|_| {
        let kept = before.len() + read.load(Ordering::Relaxed);
        if kept > 0 {
            say(&format!("boxes: {kept} archives were read and are kept for the next run"));
        }
    })?;
    let names = names.take();
    let portions: Vec<Portion<'_>> = names.iter().map(|id| Portion { id, size: 1 }).collect();
    if *store.share() != Share::Whole {
        let there: Vec<bool> = names.iter().map(|name| before.contains(name)).collect();
        step.to_do(&parts, &portions, &there)?;
        step.end_of_shard(&parts, &portions, 0)?;
    }
    Ok(annotations)
}

/// Step 2: the boxes of the photographs that are there (`imagenette_boundingboxes`), with what was left out and why
/// (`imagenette_boundingboxes_rejects`, `imagenette_boundingboxes_unmatched`).
///
/// # Errors
/// As [`subset`](super::subset); [`crate::error::Code::Image`] if more photographs than [`Store::max_reject_share`]
/// are left out for an annotation of another shape; [`crate::error::Code::Io`] if the root cannot be written.
pub fn choose_boxes(
    store: &Store,
    boxes: &DataFrame,
    images: &[ImageFile],
    parameters: &Subset,
) -> Result<SubsetTable> {
    if boxes.height() == 0 {
        let none = unannotated(boxes, images)?;
        store.write_table("imagenette_boundingboxes", &none.boxes)?;
        return Ok(none);
    }
    let sized: Vec<ImageRef> =
        images.par_iter().map(|file| ImageRef { file: file.clone(), size: pixels::size_of(&file.path).ok() }).collect();
    let chosen = select(boxes, &sized, parameters)?;
    // What was left out is listed first, for a step that fails for it.
    let left_out: Vec<_> = chosen.rejects.iter().chain(&chosen.flags).cloned().collect();
    store.write_table("imagenette_boundingboxes_rejects", &rejects_table(&left_out)?)?;
    store.write_table("imagenette_boundingboxes_unmatched", &chosen.unmatched()?)?;
    chosen.check_any()?;
    store.accept("subset", chosen.counts.kept + chosen.counts.other_shape, chosen.counts.kept)?;
    store.write_table("imagenette_boundingboxes", &chosen.boxes)?;
    Ok(chosen)
}

/// The subset of photographs that were never annotated: no box, and all of them listed.
fn unannotated(boxes: &DataFrame, images: &[ImageFile]) -> Result<SubsetTable> {
    let mut empty = fresh(boxes)?;
    for (name, kind) in SUBSET_COLUMNS {
        empty.with_column(Column::new_empty(name.into(), &kind))?;
    }
    let count = images.len() as u64;
    Ok(SubsetTable {
        boxes: empty,
        without_annotation: images.iter().map(|image| image.id.clone()).collect(),
        without_image: Vec::new(),
        rejects: Vec::new(),
        flags: Vec::new(),
        counts: SubsetCounts { images: count, without_annotation: count, ..SubsetCounts::default() },
    })
}

/// The columns of the table of boxes with their types, for a look at the schema.
///
/// ```
/// use lgf::bbox::{BOX_COLUMNS, schema};
///
/// assert_eq!(schema()?.height(), BOX_COLUMNS.len());
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// None in practice: the columns are of one length.
pub fn schema() -> Result<DataFrame> {
    let row = |(name, kind): &(&str, DataType)| SchemaRow { column: name.to_string(), kind: kind.to_string() };
    SchemaRow::table(BOX_COLUMNS.iter().map(row).collect())
}

table! {
    /// A column and its type.
    pub struct SchemaRow {
        /// The column.
        column: String,
        /// What is in it.
        kind: String as "type",
    }
}
