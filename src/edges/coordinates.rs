//! Edges as lists of coordinates: Parquet for machines, the published study's text for its own scripts.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::error::{Code, Error, Result};
use crate::files::{Store, write_whole};
use crate::pixels::{Original, PixelMask};
use crate::table::{Coordinates, coordinates, seal};

/// Photographs whose coordinates are in memory at a time.
const BATCH: usize = 64;

/// The published study's test of edges against the box (notebook 3, cell 39): `(row, col)` of the whole photograph as if
/// it were `(x, y)` in the crop, both ends inside (faults A2 to A5). The coordinates that pass, row by row.
///
/// `corners` is `[xmin, ymin, xmax, ymax]` as [`to_crop_published`](crate::bbox::to_crop_published) gives it; an inverted
/// one holds nothing.
///
/// ```
/// use lgf::edges::mistaken_box;
/// use lgf::pixels::{Original, PixelBox, PixelMask};
///
/// let mask = PixelMask::<Original>::from_box(300, 400, &PixelBox::at(100, 20).of_size(1, 1));
/// assert_eq!(mistaken_box(&mask, [90, 10, 110, 30]), [(100, 20)], "row 100 passes as x");
/// assert!(mistaken_box(&mask, [10, 90, 30, 110]).is_empty(), "though this is the box it lies in");
/// ```
pub fn mistaken_box(mask: &PixelMask<Original>, [xmin, ymin, xmax, ymax]: [i64; 4]) -> Vec<(u32, u32)> {
    let passes =
        |(row, col): &(u32, u32)| (xmin..=xmax).contains(&i64::from(*row)) && (ymin..=ymax).contains(&i64::from(*col));
    mask.pixels().into_iter().map(|pixel| (pixel.row, pixel.col)).filter(passes).collect()
}

/// Writes `<name>.parquet`: one row a photograph, `file` and the lists `row` and `col` (32 bits each, packed by Parquet). `points` gives the
/// coordinates of a photograph; only some are in memory at a time.
///
/// # Errors
/// What `points` gives; [`Code::Io`] if the table cannot be written.
pub(crate) fn write_coordinates(
    store: &Store,
    name: &str,
    ids: &[&str],
    points: impl Fn(&str) -> Result<Vec<(u32, u32)>> + Sync,
) -> Result<PathBuf> {
    let path = store.path(&format!("{name}.parquet"));
    let mut outcome = Ok(());
    let write = |file: &mut File| -> Result<()> {
        let mut buffer = BufWriter::new(&mut *file);
        let mut writer = seal::writer(&mut buffer).batched(coordinates(&[], &[])?.schema())?;
        for ids in ids.chunks(BATCH) {
            let lists: Result<Vec<Vec<(u32, u32)>>> = ids.par_iter().map(|id| points(id)).collect();
            writer.write_batch(&coordinates(ids, &lists?)?)?;
        }
        writer.finish()?;
        buffer.flush().map_err(|cause| Error::io("writing", &path, cause))
    };
    let written = write_whole(&path, |file| {
        outcome = write(file);
        if outcome.is_ok() {
            seal::close(file)
        } else {
            Err(std::io::Error::other("the coordinates could not be written"))
        }
    });
    outcome.and(written)?;
    Ok(path)
}

/// Writes coordinates in the published study's own form: one line a photograph, `name<TAB>[(r, c), …]`, from the Parquet
/// table of a name (`edges_coordinates` or `edges_coordinates_flt`).
///
/// # Errors
/// [`Code::Missing`] if the table is not there, [`Code::Io`] if `out` cannot be written.
pub fn write_text(store: &Store, name: &str, out: &Path) -> Result<()> {
    let table = store.table(name)?;
    let files = Coordinates::of(&table)?;
    let line = |at: usize| -> Result<String> {
        let (file, points) = files.row(at)?;
        let points: Vec<String> = points.into_iter().map(|(row, col)| format!("({row}, {col})")).collect();
        Ok(format!("{file}\t[{}]\n", points.join(", ")))
    };
    let mut outcome: Result<()> = Ok(());
    let written = write_whole(out, |file| {
        let mut file = std::io::BufWriter::new(file);
        for at in 0..table.height() {
            match line(at) {
                Ok(line) => file.write_all(line.as_bytes())?,
                Err(error) => outcome = Err(error),
            }
        }
        file.flush()
    });
    outcome.map_err(|error| Error::new(Code::Table, error.message().to_string()).path(store.path(name)))?;
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_come_back_in_both_forms() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let points = |id: &str| Ok(if id == "a" { vec![(0, 7), (300, 499)] } else { Vec::new() });
        let path = write_coordinates(&store, "edges_coordinates", &["a", "b"], points).unwrap();
        assert!(path.ends_with("edges_coordinates.parquet"));
        let out = folder.path().join("edges.txt");
        write_text(&store, "edges_coordinates", &out).unwrap();
        assert_eq!(std::fs::read_to_string(out).unwrap(), "a\t[(0, 7), (300, 499)]\nb\t[]\n");
    }

    #[test]
    fn an_error_of_one_photograph_leaves_no_table() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let points = |_: &str| Err(Error::new(Code::Missing, "no mask"));
        assert_eq!(write_coordinates(&store, "edges_coordinates", &["a"], points).unwrap_err().code(), Code::Missing);
        assert!(!store.path("edges_coordinates.parquet").exists());
    }
}
