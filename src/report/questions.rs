//! The questions of the study, each with what was concluded, its figures and its tables.

use maud::{Markup, html};
use polars::prelude::DataFrame;

use super::answers::{Answers, Asked};
use super::figures::Published;
use super::frame::{by_level, frame};
use super::page::{figure, folded};
use crate::analysis::{self, Analysed, BenchmarkRow, ConditionRow, ConsistencyRow, CurveRow, MeanRow, ShapeBiasRow};
use crate::error::{Code, Result};
use crate::observers::published_set;
use crate::plots::{
    Bar, Draft, LikePeople, OverLevels, Plot, bars_of, consistency_matrix, curves_of, like_people, over_all,
    over_levels, shape_bias_matrix,
};
use crate::table::Row;

/// A question of the study.
pub(super) struct Question {
    /// Its section.
    pub title: &'static str,
    /// What the answer is of, in the first paragraph.
    pub lead: &'static str,
    about: &'static str,
    /// What the names or claims of its conclusions have in them.
    words: &'static [&'static str],
    figures: &'static [Shown],
    tables: &'static [&'static str],
}

/// A figure of a question.
enum Shown {
    /// Means over levels from a table of the analysis; what its levels are.
    Curves { table: &'static str, title: &'static str, x: &'static str, y: Measure },
    /// A bar a network from the rows of such a table.
    Bars { table: &'static str, bars: Bars, title: &'static str, x: Measure },
    /// Whatever a table of the analysis is drawn as, a figure a set of stimuli.
    Drawn { table: &'static str, drafts: fn(&DataFrame) -> Result<Vec<Draft>> },
    /// One of the thesis' own.
    Thesis(&'static str),
}

/// A bar for each row of a table.
type Bars = fn(&DataFrame) -> Result<Vec<Bar>>;

/// What an axis measures.
enum Measure {
    /// What the protocol compares networks by.
    Chosen,
    Words(&'static str),
}

impl Measure {
    fn words(&self, chosen: analysis::Measure) -> &'static str {
        match self {
            Measure::Chosen => chosen.words(),
            Measure::Words(words) => words,
        }
    }
}

/// All of them, in the order of the page.
pub(super) const QUESTIONS: [Question; 6] = [
    Question {
        title: "Networks and people",
        lead: "Cue conflict",
        about: "Pictures with the outline of one category and the texture of another. Shape bias is the share of decisions for the \
                shape among those for the shape or the texture. Error consistency (kappa) is how far two observers err on the \
                same pictures: 0 is what independent ones share, 1 is all. Where no people decided, rules stand for them, and \
                are called so.",
        words: &["cue conflict", "shape bias", "error consistency"],
        figures: &[
            Shown::Drawn {
                table: "shape_bias",
                drafts: |table| {
                    let bars = |set: &str, rows: &[ShapeBiasRow]| {
                        let rows = over_all(rows);
                        let x = "shape decisions / (shape + texture decisions)";
                        rows.plot().title(format!("Shape bias, {set}")).x(x).size(560, 110 + 22 * rows.len() as u32)
                    };
                    Ok(by_set(ShapeBiasRow::rows(table)?, |row| &row.set, bars))
                },
            },
            Shown::Drawn {
                table: "shape_bias",
                drafts: |table| {
                    let matrix = |set: &str, rows: &[ShapeBiasRow]| {
                        shape_bias_matrix(rows).title(format!("Shape bias by category, {set}"))
                    };
                    Ok(by_set(ShapeBiasRow::rows(table)?, |row| &row.set, matrix))
                },
            },
            Shown::Drawn {
                table: "consistency",
                drafts: |table| {
                    let matrix = |set: &str, rows: &[ConsistencyRow]| {
                        consistency_matrix(rows)
                            .title(format!("Error consistency (kappa) of every two observers, {set}"))
                    };
                    Ok(by_set(ConsistencyRow::rows(table)?, |row| &row.set, matrix))
                },
            },
            Shown::Drawn {
                table: "like_people",
                drafts: |table| {
                    let rows = BenchmarkRow::rows(table)?;
                    let of = [
                        (LikePeople::Kappa, "Error consistency with people, or rules in their place", "mean kappa"),
                        (LikePeople::Observed, "Agreement on right and wrong", "mean share of trials"),
                        (LikePeople::AccuracyDifference, "Difference of accuracies", "mean squared difference"),
                        (LikePeople::MeanRank, "Mean rank by the three", "1: the most like people"),
                    ];
                    Ok(of.into_iter().map(|(what, title, x)| like_people(&rows, what).title(title).x(x)).collect())
                },
            },
            Shown::Drawn {
                table: "by_condition",
                drafts: |table| {
                    let lines = |set: &str, rows: &[ConditionRow]| {
                        let lines = over_levels(rows, OverLevels::Accuracy).title(format!("Accuracy, {set}"));
                        lines.x(level_of(set)).y("accuracy")
                    };
                    Ok(by_set(ConditionRow::rows(table)?, |row| &row.set, lines))
                },
            },
            Shown::Drawn {
                table: "by_condition",
                drafts: |table| {
                    let lines = |set: &str, rows: &[ConditionRow]| {
                        let lines = over_levels(rows, OverLevels::Kappa).title(format!("Error consistency, {set}"));
                        lines.x(level_of(set)).y("kappa")
                    };
                    Ok(by_set(ConditionRow::rows(table)?, |row| &row.set, lines))
                },
            },
        ],
        tables: &[
            "shape_bias",
            "shape_bias_differences",
            "consistency",
            "by_condition",
            "like_people",
            "like_people_differences",
        ],
    },
    Question {
        title: "Scrambled",
        lead: "Scrambled pictures",
        about: "Blocks of a picture in another order: outlines break, textures stay. The less a network falls, the less it needs \
                the whole.",
        words: &["scrambled"],
        figures: &[Shown::Curves {
            table: "scrambled",
            title: "Scrambled",
            x: "side of the blocks in pixels (0: untouched)",
            y: Measure::Chosen,
        }],
        tables: &["scrambled", "scrambled_drop"],
    },
    Question {
        title: "Smoothed",
        lead: "Smoothed pictures",
        about: "Textures go, outlines stay. The less a network falls, the less it needs textures.",
        words: &["smoothed"],
        figures: &[Shown::Curves {
            table: "smoothed",
            title: "Smoothed",
            x: "passes of smoothing (0: untouched)",
            y: Measure::Chosen,
        }],
        tables: &["smoothed", "smoothed_drop"],
    },
    Question {
        title: "What smoothing takes away",
        lead: "Pictures of what smoothing takes away",
        about: "The difference of a picture and its smoothed form: texture and high frequencies.",
        words: &["difference pictures"],
        figures: &[Shown::Bars {
            table: "difference",
            bars: |table| Ok(bars_of(&CurveRow::rows(table)?)),
            title: "What smoothing takes away",
            x: Measure::Chosen,
        }],
        tables: &["difference"],
    },
    Question {
        title: "Relevance and edges",
        lead: "Relevance on edges",
        about: "Where the pixels lie that speak for the class: the share of the most relevant tenth on edges, or on outlines, \
                less what chance gives.",
        words: &["relevance", "negative over positive", "share as many pixels", "differences are normal"],
        figures: &[
            Shown::Bars {
                table: "edges_beyond_chance",
                bars: |table| Ok(bars_of(&MeanRow::rows(table)?)),
                title: "Relevance on edges beyond chance",
                x: Measure::Words("share of the most relevant tenth"),
            },
            Shown::Bars {
                table: "outlines_beyond_chance",
                bars: |table| Ok(bars_of(&MeanRow::rows(table)?)),
                title: "Relevance on outlines beyond chance",
                x: Measure::Words("share of the most relevant tenth"),
            },
            Shown::Curves {
                table: "outlines_ranking",
                title: "Does relevance rank pixels near an outline first?",
                x: "distance from an outline in pixels, at most",
                y: Measure::Words("area under the ROC curve"),
            },
        ],
        tables: &[
            "edges_beyond_chance",
            "outlines_beyond_chance",
            "edges_positive",
            "edges_ranking",
            "outlines_ranking",
        ],
    },
    Question {
        title: "Patches",
        lead: "Effects of patches that add up",
        about: "Parts of a picture are hidden, one patch at a time and all at once. If the parts count by themselves, the \
                effects of single patches add up to the effect of all.",
        words: &["patches"],
        figures: &[Shown::Thesis("ptdcorr_analysis"), Shown::Thesis("log_difference")],
        tables: &["additivity", "interaction"],
    },
];

impl Question {
    /// Its rows of the conclusions.
    pub fn asked<'a>(&self, answers: &'a Answers) -> Vec<&'a Asked> {
        answers.asked.iter().filter(|asked| self.takes(asked)).collect()
    }

    /// Whether a conclusion is one of it.
    fn takes(&self, asked: &Asked) -> bool {
        self.words.iter().any(|words| asked.name.contains(words) || asked.claim.contains(words))
    }

    /// What it comes to, for the first paragraph: the first of its conclusions that decides, else the first that was measured.
    pub fn answer(&self, answers: &Answers) -> Option<String> {
        let own = self.asked(answers).into_iter().filter_map(|asked| answers.own(asked));
        let all: Vec<_> = own.filter(|answer| answer.measured()).collect();
        let told = all.iter().find(|answer| answer.decides()).or(all.first())?;
        Some(format!("{}: {}.", self.lead, told.in_words()))
    }

    /// Whether a table of the analysis stands in its section.
    pub fn shows(&self, table: &str) -> bool {
        self.tables.contains(&table)
    }

    /// Its section; nothing where the study has nothing of it.
    ///
    /// # Errors
    /// [`Code::Table`] if a column is missing.
    pub fn section(&self, sources: &Sources) -> Result<Option<Markup>> {
        let asked = self.asked(sources.answers);
        let mut figures = Vec::new();
        for shown in self.figures {
            figures.extend(shown.drawn(sources)?);
        }
        let tables: Vec<_> =
            self.tables.iter().filter_map(|name| Some((*name, sources.analysed.table(name)?))).collect();
        if asked.is_empty() && figures.is_empty() && tables.is_empty() {
            return Ok(None);
        }
        Ok(Some(html! {
            p { (self.about) }
            @if !figures.is_empty() { div.figures { @for one in &figures { (one) } } }
            @if !asked.is_empty() { (sources.answers.table(&asked)) }
            @for (name, table) in &tables {
                (folded(&table_in_words(name, sources.measure), &numbers(name, table)))
            }
        }))
    }
}

/// What sections are made from.
pub(super) struct Sources<'a> {
    pub analysed: &'a Analysed,
    pub answers: &'a Answers,
    pub thesis: &'a Published,
    /// The measure that networks are compared by.
    pub measure: analysis::Measure,
}

