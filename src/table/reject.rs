//! What a stage skipped, and why: one row each.

use polars::prelude::*;

use super::row::{Cell, Row, table};
use crate::error::{Code, Error, Result};

table! {
    /// One input that a stage skipped (or took with a remark), and the reason.
    pub struct Reject {
        /// The step of the sequence: `boxes`, `subset`, `edges`, …
        stage: String,
        /// The file.
        path: String,
        /// The member of the archive, or empty.
        member: String,
        /// The place in it: a line, a byte, an object; or empty.
        place: String,
        /// What kind of fault it was.
        code: Code,
        /// What was found, and what was expected.
        message: String,
        /// What to do, or empty.
        hint: String,
    }
}

impl Cell for Code {
    const KIND: &'static str = "the code of an error";

    fn column(name: &str, cells: Vec<Self>) -> Column {
        Column::new(name.into(), cells.iter().map(|code| code.as_str()).collect::<Vec<_>>())
    }

    fn cells(column: &Column) -> Option<Vec<Self>> {
        column.str().ok()?.iter().map(|text| Code::ALL.into_iter().find(|code| Some(code.as_str()) == text)).collect()
    }

    #[cfg(test)]
    fn example(number: usize) -> Self {
        Code::ALL[number % Code::ALL.len()]
    }
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

/// The rejects as a table, one row each, as [`Reject`] has them.
///
/// ```
/// use lgf::table::{Reject, rejects_table};
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
    Reject::table(rejects.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_come_back_from_their_table() {
        super::super::comes_back::<Reject>();
    }
}
