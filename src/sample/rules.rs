//! Observers of the sample: a rule that knows the answer, three times over. There are no people in a drawn study, and nothing
//! here passes for one: they are marked as rules wherever they are shown.

use std::path::PathBuf;

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::picture::{Part, generator};
use crate::error::Result;
use crate::files::Store;
use crate::observers::{Decision, write_decisions};
use crate::study::CUE_CONFLICT;

/// How many rules there are.
pub const RULES: usize = 3;
/// The share of pictures that each is right on, by construction: it answers by shape, and else at random.
pub const RULE_ACCURACY: f64 = 0.85;
/// The error consistency of each two of them, by construction: the share of trials on which the second copies whether the
/// first is right. Each takes over from one hidden source with the square root of this probability.
pub const RULE_KAPPA: f64 = 0.5;

/// Writes the decisions of the rules on cue-conflict pictures, given by their names and the categories of their shapes, as
/// decision files in a folder below a data root; which files.
pub(super) fn write_rules(
    store: &Store,
    folder: &str,
    pictures: &[(String, String)],
    (seed, categories): (u64, &[String]),
) -> Result<Vec<PathBuf>> {
    let source = answers_of(seed, 0, pictures.len());
    let mut files = Vec::new();
    for rule in 1..=RULES {
        let name = format!("rule-{rule:02}");
        let mut random = generator(seed, Part::Rules, rule as u64);
        let own = answers_of(seed, (RULES + rule) as u64, pictures.len());
        let decision = |(place, (image, category)): (usize, &(String, String))| {
            let copies = random.random_bool(RULE_KAPPA.sqrt());
            let right = if copies { source[place] } else { own[place] };
            let others: Vec<&String> = categories.iter().filter(|other| *other != category).collect();
            let wrong = others.choose(&mut random).map_or(category.as_str(), |other| other.as_str());
            let response = if right { category.as_str() } else { wrong };
            Decision {
                observer: name.as_str().into(),
                session: "1".into(),
                trial: place as u32 + 1,
                rt: f64::NAN,
                response: Some(response.into()),
                category: category.as_str().into(),
                condition: "0".into(),
                imagename: format!("{:04}_cue_r{rule:02}_0_{category}_00_{image}", place + 1),
            }
        };
        let decisions: Vec<Decision> = pictures.iter().enumerate().map(decision).collect();
        let path = store.path(&format!("{folder}/{CUE_CONFLICT}_{name}_session_1.csv"));
        write_decisions(&path, &decisions)?;
        files.push(path);
    }
    Ok(files)
}

/// Right or wrong on each picture, independently.
fn answers_of(seed: u64, stream: u64, count: usize) -> Vec<bool> {
    let mut random = generator(seed, Part::Rules, stream);
    (0..count).map(|_| random.random_bool(RULE_ACCURACY)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observers::read_folder;
    use crate::stats::Agreement;

    #[test]
    fn rules_have_the_accuracy_and_the_consistency_that_they_are_made_with() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let categories = ["bear", "cat", "dog"].map(String::from);
        let pictures: Vec<(String, String)> =
            (0..20_000).map(|place| (format!("cat{place}-dog1.png"), "cat".to_string())).collect();
        write_rules(&store, "rules", &pictures, (7, &categories)).unwrap();
        let files = read_folder(&store.path("rules")).unwrap();
        assert_eq!(files.len(), RULES);
        let right: Vec<Vec<bool>> = files
            .iter()
            .map(|(_, all)| all.iter().map(|one| one.response.as_deref() == Some("cat")).collect())
            .collect();
        for first in 0..RULES {
            for second in first + 1..RULES {
                let count = |row: &Vec<bool>| row.iter().filter(|right| **right).count();
                let both = right[first].iter().zip(&right[second]).filter(|(a, b)| **a && **b).count();
                let found =
                    Agreement::of_counts(pictures.len(), [count(&right[first]), count(&right[second])], both).unwrap();
                assert!((found.accuracies[0] - RULE_ACCURACY).abs() < 0.01, "{found:?}");
                assert!((found.kappa.unwrap() - RULE_KAPPA).abs() < 0.03, "{found:?}");
                assert!((found.copied.unwrap() - RULE_KAPPA).abs() < 0.04, "{found:?}");
            }
        }
    }
}
