//! A struct a table: its fields are the columns, in order.

use polars::prelude::*;

use super::columns::column;
use crate::error::{Code, Error, Result};

/// What may stand in a cell of a table: how many of them make a column, and come out of one.
pub trait Cell: Sized {
    /// What it is, for messages: `text`, `a number`.
    const KIND: &'static str;

    /// A column of cells.
    fn column(name: &str, cells: Vec<Self>) -> Column;

    /// The cells of a column; `None` if it is of another type, or lacks a value that must be there.
    fn cells(column: &Column) -> Option<Vec<Self>>;

    /// Some cell, another for each number: for tests.
    #[cfg(test)]
    fn example(number: usize) -> Self;
}

/// A row of a table.
pub trait Row: Sized {
    /// The names of the columns, in order.
    const COLUMNS: &'static [&'static str];

    /// Rows as a table.
    ///
    /// # Errors
    /// [`Code::Table`] if polars refuses it.
    fn table(rows: Vec<Self>) -> Result<DataFrame>;

    /// The rows of a table; columns beside its own are passed over.
    ///
    /// # Errors
    /// [`Code::Table`] naming a column that is missing, or of another type.
    fn rows(table: &DataFrame) -> Result<Vec<Self>>;

    /// Some row, another for each number.
    #[cfg(test)]
    fn example(number: usize) -> Self;
}

/// The cells of the column of a name.
///
/// # Errors
/// [`Code::Table`] listing the columns there are, or with the type that was found and expected.
pub fn cells<C: Cell>(table: &DataFrame, name: &str) -> Result<Vec<C>> {
    let found = column(table, name)?;
    C::cells(found).ok_or_else(|| {
        let missing = if found.null_count() > 0 { " with missing values" } else { "" };
        Error::new(Code::Table, format!("column {name:?} is {}{missing}, expected {}", found.dtype(), C::KIND))
    })
}

impl Cell for String {
    const KIND: &'static str = "text";

    fn column(name: &str, cells: Vec<Self>) -> Column {
        Column::new(name.into(), cells)
    }

    fn cells(column: &Column) -> Option<Vec<Self>> {
        Some(column.str().ok()?.iter().map(|cell| cell.unwrap_or_default().to_string()).collect())
    }

    #[cfg(test)]
    fn example(number: usize) -> Self {
        format!("row {number}")
    }
}

impl Cell for bool {
    const KIND: &'static str = "true or false";

    fn column(name: &str, cells: Vec<Self>) -> Column {
        Column::new(name.into(), cells)
    }

    fn cells(column: &Column) -> Option<Vec<Self>> {
        Some(column.bool().ok()?.iter().map(|cell| cell.unwrap_or(false)).collect())
    }

    #[cfg(test)]
    fn example(number: usize) -> Self {
        number.is_multiple_of(2)
    }
}

/// A missing number is NaN.
impl Cell for f64 {
    const KIND: &'static str = "a number";

    fn column(name: &str, cells: Vec<Self>) -> Column {
        Column::new(name.into(), cells)
    }

    fn cells(column: &Column) -> Option<Vec<Self>> {
        Some(Option::<f64>::cells(column)?.into_iter().map(|cell| cell.unwrap_or(f64::NAN)).collect())
    }

    #[cfg(test)]
    fn example(number: usize) -> Self {
        number as f64 / 7.0
    }
}

impl Cell for Option<f64> {
    const KIND: &'static str = "a number";

    fn column(name: &str, cells: Vec<Self>) -> Column {
        Column::new(name.into(), cells)
    }

    fn cells(column: &Column) -> Option<Vec<Self>> {
        let numbers = column.cast(&DataType::Float64).ok()?;
        Some(numbers.f64().ok()?.iter().collect())
    }

    #[cfg(test)]
    fn example(number: usize) -> Self {
        (number > 1).then_some(number as f64 / 7.0)
    }
}

/// Whole numbers of some type: the column has that type, and is read from any that they fit in.
macro_rules! whole_numbers {
    ($($type:ty),*) => {$(
        impl Cell for $type {
            const KIND: &'static str = "a whole number";

            fn column(name: &str, cells: Vec<Self>) -> Column {
                Column::new(name.into(), cells)
            }

            fn cells(column: &Column) -> Option<Vec<Self>> {
                Option::<$type>::cells(column)?.into_iter().collect()
            }

            #[cfg(test)]
            fn example(number: usize) -> Self {
                number as $type
            }
        }

        impl Cell for Option<$type> {
            const KIND: &'static str = "a whole number";

            fn column(name: &str, cells: Vec<Self>) -> Column {
                Column::new(name.into(), cells)
            }

            fn cells(column: &Column) -> Option<Vec<Self>> {
                let numbers = column.cast(&DataType::Int64).ok()?;
                let fit = |cell: Option<i64>| cell.map(|cell| cell.try_into().ok()).map_or(Some(None), |cell| cell.map(Some));
                numbers.i64().ok()?.iter().map(fit).collect()
            }

            #[cfg(test)]
            fn example(number: usize) -> Self {
                (number > 1).then_some(number as $type)
            }
        }
    )*};
}
whole_numbers!(i32, i64);

