//! Tables and figures of the analysis as one page, and the figures of the thesis by their names.
//!
//! ```no_run
//! use lgf::{protocol, report, store::Store};
//!
//! let store = Store::open()?;
//! let page = report::write(&store, &protocol::corrected())?;
//! println!("{}", page.display());
//! # Ok::<(), lgf::Error>(())
//! ```

mod ablation;
mod figures;
mod page;

pub use ablation::ablation_figure;
pub use figures::{Plate, Published, published_figures};

use std::path::PathBuf;

use crate::analysis::{answer_in_words, measure_in_words, write_all};
use crate::error::{Code, Result};
use crate::protocol::Protocol;
use crate::store::Store;
use ablation::{LETTERS, without_effect};
use page::Page;

/// Step 6 as one HTML file, `report.html` in the data root, which needs no other: methods, what is true by construction beside
/// what was measured, conclusions as published next to corrected, the thesis' tests beside their printed numbers, every
/// table, the 31 figures, the ablation where it was run, and what is missing and why. Each figure is also written to
/// `figures/<name>` as SVG, PNG and PDF, with its numbers as a table.
///
/// # Errors
/// [`Code::Missing`] if a step has not run; [`Code::Io`] if the root
/// cannot be written.
pub fn write(store: &Store, protocol: &Protocol) -> Result<PathBuf> {
    let analysed = write_all(store, &protocol.analysis)?;
    let Published { plates, gaps } = published_figures(store)?;
    for plate in &plates {
        let name = format!("figures/{}", plate.figure.name);
        // A density has a row for each pixel: too many for text.
        if plate.data.height() > 20_000 {
            store.write_parquet(&name, &plate.data)?;
        } else {
            store.write_table(&name, &plate.data)?;
        }
        plate.figure.save(store.path("figures"))?;
    }
    let mut page = Page::new("Local texture or global shape");
    page.methods(protocol)?;
    page.section("What is true by construction, and what was measured");
    page.text(
        "The networks of the sample were trained so that some of what the instrument measures is known. If one of these \
         rows did not hold, the instrument would be wrong. In brackets are 95 % intervals; the difference is the second \
         network less the first, and a row is undecided where the interval of its difference covers 0. For photographs and \
         networks of your own there is no such table.",
    );
    match analysed.table("known_answer") {
        Some(answer) => page.frame("known_answer", &answer_in_words(answer)?),
        None => page.table("known_answer", &analysed),
    }
    page.section("Conclusions");
    page.text(
        "By this protocol, then as published and corrected: the same questions, asked of the same predictions and maps.",
    );
    for name in ["conclusions", "conclusions_published", "conclusions_corrected"] {
        page.table(name, &analysed);
    }
    page.section("The tests of the thesis beside their printed numbers");
    page.table("published_tests", &analysed);
    page.section("Ablation");
    match store.table("ablation") {
        Ok(ablation) => {
            page.figure(&store.keep(ablation_figure(&ablation)?.draw("ablation")?)?);
            page.text(LETTERS);
            for note in without_effect(&ablation)? {
                page.text(&note);
            }
            page.frame("ablation", &ablation);
        }
        Err(error) if error.code() == Code::Missing => page.text("Not run: lgf ablate"),
        Err(error) => return Err(error),
    }
    page.section("Figures of the thesis");
    for plate in &plates {
        page.figure(&plate.figure);
    }
    for (name, why) in &gaps {
        page.text(&format!("{name}: not drawn, {why}"));
    }
    page.section("All other tables");
    const SHOWN: [&str; 5] =
        ["known_answer", "conclusions", "conclusions_published", "conclusions_corrected", "published_tests"];
    let measure = measure_in_words(&protocol.analysis.measure);
    for (name, table) in analysed.tables.iter().filter(|(name, _)| !SHOWN.contains(&name.as_str())) {
        match name.as_str() {
            "scrambled" | "smoothed" | "difference" => page.frame(&format!("{name}: {measure}"), table),
            "scrambled_drop" | "smoothed_drop" => {
                page.frame(&format!("{name}: fall of the {measure} from the untouched picture"), table)
            }
            _ => page.frame(name, table),
        }
    }
    for (name, why) in analysed.gaps.iter().filter(|(name, _)| !SHOWN.contains(&name.as_str())) {
        page.text(&format!("{name}: not made, {why}"));
    }
    store.write("report.html", page.finish().as_bytes())
}
