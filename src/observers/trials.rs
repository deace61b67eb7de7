//! The decisions of all observers on the same pictures.

use std::collections::{BTreeSet, HashMap};

use super::file::{Decision, check_names_of};
use super::scoring::Ties;
use crate::error::{Code, Error, Result, listed};
use crate::notebook::{counted, warn};
use crate::study::{NO_CONDITION, cue_category, cues, identity, short_name};
use crate::table::{ObservedRow, ObserverKind, Scoring};

/// What an observer said of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It did not see the picture.
    Unseen,
    /// It saw it and gave no answer.
    Missed,
    /// A category, by its place.
    Category(usize),
}

/// A picture that observers decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialPicture {
    /// What it is known by.
    pub image: String,
    /// The condition.
    pub condition: String,
    /// What it shows; of two cues, the shape's category: a place among the categories.
    pub category: usize,
    /// The texture's category, of pictures of two cues.
    pub texture: Option<usize>,
    /// The pictures that shape and texture are from, as `airplane1` and `bicycle2`.
    pub sources: Option<[String; 2]>,
}

/// An observer and its answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Observer {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ObserverKind,
    /// One answer a picture.
    pub answers: Vec<Answer>,
    /// Trials on which several categories tied.
    pub tied: usize,
    /// 1 / rank of the best class of the shape's category and of the texture's, one a picture, of a network where it is known.
    pub ranks: Option<Vec<[f64; 2]>>,
}

/// The decisions of all observers on one set of stimuli.
#[derive(Debug, Clone, PartialEq)]
pub struct Trials {
    /// The set.
    pub set: String,
    /// What an observer chooses among.
    pub categories: Vec<String>,
    /// All pictures, by condition, category and name.
    pub pictures: Vec<TrialPicture>,
    /// All observers, in the order in which they were given.
    pub observers: Vec<Observer>,
}

/// What all observers of a kind are called together, and what a mean over conditions is.
pub const RESERVED: [&str; 2] = ["people", "rules"];

/// Whether decision files write of a person, by the field's convention: `subject-01`.
pub(super) fn kind_of(name: &str) -> ObserverKind {
    if name.starts_with("subject-") { ObserverKind::Person } else { ObserverKind::Network }
}

/// What a network's rows come to by a scoring and a rule for ties, as trials in their order; and on how many categories tied.
pub fn decisions_of(rows: &[ObservedRow], model: &str, scoring: Scoring, ties: Ties) -> (Vec<Decision>, usize) {
    let own = || rows.iter().filter(|row| row.model == model && row.scoring == scoring);
    let answer = |row: &ObservedRow| {
        let answers = !row.response.is_empty() && (ties == Ties::First || row.tied == 1);
        answers.then(|| row.response.as_str().into())
    };
    let decision = |(place, row): (usize, &ObservedRow)| Decision {
        observer: model.into(),
        session: "1".into(),
        trial: place as u32 + 1,
        rt: f64::NAN,
        response: answer(row),
        category: row.category.as_str().into(),
        condition: row.condition.as_str().into(),
        imagename: row.image.clone(),
    };
    (own().enumerate().map(decision).collect(), own().filter(|row| row.tied > 1).count())
}

/// A picture's key: condition, category, and what it is known by.
type Key<'a> = (&'a str, &'a str, &'a str);
/// The same, kept: condition, the category's place, and what it is known by.
type OwnKey = (String, usize, String);
/// The texture's category and the sources of shape and texture.
type TwoCues = (usize, [String; 2]);

