//! Patches over a picture: one by one, and all of them at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::distinct::distinct;
use super::kinds::BLACK;
use crate::datasets::PATCHED;
use crate::error::{Code, Error, Result, listed};
use crate::table::{PredictionRow, table};

table! {
    /// What patches do to a network's logit of the true class, for a layout of patches (side, gap, fill) and a photograph.
    pub struct PatchRow {
        /// The network.
        model: String,
        /// Side of the patches in pixels.
        level: i64,
        /// Pixels between them.
        gap: i64,
        /// What fills them.
        fill: String,
        /// Identity of the photograph.
        orig_file: String,
        /// Its class.
        wnid: String,
        /// How many single patches there are.
        patches: i64,
        /// Sum over them of the fall of the logit.
        single: f64,
        /// Its fall with all patches at once.
        all: f64,
    }
}

/// By network, side, gap, fill and photograph.
type Sums<'a> = BTreeMap<(usize, i64, i64, &'a str, &'a str), Sum<'a>>;

struct Sum<'a> {
    row: &'a PredictionRow,
    patches: usize,
    single: f64,
    all: Option<f64>,
}

/// Do the effects of single patches add up? One row a network, layout of patches (side, gap, fill) and photograph. A sum to
/// which a picture is missing is none: photographs that lack one (their untouched picture, a single patch, all patches) are
/// left out of that layout.
///
/// ```
/// use lgf::analysis::interaction;
/// use lgf::table::PredictionRow;
///
/// let row = |level: i64, variant: i64, true_logit: f64| PredictionRow {
///     model: "mine".into(), kind: "patched".into(), orig_file: "a".into(), fill: "black".into(), level, gap: level, variant,
///     true_logit, ..PredictionRow::default()
/// };
/// // The untouched picture, one patch, another, and both at once.
/// let rows = interaction(&[row(0, 0, 9.0), row(30, 0, 8.0), row(30, 1, 7.0), row(30, -1, 5.0)]);
/// assert_eq!((rows[0].patches, rows[0].single, rows[0].all), (2, 3.0, 4.0));
/// ```
pub fn interaction(predictions: &[PredictionRow]) -> Vec<PatchRow> {
    let patched = || predictions.iter().filter(|row| row.kind == PATCHED.name);
    let untouched: HashMap<(&str, &str), f64> = patched()
        .filter(|row| row.level == 0)
        .map(|row| ((row.model.as_str(), row.orig_file.as_str()), row.true_logit))
        .collect();
    let order = distinct(predictions.iter().map(|row| row.model.as_str()));
    let places: HashMap<&str, usize> = order.iter().enumerate().map(|(place, name)| (*name, place)).collect();
    let mut sums: Sums = BTreeMap::new();
    for row in patched().filter(|row| row.level > 0) {
        let Some(original) = untouched.get(&(row.model.as_str(), row.orig_file.as_str())) else { continue };
        let key = (places[row.model.as_str()], row.level, row.gap, row.fill.as_str(), row.orig_file.as_str());
        let sum = sums.entry(key).or_insert(Sum { row, patches: 0, single: 0.0, all: None });
        let fall = original - row.true_logit;
        if row.variant < 0 {
            sum.all = Some(fall);
        } else {
            (sum.patches, sum.single) = (sum.patches + 1, sum.single + fall);
        }
    }
    // Every photograph of a layout has as many patches.
    let mut most: HashMap<(i64, i64, &str), usize> = HashMap::new();
    for ((_, level, gap, fill, _), sum) in &sums {
        let most = most.entry((*level, *gap, fill)).or_default();
        *most = sum.patches.max(*most);
    }
    let whole = |((_, level, gap, fill, _), sum): (&(usize, i64, i64, &str, &str), &Sum)| {
        let all = sum.all.filter(|_| sum.patches == most[&(*level, *gap, *fill)])?;
        let PredictionRow { model, fill, orig_file, wnid, .. } = sum.row.clone();
        let (level, gap, patches, single) = (*level, *gap, sum.patches as i64, sum.single);
        Some(PatchRow { model, level, gap, fill, orig_file, wnid, patches, single, all })
    };
    sums.iter().filter_map(whole).collect()
}

