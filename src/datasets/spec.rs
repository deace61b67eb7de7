//! A manipulation in words: `bilateral:d=12,color=170,space=75`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

/// A manipulation's name and some of its numbers, as text: `scramble:block=56,variant=0`.
///
/// ```
/// use lgf::datasets::Spec;
///
/// let spec: Spec = "bilateral: d=12, color=170".parse()?;
/// assert_eq!((spec.name(), spec.to_string().as_str()), ("bilateral", "bilateral:d=12,color=170"));
/// assert_eq!((spec.read("d", 5u32)?, spec.read("space", 75.0)?), (12, 75.0));
/// assert!("bilateral:d".parse::<Spec>().is_err());
/// # Ok::<(), lgf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Spec {
    name: String,
    values: Vec<(String, String)>,
}

impl Spec {
    /// The manipulation's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Keys and values, in the order given.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of a key as text.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values().find(|(own, _)| *own == key).map(|(_, value)| value)
    }

    /// The value of a key, or what it is without one.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the text is no such value.
    pub fn read<T: FromStr<Err: fmt::Display>>(&self, key: &str, without: T) -> Result<T> {
        let Some(text) = self.get(key) else { return Ok(without) };
        text.parse().map_err(|cause| self.wrong(key, &format!("{cause}")))
    }

    /// The levels of a manipulation: the value of a key by itself, or all of a curve where it is not given.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the text is no such value, or one that does not fit, saying what is expected.
    pub(super) fn levels(
        &self,
        key: &str,
        curve: &[u32],
        (fits, expected): (impl Fn(u32) -> bool, &str),
    ) -> Result<Vec<u32>> {
        let all = if self.get(key).is_some() { vec![self.read(key, 0)?] } else { curve.to_vec() };
        match all.iter().all(|level| fits(*level)) {
            true => Ok(all),
            false => Err(self.wrong(key, &format!("expected {expected}"))),
        }
    }

    /// One of some words, the first where the key is not given.
    ///
    /// # Errors
    /// [`Code::Parameter`] for another word, listing them.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<T> {
        let given = self.get(key).unwrap_or(words[0].0);
        let found = words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value);
        found.ok_or_else(|| {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(key, &format!("expected {}", names.join(" or ")))
        })
    }

    /// The error for the value of a key, and why it is none.
    pub fn wrong(&self, key: &str, why: &str) -> Error {
        let text = self.get(key).unwrap_or_default();
        Error::new(Code::Parameter, format!("{key} of {} is {text:?}: {why}", self.name))
    }
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::new(Code::Parameter, format!("{text:?} is no manipulation: {why}"))
                .hint("write it as NAME or NAME:KEY=VALUE,KEY=VALUE, such as scramble:block=56,variant=0")
        };
        let (name, rest) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        if name.trim().is_empty() {
            return Err(wrong("it has no name"));
        }
        let mut values: Vec<(String, String)> = Vec::new();
        for pair in rest.into_iter().flat_map(|rest| rest.split(',')) {
            let (key, value) = pair.split_once('=').ok_or_else(|| wrong(&format!("{pair:?} is not KEY=VALUE")))?;
            let (key, value) = (key.trim(), value.trim());
            if key.is_empty() || value.is_empty() {
                return Err(wrong(&format!("{pair:?} is not KEY=VALUE")));
            }
            if values.iter().any(|(other, _)| other == key) {
                return Err(wrong(&format!("{key} comes twice")));
            }
            values.push((key.into(), value.into()));
        }
        Ok(Spec { name: name.trim().into(), values })
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (place, (key, value)) in self.values.iter().enumerate() {
            write!(f, "{}{key}={value}", if place == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Spec {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Spec> for String {
    fn from(spec: Spec) -> String {
        spec.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_and_what_is_wrong_is_named() {
        for text in ["smooth", "patch:size=30,gap=30,fill=black"] {
            let spec: Spec = text.parse().unwrap();
            assert_eq!(spec.to_string(), text);
            assert_eq!(serde_json::from_str::<Spec>(&serde_json::to_string(&spec).unwrap()).unwrap(), spec);
        }
        for (text, why) in [
            ("", "no name"),
            (":d=1", "no name"),
            ("a:", "\"\" is not KEY=VALUE"),
            ("a:d", "\"d\" is not KEY=VALUE"),
            ("a:=3", "\"=3\" is not KEY=VALUE"),
            ("a:d=", "\"d=\" is not KEY=VALUE"),
            ("a:d=1,", "\"\" is not KEY=VALUE"),
            ("a:d=1,d=2", "d comes twice"),
        ] {
            let error = text.parse::<Spec>().unwrap_err();
            assert!(error.message().contains(why), "{text}: {error}");
        }
        let spec: Spec = "a:d=x".parse().unwrap();
        assert!(spec.read("d", 1u32).unwrap_err().message().contains("d of a is \"x\": invalid digit"));
    }
}