impl Trials {
    /// The trials of some observers, matched by condition, category and the [`identity`] of a picture's name (by the whole name,
    /// where two pictures of an observer share an identity). Where each observer has but one condition, and at most one of
    /// their names is one (not `0`, `NaN` and the like), they are one. `rule` marks observers that are none but a rule.
    ///
    /// # Errors
    /// [`Code::Table`] for doubled trials, with how many and the first; for a category or response that is none of
    /// `categories`; [`Code::Parameter`] for no trial.
    pub fn of(set: &str, categories: &[String], decisions: &[Decision], rule: bool) -> Result<Self> {
        if decisions.is_empty() {
            return Err(Error::new(Code::Parameter, format!("no decision on {set}")));
        }
        check_names_of(decisions, categories)?;
        let mut names: Vec<&str> = Vec::new();
        let mut number: HashMap<&str, usize> = HashMap::new();
        for one in decisions {
            number.entry(&one.observer).or_insert_with(|| {
                names.push(&one.observer);
                names.len() - 1
            });
        }
        if let Some(name) = names.iter().find(|name| RESERVED.contains(name)) {
            return Err(Error::new(
                Code::Parameter,
                format!("an observer of {set} is called {name:?}, as all of a kind are"),
            )
            .hint("give it another name"));
        }
        let whole = shares_identities(decisions);
        let one_condition = one_condition(decisions, names.len());
        let key = |one: &'_ Decision| -> OwnKey {
            let condition = one_condition.clone().unwrap_or_else(|| one.condition.to_string());
            let image = if whole { &one.imagename } else { identity(&one.imagename) };
            let category = categories.iter().position(|name| **name == *one.category).unwrap_or(0);
            (condition, category, image.to_string())
        };
        let keys: Vec<OwnKey> = decisions.iter().map(key).collect();
        let sorted: BTreeSet<&OwnKey> = keys.iter().collect();
        let places: HashMap<&OwnKey, usize> = sorted.iter().enumerate().map(|(place, key)| (*key, place)).collect();
        let mut answers = vec![vec![Answer::Unseen; sorted.len()]; names.len()];
        let mut doubled: Option<(usize, &Decision)> = None;
        let category_of: HashMap<&str, usize> =
            categories.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        for (one, key) in decisions.iter().zip(&keys) {
            let answer = &mut answers[number[&*one.observer]][places[key]];
            if *answer != Answer::Unseen {
                doubled.get_or_insert((0, one)).0 += 1;
            }
            *answer = match &one.response {
                Some(name) => Answer::Category(category_of[&**name]),
                None => Answer::Missed,
            };
        }
        if let Some((count, first)) = doubled {
            let found = format!(
                "{} of {} are there twice, the first {} in condition {} of {}",
                count,
                counted(decisions.len(), "trial"),
                first.imagename,
                first.condition,
                first.observer
            );
            return Err(Error::new(Code::Table, found)
                .hint("each observer decides once on a picture of a condition; give a file once, and observers names of their own"));
        }
        let pictures = with_cues(&sorted, categories);
        let observer = |(name, answers): (&str, Vec<Answer>)| Observer {
            name: name.to_string(),
            kind: if rule { ObserverKind::Rule } else { kind_of(name) },
            answers,
            tied: 0,
            ranks: None,
        };
        let observers = names.into_iter().zip(answers).map(observer).collect();
        Ok(Trials { set: set.to_string(), categories: categories.to_vec(), pictures, observers })
    }

    /// These and others on the same set, as one. An observer of the same name is there once: the first counts.
    ///
    /// # Errors
    /// [`Code::Parameter`] if their categories differ.
    pub fn joined(mut self, other: Trials) -> Result<Self> {
        if self.categories != other.categories {
            return Err(Error::new(Code::Parameter, format!("decisions on {} among other categories", self.set)));
        }
        let mut conditions: BTreeSet<&str> = BTreeSet::new();
        let own: BTreeSet<&str> = self.pictures.iter().map(|picture| picture.condition.as_str()).collect();
        conditions.extend(other.pictures.iter().map(|picture| picture.condition.as_str()));
        let named: BTreeSet<&&str> = own.iter().chain(&conditions).filter(|name| !is_none(name)).collect();
        let same = own.len() == 1 && conditions.len() == 1 && named.len() < 2;
        let name = own.first().map(|name| name.to_string()).unwrap_or_default();
        let key = |picture: &TrialPicture| {
            let condition = if same { name.clone() } else { picture.condition.clone() };
            (condition, picture.category, picture.image.clone())
        };
        let mut places: HashMap<OwnKey, usize> =
            self.pictures.iter().enumerate().map(|(place, picture)| (key(picture), place)).collect();
        let mut to = Vec::with_capacity(other.pictures.len());
        for picture in &other.pictures {
            let key = key(picture);
            let place = *places.entry(key.clone()).or_insert_with(|| {
                self.pictures.push(TrialPicture { condition: key.0, ..picture.clone() });
                self.pictures.len() - 1
            });
            to.push(place);
        }
        let count = self.pictures.len();
        self.observers.iter_mut().for_each(|observer| observer.answers.resize(count, Answer::Unseen));
        for observer in other.observers {
            if self.observers.iter().any(|own| own.name == observer.name) {
                warn(&format!("{}: {} decided twice, and the second time is left out", self.set, observer.name));
                continue;
            }
            let mut answers = vec![Answer::Unseen; count];
            to.iter().zip(&observer.answers).for_each(|(place, answer)| answers[*place] = *answer);
            let ranks = observer.ranks.map(|ranks| {
                let mut own = vec![[f64::NAN; 2]; count];
                to.iter().zip(ranks).for_each(|(place, ranks)| own[*place] = ranks);
                own
            });
            self.observers.push(Observer { answers, ranks, ..observer });
        }
        for observer in &mut self.observers {
            if let Some(ranks) = &mut observer.ranks {
                ranks.resize(count, [f64::NAN; 2]);
            }
        }
        Ok(self)
    }

    /// A network's trials by a scoring, with its ranks and ties.
    ///
    /// # Errors
    /// As [`Trials::of`].
    pub fn of_networks(
        set: &str,
        categories: &[String],
        rows: &[ObservedRow],
        (scoring, ties): (Scoring, Ties),
    ) -> Result<Self> {
        let mut models: Vec<&str> = Vec::new();
        for row in rows {
            if models.last() != Some(&row.model.as_str()) && !models.contains(&row.model.as_str()) {
                models.push(&row.model);
            }
        }
        let scored: Vec<(Vec<Decision>, usize)> =
            models.iter().map(|model| decisions_of(rows, model, scoring, ties)).collect();
        let all: Vec<Decision> = scored.iter().flat_map(|(decisions, _)| decisions.iter().cloned()).collect();
        let mut trials = Trials::of(set, categories, &all, false)?;
        let places: HashMap<Key<'_>, usize> = trials
            .pictures
            .iter()
            .enumerate()
            .map(|(place, one)| {
                ((one.condition.as_str(), categories[one.category].as_str(), one.image.as_str()), place)
            })
            .collect();
        let mut ranks = vec![vec![[f64::NAN; 2]; trials.pictures.len()]; models.len()];
        for row in rows.iter().filter(|row| row.scoring == Scoring::Rank) {
            let place = [row.image.as_str(), identity(&row.image)]
                .into_iter()
                .find_map(|image| places.get(&(row.condition.as_str(), row.category.as_str(), image)));
            if let (Some(place), Some(model)) = (place, models.iter().position(|model| *model == row.model)) {
                ranks[model][*place] = [row.category_score, row.texture_score.unwrap_or(f64::NAN)];
            }
        }
        for ((observer, (_, tied)), ranks) in trials.observers.iter_mut().zip(&scored).zip(ranks) {
            observer.kind = ObserverKind::Network;
            observer.tied = *tied;
            observer.ranks = Some(ranks);
        }
        Ok(trials)
    }

    /// The conditions, in order.
    pub fn conditions(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for picture in &self.pictures {
            if !found.contains(&picture.condition.as_str()) {
                found.push(&picture.condition);
            }
        }
        found
    }

    /// Whether all pictures are of two cues.
    pub fn has_cues(&self) -> bool {
        !self.pictures.is_empty() && self.pictures.iter().all(|picture| picture.texture.is_some())
    }

    /// Whether an observer is right on a picture: it answered with what the picture shows.
    pub fn is_right(&self, observer: usize, picture: usize) -> bool {
        self.observers[observer].answers[picture] == Answer::Category(self.pictures[picture].category)
    }

    /// The pictures of a condition that all of some observers saw.
    pub fn shared(&self, condition: &str, observers: &[usize]) -> Vec<usize> {
        let seen = |picture: usize| {
            self.pictures[picture].condition == condition
                && observers.iter().all(|&one| self.observers[one].answers[picture] != Answer::Unseen)
        };
        (0..self.pictures.len()).filter(|&picture| seen(picture)).collect()
    }

    /// Of each observer that has not seen pictures that another has, in words: how many, and the first.
    pub fn unseen(&self) -> Vec<String> {
        let of = |observer: &Observer| {
            let absent =
                || observer.answers.iter().zip(&self.pictures).filter(|(answer, _)| **answer == Answer::Unseen);
            let (_, first) = absent().next()?;
            let of = counted(self.pictures.len(), "picture");
            Some(format!(
                "{} has not decided on {} of {of} that others have, the first {} in condition {}: only shared pictures \
                 are compared",
                observer.name,
                absent().count(),
                first.image,
                first.condition
            ))
        };
        self.observers.iter().filter_map(of).collect()
    }

    /// The observer of a name.
    ///
    /// # Errors
    /// [`Code::Model`] listing the names there are.
    pub fn observer(&self, name: &str) -> Result<usize> {
        self.observers.iter().position(|observer| observer.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.observers.iter().map(|observer| observer.name.as_str()).collect();
            Error::new(Code::Model, format!("no observer {name:?}; there are {}", listed(&names, 20)))
        })
    }

    /// The observers of a kind, by their places.
    pub fn of_kind(&self, kind: ObserverKind) -> Vec<usize> {
        (0..self.observers.len()).filter(|&place| self.observers[place].kind == kind).collect()
    }

    /// Those whom networks are compared with: people, or where there are none the rules that stand for them.
    pub fn models_of_people(&self) -> Vec<usize> {
        match self.of_kind(ObserverKind::Person) {
            people if people.is_empty() => self.of_kind(ObserverKind::Rule),
            people => people,
        }
    }
}

