//! What a stage skipped, and why: one row each.

use polars::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

/// One input that a stage skipped (or took with a remark), and the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The step of the sequence: `boxes`, `subset`, `edges`, …
    pub stage: String,
    /// The file.
    pub path: String,
    /// The member of the archive, or empty.
    pub member: String,
    /// The place in it: a line, a byte, an object; or empty.
    pub place: String,
    /// What kind of fault it was.
    pub code: Code,
    /// What was found, and what was expected.
    pub message: String,
    /// What to do, or empty.
    pub hint: String,
}

impl Reject {
    /// A row from the error that an input gave.
    pub fn of(stage: &str, member: &str, error: &Error) -> Self {
        let mut message = error.message().to_string();
        for cause in error.causes() {
            message = format!("{message}: {cause}");
        }
        Reject {
            stage: stage.to_string(),
            path: error.file().map(|path| path.display().to_string()).unwrap_or_default(),
            member: member.to_string(),
            place: error.at().unwrap_or_default().to_string(),
            code: error.code(),
            message,
            hint: error.advice().unwrap_or_default().to_string(),
        }
    }
}

/// The columns of a table of rejects, all of them text.
pub const REJECT_COLUMNS: [&str; 7] = ["stage", "path", "member", "place", "code", "message", "hint"];

/// The rejects as a table, one row each, with the columns [`REJECT_COLUMNS`].
///
/// ```
/// use lgf::store::{Reject, rejects_table};
/// use lgf::error::{Code, Error};
///
/// let error = Error::new(Code::Xml, "xmin is \"abc\", expected an integer").path("a.tar.gz").place("line 14");
/// let table = rejects_table(&[Reject::of("boxes", "n01440764_10.xml", &error)])?;
/// assert_eq!(table.height(), 1);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Table`] if the table cannot be built.
pub fn rejects_table(rejects: &[Reject]) -> Result<DataFrame> {
    let texts = |name: &str, of: fn(&Reject) -> &str| -> Column {
        Column::new(name.into(), rejects.iter().map(of).collect::<Vec<&str>>())
    };
    let [stage, path, member, place, code, message, hint] = REJECT_COLUMNS;
    Ok(DataFrame::new(
        rejects.len(),
        vec![
            texts(stage, |row| &row.stage),
            texts(path, |row| &row.path),
            texts(member, |row| &row.member),
            texts(place, |row| &row.place),
            texts(code, |row| row.code.as_str()),
            texts(message, |row| &row.message),
            texts(hint, |row| &row.hint),
        ],
    )?)
}
