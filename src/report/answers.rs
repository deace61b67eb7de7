//! What each set of choices says of each question, side by side.

use maud::{Markup, html};
use polars::prelude::DataFrame;

use super::frame::probability;
use crate::analysis::{Analysed, ConclusionRow, Quantity, Verdict, with_interval};
use crate::error::Result;
use crate::notebook::counted;
use crate::table::Row;

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    of: Quantity,
    n: i64,
    /// The effect, and the ends of its interval.
    effect: [f64; 3],
    p: f64,
    verdict: Verdict,
    says: String,
}

impl Answer {
    /// Whether one network is more, or what was asked holds or does not.
    pub fn decides(&self) -> bool {
        !matches!(self.verdict, Verdict::Unsaid | Verdict::NoDifference)
    }

    /// Whether anything was measured.
    pub fn measured(&self) -> bool {
        self.effect[0].is_finite() || self.p.is_finite()
    }

    /// In words, with the number where one network is more.
    pub fn in_words(&self) -> String {
        let [effect, low, high] = self.effect;
        match self.verdict {
            Verdict::First => format!("{}, by {}", self.says, on_one_line(&with_interval(effect, low, high))),
            Verdict::Second => format!("{}, by {}", self.says, on_one_line(&with_interval(-effect, -high, -low))),
            _ => self.says.clone(),
        }
    }

    fn cell(&self) -> Markup {
        let [effect, low, high] = self.effect;
        let mut numbers = Vec::new();
        if effect.is_finite() {
            numbers.push(with_interval(effect, low, high));
        }
        if self.p.is_finite() {
            numbers.push(probability(self.p));
        }
        numbers.push(format!("n = {}", self.n));
        html! {
            @if self.decides() { b { (self.says) } } @else { (self.says) }
            br;
            small { (numbers.join("; ")) br; (self.of.name()) }
        }
    }
}

/// A question with an answer a column, where there is one.
pub(super) struct Asked {
    /// Its name.
    pub name: String,
    /// What is claimed.
    pub claim: String,
    answers: Vec<Option<Answer>>,
}

impl Asked {
    /// Why nothing was measured by any choices, if so.
    fn unsaid(&self) -> Option<&str> {
        let mut answers = self.answers.iter().flatten();
        if answers.clone().any(Answer::measured) { None } else { answers.next().map(|answer| answer.says.as_str()) }
    }

    /// Whether two columns answer otherwise.
    fn differs(&self) -> bool {
        (1..self.answers.len()).any(|other| self.differ(0, other))
    }

    fn differ(&self, one: usize, other: usize) -> bool {
        let verdict = |place: usize| self.answers[place].as_ref().map(|answer| &answer.verdict);
        verdict(one).zip(verdict(other)).is_some_and(|(one, other)| one != other)
    }
}

/// All questions, and by which choices they were answered.
pub(super) struct Answers {
    columns: Vec<String>,
    /// The column of the protocol of the report.
    own: usize,
    /// In the order of the analysis.
    pub asked: Vec<Asked>,
}

impl Answers {
    /// From the conclusions of an analysis: published beside corrected, and those of the protocol where they are neither.
    ///
    /// # Errors
    /// [`crate::error::Code::Table`] if a column is missing.
    pub fn of(analysed: &Analysed) -> Result<Self> {
        let mut columns: Vec<(String, &DataFrame)> = Vec::new();
        for (name, words) in [("conclusions_published", "published"), ("conclusions_corrected", "corrected")] {
            columns.extend(analysed.table(name).map(|table| (words.to_string(), table)));
        }
        let mut own = columns.len().saturating_sub(1);
        if let Some(table) = analysed.table("conclusions") {
            own = columns.iter().position(|(_, other)| table.equals_missing(other)).unwrap_or(columns.len());
            if own == columns.len() {
                columns.push(("protocol's own".into(), table));
            }
        }
        let mut asked: Vec<Asked> = Vec::new();
        for (place, (_, table)) in columns.iter().enumerate() {
            for (name, claim, answer) in rows(table)? {
                let there = asked.iter().position(|one| (&one.name, &one.claim) == (&name, &claim));
                let row = there.unwrap_or_else(|| {
                    asked.push(Asked { name, claim, answers: vec![None; columns.len()] });
                    asked.len() - 1
                });
                asked[row].answers[place] = Some(answer);
            }
        }
        Ok(Answers { columns: columns.into_iter().map(|(words, _)| words).collect(), own, asked })
    }

    /// What the protocol of the report says of a question.
    pub fn own<'a>(&self, asked: &'a Asked) -> Option<&'a Answer> {
        asked.answers.get(self.own)?.as_ref()
    }

    /// How many have an answer that decides, and how many others answer otherwise.
    pub fn count(&self) -> String {
        let decided = self.asked.iter().filter(|asked| self.own(asked).is_some_and(Answer::decides)).count();
        let own = self.columns.get(self.own).map_or("", String::as_str);
        let mut out = format!("The {own} analysis decides {decided} of {}", counted(self.asked.len(), "question"));
        for (other, words) in self.columns.iter().enumerate().filter(|(other, _)| *other != self.own) {
            let differ = self.asked.iter().filter(|asked| asked.differ(self.own, other)).count();
            out.push_str(&format!("; the {words} one answers {differ} otherwise"));
        }
        out + "."
    }

    /// Why nothing at all was measured, if so.
    pub fn nothing(&self) -> Option<&str> {
        let first = self.asked.first()?.unsaid()?;
        self.asked.iter().all(|asked| asked.unsaid().is_some()).then_some(first)
    }

    /// A table of some of them; those of which nothing was measured are named below it with the reason.
    pub fn table(&self, asked: &[&Asked]) -> Markup {
        let (unsaid, said): (Vec<&Asked>, Vec<&Asked>) = asked.iter().partition(|asked| asked.unsaid().is_some());
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for one in unsaid {
            let why = one.unsaid().unwrap_or_default();
            match reasons.iter_mut().find(|(other, _)| *other == why) {
                Some((_, names)) => names.push(&one.name),
                None => reasons.push((why, vec![&one.name])),
            }
        }
        html! {
            @if !said.is_empty() {
                div.wide {
                    table.answers {
                        thead { tr { th { "question" } @for column in &self.columns { th { (column) } } } }
                        tbody { @for one in said { (row(one)) } }
                    }
                }
            }
            @for (why, names) in &reasons { p.note { (names.join("; ")) ": " (why.trim_start_matches(UNSAID)) } }
        }
    }
}

/// How the words of a conclusion begin that is none.
const UNSAID: &str = "cannot be said: ";

fn on_one_line(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

fn row(one: &Asked) -> Markup {
    html! {
        tr.differs[one.differs()] {
            td { (one.name) br; small { (one.claim) } }
            @for answer in &one.answers { td { @if let Some(answer) = answer { (answer.cell()) } @else { "–" } } }
        }
    }
}

fn rows(table: &DataFrame) -> Result<Vec<(String, String, Answer)>> {
    let row = |row: ConclusionRow| {
        let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let answer = Answer {
            of: row.of,
            n: row.n,
            effect: [number(row.effect), number(row.low), number(row.high)],
            p: number(row.adjusted),
            verdict: row.verdict,
            says: row.says,
        };
        (row.conclusion, row.claim, answer)
    };
    Ok(ConclusionRow::rows(table)?.into_iter().map(row).collect())
}