/// Whether an observer has two pictures of one condition and category that share an identity and are not the same: their names
/// differ in more than the trial's number before them.
fn shares_identities(decisions: &[Decision]) -> bool {
    let numbered = |name: &'_ str| -> usize {
        match name.split_once('_') {
            Some((number, _)) if number.bytes().all(|byte| byte.is_ascii_digit()) => number.len() + 1,
            _ => 0,
        }
    };
    let mut seen: HashMap<(&str, Key<'_>), &str> = HashMap::with_capacity(decisions.len());
    decisions.iter().any(|one| {
        let key = (&*one.observer, (&*one.condition, &*one.category, identity(&one.imagename)));
        let name = &one.imagename[numbered(&one.imagename)..];
        seen.insert(key, name).is_some_and(|other| other != name)
    })
}

/// The condition of all trials, if no observer has two, and at most one of their names is the name of a condition.
fn one_condition(decisions: &[Decision], observers: usize) -> Option<String> {
    let mut of: HashMap<&str, &str> = HashMap::with_capacity(observers);
    let several = decisions.iter().any(|one| {
        let own = of.entry(&one.observer).or_insert(&one.condition);
        **own != *one.condition
    });
    let names: BTreeSet<&str> = decisions.iter().map(|one| &*one.condition).collect();
    let named = names.iter().filter(|name| !is_none(name)).count();
    (!several && named < 2).then(|| decisions[0].condition.to_string())
}

