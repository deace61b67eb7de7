//! What the levels of a person's own manipulations and of pairs are, for processes that did not make them.

use super::manipulation::{Kind, Levels, Stronger};
use super::manipulations::{own_kind, own_kinds};
use crate::error::{Code, Result};
use crate::files::Store;
use crate::table::{Row, table, text_cell};

impl Stronger {
    const NAMES: &[(Stronger, &str)] =
        &[(Stronger::Larger, "larger"), (Stronger::Smaller, "smaller"), (Stronger::Neither, "neither")];
}
text_cell!(Stronger);

table! {
    /// A kind of picture that the library's list does not have (`own_kinds`).
    pub struct OwnKindRow {
        /// Its name.
        kind: String,
        /// What its levels are.
        in_words: String,
        /// Which of them changes more.
        stronger: Stronger,
    }
}

/// The table of them.
const TABLE: &str = "own_kinds";

/// Writes the kinds of some pictures that the library's list does not have beside those that a data root knows.
///
/// # Errors
/// Those of the data root.
pub fn remember_kinds(store: &Store, found: &[&'static Kind]) -> Result<()> {
    let own = own_kinds();
    let new: Vec<&&'static Kind> = found.iter().filter(|kind| own.contains(kind)).collect();
    let _alone = store.alone();
    // A table that cannot be read, as of an earlier version, is begun anew: this is the step that writes it.
    let known = match known(store) {
        Err(error) if error.code() == Code::Table => None,
        known => Some(known?),
    };
    // Shards leave it to the merge: each would write over the others'.
    if (new.is_empty() && known.is_some()) || store.makes_tables().is_err() {
        return Ok(());
    }
    let mut rows = known.unwrap_or_default();
    rows.retain(|row| new.iter().all(|kind| kind.name != row.kind));
    let row = |kind: &&&'static Kind| OwnKindRow {
        kind: kind.name.into(),
        in_words: kind.levels.in_words.into(),
        stronger: kind.levels.stronger,
    };
    rows.extend(new.iter().map(row));
    store.write_table(TABLE, &OwnKindRow::table(rows)?).map(drop)
}

/// Makes the kinds known that a data root has pictures or predictions of, unless this process has made ones of their names.
///
/// # Errors
/// Those of the data root.
pub fn recall_kinds(store: &Store) -> Result<()> {
    for OwnKindRow { kind, in_words, stronger } in known(store)? {
        if own_kinds().iter().all(|own| own.name != kind) {
            own_kind(&kind, Levels { in_words: Box::leak(in_words.into_boxed_str()), stronger })?;
        }
    }
    Ok(())
}

fn known(store: &Store) -> Result<Vec<OwnKindRow>> {
    match store.rows(TABLE) {
        Err(error) if error.code() == Code::Missing => Ok(Vec::new()),
        rows => rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{Manipulation, Strengths, kind};
    use crate::table::comes_back;

    #[test]
    fn levels_of_a_persons_own_come_back_with_their_words_and_direction() {
        comes_back::<OwnKindRow>();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        recall_kinds(&store).unwrap();
        let levels = Strengths::of([80, 10], "brightness left, in percent", Stronger::Smaller);
        let own = Manipulation::custom("remembered", levels, |picture, _| picture.clone()).unwrap();
        remember_kinds(&store, &own.kinds().unwrap()).unwrap();
        // As another process left it: a kind that this one did not make.
        let mut rows: Vec<OwnKindRow> = store.rows(TABLE).unwrap();
        assert_eq!((rows[0].kind.as_str(), rows[0].stronger), ("remembered", Stronger::Smaller));
        rows[0].kind = "recalled".into();
        store.write_table(TABLE, &OwnKindRow::table(rows).unwrap()).unwrap();
        assert_eq!(kind("recalled"), None);
        recall_kinds(&store).unwrap();
        assert_eq!(kind("recalled").unwrap().levels, own.kinds().unwrap()[0].levels);
        // One that cannot be read: said, and mended by the step that writes it.
        std::fs::write(store.path("own_kinds.parquet"), "of an earlier version").unwrap();
        assert_eq!(recall_kinds(&store).unwrap_err().code(), Code::Table);
        remember_kinds(&store, &[]).unwrap();
        recall_kinds(&store).unwrap();
    }
}