/// Those rows of [`interaction`] whose layouts differ in the side of the patches alone, as far as there are such: black, and
/// of several gaps at one side that which most sides have.
///
/// ```
/// use lgf::analysis::{interaction, plain_patches};
/// use lgf::table::PredictionRow;
///
/// let row = |level: i64, variant: i64, true_logit: f64| PredictionRow {
///     model: "mine".into(), kind: "patched".into(), orig_file: "a".into(), fill: "black".into(), level, gap: level, variant,
///     true_logit, ..PredictionRow::default()
/// };
/// // The untouched picture, one patch, another, and both at once.
/// let rows = interaction(&[row(0, 0, 9.0), row(30, 0, 8.0), row(30, 1, 7.0), row(30, -1, 5.0)]);
/// assert_eq!(plain_patches(&rows)?, rows);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Table`] if no patch is black.
pub fn plain_patches(patches: &[PatchRow]) -> Result<Vec<PatchRow>> {
    let black: Vec<&PatchRow> = patches.iter().filter(|row| row.fill == BLACK).collect();
    if black.is_empty() {
        let fills = distinct(patches.iter().map(|row| row.fill.as_str()));
        let there = match fills[..] {
            [] => "there are no patches".to_string(),
            _ => format!("there are {}", listed(&fills, 12)),
        };
        return Err(Error::new(Code::Table, format!("no row has {BLACK:?} as fill; {there}")));
    }
    let layouts: BTreeSet<(i64, i64)> = black.iter().map(|row| (row.level, row.gap)).collect();
    let sides_with = |gap: i64| layouts.iter().filter(|layout| layout.1 == gap).count();
    let mut chosen: BTreeMap<i64, (usize, i64)> = BTreeMap::new();
    for &(level, gap) in &layouts {
        let best = chosen.entry(level).or_insert((0, gap));
        *best = (*best).max((sides_with(gap), gap));
    }
    Ok(black.into_iter().filter(|row| chosen[&row.level].1 == row.gap).cloned().collect())
}

/// Rows of [`interaction`] of one network and layout.
pub(super) struct Layout<'a> {
    pub model: &'a str,
    pub level: i64,
    pub gap: i64,
    pub fill: &'a str,
    pub classes: Vec<&'a str>,
    pub patches: i64,
    pub single: Vec<f64>,
    pub all: Vec<f64>,
}

pub(super) fn layouts(patches: &[PatchRow]) -> Vec<Layout<'_>> {
    let mut places: HashMap<(&str, i64, i64, &str), usize> = HashMap::new();
    let mut found: Vec<Layout> = Vec::new();
    for row in patches {
        let place = *places.entry((&row.model, row.level, row.gap, &row.fill)).or_insert_with(|| {
            found.push(Layout {
                model: &row.model,
                level: row.level,
                gap: row.gap,
                fill: &row.fill,
                classes: Vec::new(),
                patches: row.patches,
                single: Vec::new(),
                all: Vec::new(),
            });
            found.len() - 1
        });
        found[place].classes.push(&row.wnid);
        found[place].single.push(row.single);
        found[place].all.push(row.all);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<PatchRow>();
    }

    #[test]
    fn single_patches_are_summed_and_all_at_once_counts_once() {
        let picture = |(level, variant, true_logit): (i64, i64, f64)| PredictionRow {
            model: "a".into(),
            kind: PATCHED.name.into(),
            level,
            variant,
            gap: if level > 0 { 30 } else { -1 },
            fill: if level > 0 { BLACK } else { "" }.into(),
            orig_file: "x".into(),
            wnid: "c".into(),
            true_logit,
            ..PredictionRow::default()
        };
        let predictions = [(0, -1, 5.0), (70, 0, 4.0), (70, 1, 4.5), (70, -1, 1.0)].map(picture);
        let found = interaction(&predictions);
        assert_eq!((found[0].single, found[0].all, found.len()), (1.5, 4.0, 1));
        // Without the picture of all patches, or one of the single ones, there is no sum.
        assert_eq!(interaction(&predictions[..3]), []);
        assert_eq!(plain_patches(&found).unwrap(), found);
        assert!(plain_patches(&[]).unwrap_err().message().contains("no patches"));
    }

    #[test]
    fn of_several_gaps_the_one_that_most_sides_have_is_plain() {
        let row = |(level, gap, fill): (i64, i64, &str)| PatchRow {
            model: "a".into(),
            level,
            gap,
            fill: fill.into(),
            orig_file: "x".into(),
            wnid: "c".into(),
            patches: 1,
            single: 1.0,
            all: 1.0,
        };
        let rows = [(10, 30, BLACK), (30, 10, BLACK), (30, 30, BLACK), (30, 30, "mean"), (50, 30, BLACK)].map(row);
        let plain: Vec<(i64, i64)> = plain_patches(&rows).unwrap().iter().map(|row| (row.level, row.gap)).collect();
        assert_eq!(plain, [(10, 30), (30, 30), (50, 30)]);
    }
}
