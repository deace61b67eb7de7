//! All that is shown in a notebook or printed on a terminal; the only room that prints.
//!
//! A cell of the evcxr kernel shows its last expression through `evcxr_display()`. The types of this room have that
//! method; the [prelude](crate::prelude) gives it to everything else, by [`Show`] where a type has that and by `Debug`
//! where not, so that a cell may end in `table`, `figure`, a picture or a number alike:
//!
//! ```
//! use lgf::notebook::{Show, show};
//! use polars::prelude::*;
//!
//! let table = df!("model" => ["vgg16", "resnet50"], "top1" => [0.7159, 0.7613]).unwrap();
//! assert!(table.html().contains("2 of 2 rows"));
//! let both = show(&[&"accuracy on the validation images".to_string(), &table]);
//! assert!(both.text().contains("0.7613"));
//! ```
//!
//! # What the kernel asks of us
//! Output is read line by line. A line that contains `EVCXR_BEGIN_CONTENT` opens a block, and text without a newline at
//! its end hangs the cell. So everything that leaves here ends in a newline, is UTF-8 (file names are shown with
//! replacement characters), and has that prefix taken out of whatever it quotes. A cell sends one bundle: of two
//! blocks with the same type the second wins, so several things are shown as one block, by [`show`].
//!
//! The project's own kernel asks for more, by its environment: with `LGF_PROGRESS=rewrite` a stage's progress is one line,
//! each state of it from a carriage return to a newline, the last with a carriage return before the newline, too, which says
//! that it stays; with `LGF_KERNEL=own` the line `LGF_CELL_FAILED` comes after an error that ends a cell as its value.
//!
//! Outside a kernel the same calls print the plain text.

mod figure;
mod grid;
mod interrupt;
mod path;
mod picture;
mod plain;
mod print;
mod progress;
mod show;
mod single;
mod slider;
mod table;
#[cfg(feature = "torch")]
mod tensor;

pub use figure::{Drawn, Figure, Form};
pub use grid::{Grid, Picture};
pub use interrupt::{EXIT_STOPPED, Interrupt, go_on, stop_on_signals};
pub(crate) use path::link;
pub(crate) use picture::data_uri;
pub use picture::png;
pub(crate) use plain::Plain;
pub use print::{say, warn};
pub use progress::{Progress, Stage, Summary};
pub(crate) use show::display;
pub use show::{Html, Show, or_say, show};
pub(crate) use single::{Single, size_in_words};
pub use slider::Slider;
pub use table::{counted, format_count, format_number, table, whole_table};
