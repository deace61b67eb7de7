//! The part of the page about maps and their metrics, if they were judged.

use maud::{Markup, html};

use super::frame::frame;
use super::page::{figure, folded};
use crate::analysis::with_interval;
use crate::error::Result;
use crate::files::Store;
use crate::judge::{self, FollowsRow, MethodRow, MetricRow};
use crate::plots::{Bar, Plot};
use crate::table::{Row, table};

table! {
    /// [`MetricRow`] for a page.
    pub struct MetricInWordsRow {
        /// The metric.
        metric: String,
        /// How well it knows the truth.
        knows: String as "rank correlation with the truth",
        /// The method that it finds best.
        best: String as "finds best",
        /// Where it puts the edge detector.
        edges: Option<f64> as "place of the edge detector",
        /// And maps at random.
        random: Option<f64> as "place of maps at random",
        /// Of how many.
        methods: i64 as "ways to a map",
        /// How many networks it was asked of.
        networks: i64,
    }
}

table! {
    /// [`MethodRow`] for a page.
    pub struct MethodInWordsRow {
        /// The method.
        method: String,
        /// How true it is.
        agreement: String,
        /// How much truer than an edge detector.
        beyond: String as "beyond the edge detector",
    }
}

table! {
    /// [`FollowsRow`] for a page.
    pub struct FollowsInWordsRow {
        /// The method, or all together.
        method: String,
        /// How many maps.
        maps: i64,
        /// Over everything.
        pooled: String as "over everything",
        /// Over networks.
        between: String as "from network to network",
        /// Over photographs.
        within: String as "from photograph to photograph of one network",
    }
}

/// What was found when metrics of maps were judged; nothing if they were not.
pub(super) fn judged(store: &Store) -> Result<Option<Markup>> {
    let Some(verdict) = judge::judged(store)? else { return Ok(None) };
    let metrics = store.keep(
        bars(&verdict.of_metrics(), "Which metric knows the true order of methods?")
            .x("rank correlation with the truth")
            .draw("judge_metrics")?,
    )?;
    let methods = store.keep(
        bars(&verdict.of_methods(), "How true are the maps of each method?")
            .x("agreement of relevance with effect")
            .draw("judge_methods")?,
    )?;
    let metric = |row: &MetricRow| MetricInWordsRow {
        metric: row.metric.clone(),
        knows: with_interval(row.correlation, row.low, row.high),
        best: row.best.clone(),
        edges: row.edges,
        random: row.random,
        methods: row.methods,
        networks: row.networks,
    };
    let method = |row: &MethodRow| MethodInWordsRow {
        method: row.method.clone(),
        agreement: with_interval(row.agreement, row.low, row.high),
        beyond: known(row.beyond_edges, row.beyond_low, row.beyond_high),
    };
    let follows = |row: &FollowsRow| FollowsInWordsRow {
        method: row.method.clone(),
        maps: row.maps,
        pooled: known(row.pooled, row.pooled_low, row.pooled_high),
        between: known(row.between, row.between_low, row.between_high),
        within: known(row.within, row.within_low, row.within_high),
    };
    let by_metric = MetricInWordsRow::table(verdict.metrics.iter().map(metric).collect())?;
    let by_method = MethodInWordsRow::table(verdict.methods.iter().map(method).collect())?;
    let by_place = FollowsInWordsRow::table(verdict.follows.iter().map(follows).collect())?;
    Ok(Some(html! {
        p { (verdict.in_short()) }
        p {
            "Drawings have a truth: the outline alone was exchanged, the texture alone, the ground alone, and how far the logit \
             fell each time is what each is worth to the network. A map agrees with it as far as its positive relevance lies on \
             the three in the same shares (1: the same; 0: nothing in common). A metric knows it as far as its order of methods \
             is the order of their agreement, network by network. Intervals are 95 %, over photographs. The networks are \
             those that come with the project, whatever the study is."
        }
        div.figures { (figure(&metrics)) (figure(&methods)) }
        (frame(&by_metric, "judge_metrics.csv"))
        (folded("methods", &frame(&by_method, "judge_methods.csv")))
        p {
            "Does relevance go where the effect is? Rank correlations of the outline's share of relevance with its share of the \
             effect, each of outline and texture together: over everything, over networks alone (their means), and over the \
             photographs of one network (the mean). What maps at random have comes of areas alone."
        }
        (folded("where relevance goes", &frame(&by_place, "judge_follows.csv")))
    }))
}

/// A value with its interval, if there is one.
fn known(value: Option<f64>, low: Option<f64>, high: Option<f64>) -> String {
    let [value, low, high] = [value, low, high].map(|number| number.unwrap_or(f64::NAN));
    with_interval(value, low, high)
}

fn bars(bars: &[Bar], title: &str) -> crate::plots::Draft {
    bars.plot().title(title).size(760, 70 + 24 * bars.len() as u32)
}