/// Whether a condition's name says that there is none.
fn is_none(condition: &str) -> bool {
    ["", NO_CONDITION, "nan", "na", "none"].iter().any(|none| condition.eq_ignore_ascii_case(none))
}

/// Pictures, of two cues where all names say so.
fn with_cues(sorted: &BTreeSet<&OwnKey>, categories: &[String]) -> Vec<TrialPicture> {
    let known: HashMap<String, usize> =
        categories.iter().enumerate().map(|(place, name)| (short_name(name), place)).collect();
    let two = |(_, category, image): &OwnKey| {
        let (shape, texture) = cues(image)?;
        let [own, other] = [shape, texture].map(|cue| known.get(&short_name(cue_category(cue))).copied());
        (own? == *category).then_some((other?, [shape.to_string(), texture.to_string()]))
    };
    let cues: Vec<_> = sorted.iter().map(|key| two(key)).collect();
    let all = cues.iter().all(Option::is_some);
    let picture = |(key, cues): (&&OwnKey, Option<TwoCues>)| {
        let (condition, category, image) = (*key).clone();
        let (texture, sources) = cues.filter(|_| all).unzip();
        TrialPicture { image, condition, category, texture, sources }
    };
    sorted.iter().zip(cues).map(picture).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(observer: &str, condition: &str, category: &str, image: &str, response: Option<&str>) -> Decision {
        Decision {
            observer: observer.into(),
            session: "1".into(),
            trial: 1,
            rt: f64::NAN,
            response: response.map(Into::into),
            category: category.into(),
            condition: condition.into(),
            imagename: image.into(),
        }
    }

    fn names() -> Vec<String> {
        ["bear", "cat", "dog"].map(String::from).to_vec()
    }

    #[test]
    fn pictures_are_matched_without_what_each_observer_puts_before_their_names() {
        let all = [
            decision("subject-01", "0", "cat", "0001_s5n_s01_0_cat_00_cat7-dog1.png", Some("cat")),
            decision("subject-01", "0", "dog", "0002_s5n_s01_0_dog_00_dog1-cat2.png", None),
            decision("vgg", "NaN", "dog", "0001_s5n_dnn_0_dog_00_dog1-cat2.png", Some("cat")),
            decision("vgg", "NaN", "cat", "0002_s5n_dnn_0_cat_00_cat7-dog1.png", Some("cat")),
        ];
        let trials = Trials::of("cue-conflict", &names(), &all, false).unwrap();
        assert_eq!(trials.conditions(), ["0"], "one condition, whatever each calls it");
        assert_eq!(trials.pictures[0].image, "cat7-dog1.png");
        assert_eq!(trials.pictures[0].sources, Some(["cat7".into(), "dog1".into()]));
        assert!(trials.has_cues());
        let kinds: Vec<ObserverKind> = trials.observers.iter().map(|observer| observer.kind).collect();
        assert_eq!(kinds, [ObserverKind::Person, ObserverKind::Network]);
        assert_eq!(trials.observers[0].answers, [Answer::Category(1), Answer::Missed]);
        assert_eq!(trials.observers[1].answers, [Answer::Category(1), Answer::Category(1)]);
        assert!(trials.is_right(1, 0) && !trials.is_right(1, 1) && !trials.is_right(0, 1));
        assert!(trials.unseen().is_empty());
    }

    #[test]
    fn bad_input_83_doubled_trials_are_counted_and_names_that_end_alike_are_not_doubled() {
        let twice = [
            decision("a", "c1", "cat", "0001_x_dnn_c1_cat_00_1.png", Some("cat")),
            decision("a", "c2", "cat", "0002_x_dnn_c2_cat_00_1.png", Some("cat")),
            decision("a", "c1", "cat", "0003_x_dnn_c1_cat_00_1.png", Some("dog")),
        ];
        assert_eq!(Trials::of("x", &names(), &twice[..2], false).unwrap().conditions(), ["c1", "c2"]);
        let error = Trials::of("x", &names(), &twice, false).unwrap_err().to_string();
        assert!(error.contains("1 of 3 trials are there twice, the first 0003_x_dnn_c1_cat_00_1.png"), "{error}");
        let own = [decision("a", "0", "cat", "my_1.png", None), decision("a", "0", "cat", "her_1.png", None)];
        assert_eq!(Trials::of("x", &names(), &own, false).unwrap().pictures.len(), 2);
    }

    #[test]
    fn bad_input_83_pictures_that_another_has_not_seen_are_counted_and_left_out() {
        let all = [
            decision("a", "0", "cat", "1.png", Some("cat")),
            decision("a", "0", "cat", "2.png", Some("cat")),
            decision("b", "0", "cat", "2.png", Some("dog")),
            decision("b", "0", "cat", "3.png", Some("dog")),
            decision("b", "0", "cat", "4.png", Some("dog")),
        ];
        let trials = Trials::of("x", &names(), &all, false).unwrap();
        let unseen = trials.unseen();
        assert!(unseen[0].starts_with("a has not decided on 2 of 4 pictures that others have, the first 3.png"));
        assert!(unseen[1].starts_with("b has not decided on 1 of 4 pictures"), "{unseen:?}");
        assert_eq!(trials.shared("0", &[0, 1]), [1]);
        assert!(!trials.has_cues());
    }

    #[test]
    fn sets_of_observers_are_joined_by_picture() {
        let networks =
            [decision("net", "0", "dog", "b.png", Some("dog")), decision("net", "0", "cat", "a.png", Some("dog"))];
        let people = [
            decision("subject-01", "0", "cat", "1_a.png", Some("cat")),
            decision("subject-01", "0", "dog", "2_c.png", Some("cat")),
            decision("net", "0", "cat", "a.png", Some("cat")),
        ];
        let own = Trials::of("x", &names(), &networks, false).unwrap();
        let other = Trials::of("x", &names(), &people, true).unwrap();
        let both = own.joined(other).unwrap();
        let images: Vec<&str> = both.pictures.iter().map(|picture| picture.image.as_str()).collect();
        assert_eq!(images, ["a.png", "b.png", "c.png"]);
        assert_eq!(both.observers.len(), 2, "an observer of the same name is there once");
        assert_eq!(both.observers[1].answers, [Answer::Category(1), Answer::Unseen, Answer::Category(1)]);
        assert_eq!(both.observers[1].kind, ObserverKind::Rule);
        assert_eq!(both.models_of_people(), [1]);
    }

    #[test]
    fn networks_bring_their_ranks_and_ties() {
        let row = |scoring, tied, response: &str| ObservedRow {
            model: "net".into(),
            scoring,
            image: "0001_s5n_dnn_0_cat_00_cat7-dog1.png".into(),
            file: "f".into(),
            category: "cat".into(),
            texture: "dog".into(),
            condition: "0".into(),
            response: response.into(),
            tied,
            category_score: 0.25,
            texture_score: Some(1.0),
        };
        let rows = [row(Scoring::Mean, 2, "cat"), row(Scoring::Rank, 1, "dog")];
        let by =
            |scoring, ties| Trials::of_networks("x", &names(), &rows, (scoring, ties)).unwrap().observers.remove(0);
        let counted = by(Scoring::Mean, Ties::Counted);
        assert_eq!((counted.answers[0], counted.tied), (Answer::Missed, 1));
        assert_eq!(counted.ranks.unwrap(), [[0.25, 1.0]]);
        assert_eq!(by(Scoring::Mean, Ties::First).answers, [Answer::Category(1)]);
        assert_eq!(by(Scoring::Rank, Ties::Counted).answers, [Answer::Category(2)]);
    }
}