impl Shown {
    fn drawn(&self, sources: &Sources) -> Result<Option<Markup>> {
        let drafts = match self {
            Shown::Thesis(name) => {
                let plate = sources.thesis.plates.iter().find(|plate| plate.figure.name == *name);
                return Ok(plate.map(|plate| figure(&plate.figure)));
            }
            Shown::Drawn { table, drafts } => match sources.analysed.table(table) {
                Some(found) => drafts(found)?,
                None => return Ok(None),
            },
            Shown::Curves { table, title, x, y } => match sources.analysed.table(table) {
                Some(found) => {
                    vec![curves_of(&CurveRow::rows(found)?)?.plot().title(*title).x(*x).y(y.words(sources.measure))]
                }
                None => return Ok(None),
            },
            Shown::Bars { table, bars: rows, title, x } => match sources.analysed.table(table) {
                Some(found) => vec![bars(rows(found)?.plot().title(*title), x.words(sources.measure))],
                None => return Ok(None),
            },
        };
        let mut figures = Vec::new();
        for draft in drafts {
            match draft.draw("report") {
                Ok(drawn) => figures.push(figure(&drawn)),
                // No network has a finite value.
                Err(error) if error.code() == Code::Parameter => {}
                Err(error) => return Err(error),
            }
        }
        Ok((!figures.is_empty()).then(|| html! { @for one in &figures { (one) } }))
    }
}

