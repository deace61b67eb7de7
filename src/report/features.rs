//! The part of the page about what networks do without features.

use maud::{Markup, html};
use polars::prelude::DataFrame;

use super::frame::frame;
use super::page::{figure, folded};
use crate::analysis::{Analysed, BalanceRow, CutRow, FeatureCurveRow, RelianceDifferenceRow, RelianceRow};
use crate::error::Result;
use crate::plots::{Plot, Removed, feature_triangle, over_removed};
use crate::table::{Row, table};

table! {
    /// [`RelianceDifferenceRow`] and [`BalanceRow`] for a page.
    pub struct InWordsRow {
        /// What is compared.
        compared: String,
        /// The difference with its interval.
        difference: String as "difference (relative accuracy II)",
        /// Its p after Holm's correction.
        p: String as "p (Holm)",
    }
}

table! {
    /// [`CutRow`] for a page.
    pub struct CutInWordsRow {
        /// The network.
        model: String as "network",
        /// The feature.
        feature: String,
        /// Relative accuracy with equal tiles.
        equal: String as "no tile stays",
        /// With unequal ones.
        unequal: String as "as published",
        /// The difference with its interval.
        difference: String as "what the fault alone makes",
    }
}

/// What networks do without shape, texture or colour, if pictures without them were shown.
pub(super) fn features(analysed: &Analysed) -> Result<Option<Markup>> {
    let (Some(scores), Some(curves)) = (analysed.table("features"), analysed.table("feature_curves")) else {
        return Ok(None);
    };
    let (scores, curves) = (RelianceRow::rows(scores)?, FeatureCurveRow::rows(curves)?);
    let bars = scores.plot().title("What is left without each feature").draw("report_features")?;
    let triangle = feature_triangle(&scores).title("What networks rely on").draw("report_triangle");
    let first = scores.first().map(|row| row.model.clone()).unwrap_or_default();
    let texture: Vec<FeatureCurveRow> = curves
        .into_iter()
        .filter(|row| row.model == first && ["bilateral", "gaussian", "non-local means"].contains(&row.kind.as_str()))
        .collect();
    let strength = over_removed(&texture, Removed::Variance)
        .title(format!("{first}: three ways to take texture away, at equal strength"))
        .draw("report_strength");
    Ok(Some(html! {
        p {
            "Each picture was shown once more with one feature taken away: tiles of a 3 x 3 grid in another order (global shape), \
             of a 6 x 6 grid (local shape), a bilateral filter (texture), grey (colour). Relative accuracy I is the accuracy then \
             over that on untouched pictures; II is the same with chance taken from both. Published numbers of people and of a \
             ResNet-50 (Burgert et al. 2025) stand beside the run. They are of other photographs, and of tiles as published."
        }
        div.figures {
            (figure(&bars))
            @if let Ok(triangle) = &triangle { (figure(triangle)) }
            @if let Ok(strength) = &strength { (figure(strength)) }
        }
        @if let Some(table) = differences(analysed)? {
            (folded("which differ: networks and features, pair by pair", &frame(&table, "analysis/feature_differences.csv")))
        }
        @if let Some(table) = cuts(analysed)? {
            p {
                "How much of this the fault F1 alone makes: as published, tiles trade places with tiles of their own size only, \
                 and at 3 x 3 four of nine stay on average. The same networks and photographs, relative accuracy I both ways:"
            }
            (frame(&table, "analysis/feature_cuts.csv"))
        }
    }))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.2}"))
}

fn interval(value: Option<f64>, low: Option<f64>, high: Option<f64>) -> String {
    match (value, low.zip(high)) {
        (Some(value), Some((low, high))) => format!("{value:+.2} [{low:+.2}, {high:+.2}]"),
        (value, _) => number(value),
    }
}

fn differences(analysed: &Analysed) -> Result<Option<DataFrame>> {
    let mut rows = Vec::new();
    if let Some(table) = analysed.table("feature_differences") {
        rows.extend(RelianceDifferenceRow::rows(table)?.into_iter().map(|row| InWordsRow {
            compared: format!("without {}: {} less {}", row.feature.name(), row.first, row.second),
            difference: interval(row.difference, row.low, row.high),
            p: row.adjusted.map_or_else(|| "–".into(), |p| format!("{p:.4}")),
        }));
    }
    if let Some(table) = analysed.table("feature_balance") {
        rows.extend(BalanceRow::rows(table)?.into_iter().map(|row| InWordsRow {
            compared: format!("{}: without {} less without {}", row.model, row.first.name(), row.second.name()),
            difference: interval(row.difference, row.low, row.high),
            p: row.adjusted.map_or_else(|| "–".into(), |p| format!("{p:.4}")),
        }));
    }
    if rows.is_empty() { Ok(None) } else { InWordsRow::table(rows).map(Some) }
}

fn cuts(analysed: &Analysed) -> Result<Option<DataFrame>> {
    let Some(table) = analysed.table("feature_cuts") else { return Ok(None) };
    let row = |row: CutRow| CutInWordsRow {
        model: row.model,
        feature: row.feature.name().into(),
        equal: number(row.equal),
        unequal: number(row.unequal),
        difference: interval(row.difference, row.low, row.high),
    };
    let rows: Vec<CutInWordsRow> = CutRow::rows(table)?.into_iter().map(row).collect();
    if rows.is_empty() { Ok(None) } else { CutInWordsRow::table(rows).map(Some) }
}