/// An enum whose values stand in tables as text: the enum has `NAMES: &[(Self, &str)]`.
macro_rules! text_cell {
    ($type:ty) => {
        impl $crate::table::Cell for $type {
            const KIND: &'static str = concat!("text of the kind ", stringify!($type));

            fn column(name: &str, cells: Vec<Self>) -> polars::prelude::Column {
                let names: Vec<&str> = cells.iter().map(|cell| cell.name()).collect();
                polars::prelude::Column::new(name.into(), names)
            }

            fn cells(column: &polars::prelude::Column) -> Option<Vec<Self>> {
                let of = |text: Option<&str>| {
                    Self::NAMES.iter().find(|(_, name)| text == Some(*name)).map(|(value, _)| *value)
                };
                column.str().ok()?.iter().map(of).collect()
            }

            #[cfg(test)]
            fn example(number: usize) -> Self {
                Self::NAMES[number % Self::NAMES.len()].0
            }
        }

        impl $type {
            /// Its name in tables.
            pub fn name(self) -> &'static str {
                Self::NAMES.iter().find(|(value, _)| *value == self).map_or("", |(_, name)| *name)
            }
        }
    };
}
pub(crate) use text_cell;

/// Declares a row: a struct with public fields, each a column of its name (or of the name given by `as`).
///
/// ```text
/// table! {
///     /// One row a photograph.
///     pub struct EdgeRow {
///         /// Identity of the photograph.
///         file: String,
///         /// Share of the pixels that are edges, 0 to 1.
///         density: f64,
///     }
/// }
/// let table = EdgeRow::table(rows)?;
/// let rows = EdgeRow::rows(&table)?;
/// ```
macro_rules! table {
    ($(#[$doc:meta])* pub struct $row:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty $(as $name:literal)?,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $row { $($(#[$field_doc])* pub $field: $type,)* }

        impl $crate::table::Row for $row {
            const COLUMNS: &'static [&'static str] = &[$($crate::table::column_name!($field $($name)?)),*];

            fn table(rows: Vec<Self>) -> $crate::error::Result<polars::prelude::DataFrame> {
                let height = rows.len();
                $(let mut $field: Vec<$type> = Vec::with_capacity(height);)*
                for row in rows {
                    $($field.push(row.$field);)*
                }
                let columns = vec![$(
                    <$type as $crate::table::Cell>::column($crate::table::column_name!($field $($name)?), $field)
                ),*];
                Ok(polars::prelude::DataFrame::new(height, columns)?)
            }

            fn rows(table: &polars::prelude::DataFrame) -> $crate::error::Result<Vec<Self>> {
                $(let mut $field =
                    $crate::table::cells::<$type>(table, $crate::table::column_name!($field $($name)?))?.into_iter();)*
                let mut rows = Vec::with_capacity(table.height());
                while let ($(Some($field),)*) = ($($field.next(),)*) {
                    rows.push($row { $($field),* });
                }
                Ok(rows)
            }

            #[cfg(test)]
            fn example(number: usize) -> Self {
                $row { $($field: <$type as $crate::table::Cell>::example(number)),* }
            }
        }
    };
}
pub(crate) use table;

/// The name of a column: that of its field, unless it has another.
macro_rules! column_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}
pub(crate) use column_name;

/// Rows become a table and come back, column by column in their order: what every table is tried with.
#[cfg(test)]
pub(crate) fn comes_back<R: Row + Clone + PartialEq + std::fmt::Debug>() {
    let rows: Vec<R> = (1..5).map(R::example).collect();
    let table = R::table(rows.clone()).unwrap();
    let names: Vec<&str> = table.get_column_names().into_iter().map(|name| name.as_str()).collect();
    assert_eq!(names, R::COLUMNS);
    assert_eq!(R::rows(&table).unwrap(), rows);
    assert_eq!(R::rows(&R::table(Vec::new()).unwrap()).unwrap(), Vec::<R>::new());
    let less = DataFrame::new(table.height(), table.columns()[1..].to_vec()).unwrap();
    let error = R::rows(&less).unwrap_err().to_string();
    assert!(error.contains(&format!("no column {:?}", R::COLUMNS[0])), "{error}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    pub enum Place {
        Whole,
        Outside,
    }

    impl Place {
        const NAMES: &[(Place, &str)] = &[(Place::Whole, "whole"), (Place::Outside, "outside")];
    }
    text_cell!(Place);

    table! {
        /// A row with a cell of each kind.
        pub struct Each {
            /// Text.
            file: String,
            /// An enum.
            place: Place,
            /// A whole number.
            object: i32,
            /// A larger one.
            edges: i64,
            /// A whole number that may be missing.
            row: Option<i32>,
            /// A number.
            density: f64 as "density of edges",
            /// A number that may be missing.
            chance: Option<f64>,
            /// True or false.
            right: bool,
        }
    }

    #[test]
    fn every_kind_of_cell_comes_back() {
        comes_back::<Each>();
        let table = Each::table((0..3).map(Each::example).collect()).unwrap();
        assert_eq!(column(&table, "object").unwrap().dtype(), &DataType::Int32);
        assert_eq!(column(&table, "density of edges").unwrap().dtype(), &DataType::Float64);
    }

    #[test]
    fn a_column_of_another_type_is_named_with_both() {
        let table = df!("object" => ["x"]).unwrap();
        let error = cells::<i64>(&table, "object").unwrap_err().to_string();
        assert!(error.contains("\"object\" is str, expected a whole number"), "{error}");
        let error = cells::<i64>(&df!("n" => [Some(1i64), None]).unwrap(), "n").unwrap_err().to_string();
        assert!(error.contains("with missing values"), "{error}");
        let error = cells::<Place>(&df!("place" => ["whole", "beside"]).unwrap(), "place").unwrap_err().to_string();
        assert!(error.contains("Place"), "{error}");
        assert!(cells::<f64>(&df!("n" => [Some(1i64), None]).unwrap(), "n").unwrap()[1].is_nan());
    }
}