/// A figure a set of stimuli.
fn by_set<R: Clone>(rows: Vec<R>, set: fn(&R) -> &String, draft: impl Fn(&str, &[R]) -> Draft) -> Vec<Draft> {
    let mut sets: Vec<(String, Vec<R>)> = Vec::new();
    for row in rows {
        match sets.iter_mut().find(|(name, _)| name == set(&row)) {
            Some((_, own)) => own.push(row),
            None => sets.push((set(&row).clone(), vec![row])),
        }
    }
    sets.iter().map(|(name, own)| draft(name, own)).collect()
}

/// What the conditions of a set are levels of.
fn level_of(set: &str) -> &'static str {
    published_set(set).map_or("condition", |published| published.level)
}

/// Two side by side.
fn bars(draft: Draft, x: &str) -> Draft {
    draft.x(x).size(450, 290)
}

/// A table of the analysis: means over levels with a column a level, others as they are.
pub(super) fn numbers(name: &str, table: &DataFrame) -> Markup {
    by_level(table).unwrap_or_else(|_| frame(table, &format!("analysis/{name}.csv")))
}

/// What a table of the analysis is of.
pub(super) fn table_in_words(name: &str, measure: analysis::Measure) -> String {
    let measure = measure.words();
    match name {
        "scrambled" | "smoothed" | "difference" => format!("{name}: {measure}"),
        "scrambled_drop" | "smoothed_drop" => {
            format!("{}: fall of the {measure} from the untouched picture", name.trim_end_matches("_drop"))
        }
        other => other.replace('_', " "),
    }
}
