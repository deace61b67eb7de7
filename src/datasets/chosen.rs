//! A manipulation that was chosen: of a specification, one after another, or a person's own.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use super::canvas::{Canvas, Drawn, Subject};
use super::manipulation::{Change, Facts, Kind, Ladder, Levels, Manipulate, Recipe, Stronger};
use super::manipulations::{manipulation, own_kind};
use super::spec::Spec;
use crate::error::{Code, Error, Result};
use crate::files::sha256_hex;
use crate::pixels::Crop;

/// A manipulation with its numbers. As text it is what was chosen: `scramble:block=56`, or `grey+bilateral:d=12` for two, one
/// after another; two of the same text are equal.
///
/// ```
/// use lgf::datasets::{Manipulation, Subject};
///
/// let both: Manipulation = "grey + contrast:percent=10".parse()?;
/// let subject = Subject { id: "a.png", side: 224, seed: 1 };
/// let levels: Vec<u32> = both.plan(&subject)?.iter().map(|recipe| recipe.level).collect();
/// assert_eq!(levels, [0, 10]);
/// # Ok::<(), lgf::Error>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Manipulation {
    text: String,
    of: Arc<dyn Manipulate>,
}

impl Manipulation {
    /// A person's own: a name, its levels, and what is made of a crop (224 x 224) at one of them. It goes through files, runs
    /// in memory, curves and figures as those of the library do. Nothing may be left to chance: the same crop and level give the
    /// same picture, and what it makes of one drawn here is how a changed closure is known from the one before.
    ///
    /// ```
    /// use lgf::datasets::{Manipulation, Parameters, changed};
    /// use lgf::pixels::{Rgb, RgbImage};
    ///
    /// let darker = Manipulation::custom("darker", [25, 50], |picture, level| {
    ///     let mut out = picture.clone();
    ///     out.iter_mut().for_each(|value| *value = (u32::from(*value) * (100 - level) / 100) as u8);
    ///     out
    /// })?;
    /// let white = RgbImage::from_pixel(224, 224, Rgb([200; 3]));
    /// assert_eq!(changed(&white, "a", &darker, &Parameters::default())?.get_pixel(0, 0).0, [100; 3]);
    /// # Ok::<(), lgf::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::Parameter`] for a name that is one of the library's or none for a folder, no level, level 0 (the untouched
    /// picture), one that comes twice, or a closure that panics or gives a picture of another size, with name and level.
    pub fn custom(
        name: &str,
        levels: impl Into<Strengths>,
        change: impl Fn(&RgbImage, u32) -> RgbImage + Send + Sync + 'static,
    ) -> Result<Self> {
        let Strengths { mut levels, in_words, stronger } = levels.into();
        let wrong = |why: &str| Err(Error::new(Code::Parameter, format!("the manipulation {name:?} {why}")));
        let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if name.is_empty() || !name.chars().all(fits) {
            return wrong("has a name that makes no folder; expected small letters, digits and -");
        }
        stronger.sort(&mut levels);
        if levels.is_empty() || levels.contains(&0) || levels.windows(2).any(|pair| pair[0] == pair[1]) {
            return wrong(&format!("has the levels {levels:?}; expected each once and above 0, which is untouched"));
        }
        let change: Arc<Closure> = Arc::new(change);
        let probe = probe();
        let mut seen = format!("{levels:?} {in_words} {stronger:?}");
        for &level in &levels {
            let made = guarded(&change, &probe, level)
                .map_err(|error| error.place(format!("{name}, level {level}")).hint("see its closure"))?;
            seen.push_str(&sha256_hex(made.as_raw()));
        }
        let fingerprint = sha256_hex(seen.as_bytes())[..16].to_string();
        let kind = own_kind(name, Levels { in_words: Box::leak(in_words.into_boxed_str()), stronger })?;
        let step = |level: u32| (level, Own { level, fingerprint: fingerprint.clone(), change: change.clone() });
        let of = Ladder::of(kind, levels.iter().map(|level| step(*level)))?;
        Ok(Manipulation { text: format!("{name}{OWN}{fingerprint})"), of })
    }

    /// Whether another one takes its place among several: of one text, or two of a person's own of one name.
    pub(super) fn gives_way_to(&self, other: &Manipulation) -> bool {
        let name = |text: &str| text.split_once(OWN).map(|(name, _)| name.to_string());
        self.text == other.text || (name(&self.text).is_some() && name(&self.text) == name(&other.text))
    }

    /// Every variant of a photograph: the untouched picture first.
    ///
    /// # Errors
    /// [`Code::Parameter`] for numbers that do not fit the crop.
    pub fn plan(&self, subject: &Subject<'_>) -> Result<Vec<Recipe>> {
        self.of.plan(subject)
    }

    /// The same of a set of photographs, where what is done to one depends on all of them (power equalisation).
    ///
    /// # Errors
    /// Those of reading the photographs.
    pub fn of_set(&self, photographs: &[PathBuf]) -> Result<Self> {
        let of = self.of.of_set(photographs)?.unwrap_or_else(|| self.of.clone());
        Ok(Manipulation { text: self.text.clone(), of })
    }

    /// The kinds of changed pictures that it makes of a crop of the usual side, in the order planned.
    ///
    /// # Errors
    /// As [`Manipulation::plan`].
    pub fn kinds(&self) -> Result<Vec<&'static Kind>> {
        let mut kinds: Vec<&'static Kind> = Vec::new();
        for recipe in self.plan(&Subject { id: "", side: Crop::SIDE, seed: 0 })? {
            if recipe.level > 0 && !kinds.contains(&recipe.kind) {
                kinds.push(recipe.kind);
            }
        }
        Ok(kinds)
    }
}

/// What stands between name and fingerprint in the text of a person's own.
const OWN: &str = " (own ";

/// The levels of a person's own manipulation, above 0.
///
/// ```
/// use lgf::datasets::{Strengths, Stronger};
///
/// let percent = Strengths::of([80, 40, 10], "brightness that is left, in percent", Stronger::Smaller);
/// # let _ = percent;
/// ```
#[derive(Debug, Clone)]
pub struct Strengths {
    levels: Vec<u32>,
    in_words: String,
    stronger: Stronger,
}

impl Strengths {
    /// Levels, what they are in words with their unit, and which end changes more.
    pub fn of(levels: impl IntoIterator<Item = u32>, in_words: &str, stronger: Stronger) -> Self {
        Strengths { levels: levels.into_iter().collect(), in_words: in_words.into(), stronger }
    }
}

impl<const N: usize> From<[u32; N]> for Strengths {
    /// Levels of which the larger change more.
    fn from(levels: [u32; N]) -> Self {
        Strengths::of(levels, "level", Stronger::Larger)
    }
}

impl From<Vec<u32>> for Strengths {
    /// Levels of which the larger change more.
    fn from(levels: Vec<u32>) -> Self {
        Strengths::of(levels, "level", Stronger::Larger)
    }
}

/// What a person's own manipulation does to a crop at a level.
type Closure = dyn Fn(&RgbImage, u32) -> RgbImage + Send + Sync;

/// A person's own closure at a level.
#[derive(Clone)]
struct Own {
    level: u32,
    fingerprint: String,
    change: Arc<Closure>,
}

impl fmt::Debug for Own {
    /// What decides the picture: the closure by what it made of the drawn one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "own {} {}", self.level, self.fingerprint)
    }
}

impl Change for Own {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        Ok(Drawn::Picture(Arc::new(guarded(&self.change, canvas.crop, self.level)?)))
    }
}

/// What a closure makes, or what it said when it panicked; of the same size.
fn guarded(change: &Arc<Closure>, picture: &RgbImage, level: u32) -> Result<RgbImage> {
    let made = catch_unwind(AssertUnwindSafe(|| change(picture, level))).map_err(|said: Box<dyn Any + Send>| {
        let said = said.downcast_ref::<String>().map(String::as_str).or(said.downcast_ref::<&str>().copied());
        Error::new(Code::Parameter, format!("the closure panicked: {}", said.unwrap_or("without a word")))
    })?;
    if made.dimensions() != picture.dimensions() {
        let ((width, height), (old_width, old_height)) = (made.dimensions(), picture.dimensions());
        let found = format!("the closure gave a picture of {height} x {width}, expected {old_height} x {old_width}");
        return Err(Error::new(Code::Parameter, found));
    }
    Ok(made)
}

/// A picture with every value and many neighbourhoods, to know closures by.
fn probe() -> RgbImage {
    RgbImage::from_fn(Crop::SIDE, Crop::SIDE, |x, y| {
        Rgb([(x * 7 + y * 13 + x * y / 3) as u8, (y * y / 5 + x * 3) as u8, (x ^ y) as u8])
    })
}

/// One manipulation after another: the second changes what the first made last of its first kind. Where the second depends on a
/// set, that is of photographs as they are.
struct Pair {
    first: Arc<dyn Manipulate>,
    second: Arc<dyn Manipulate>,
    text: String,
}

impl Manipulate for Pair {
    fn plan(&self, subject: &Subject<'_>) -> Result<Vec<Recipe>> {
        let first = last_change(self.first.plan(subject)?)
            .ok_or_else(|| Error::new(Code::Parameter, format!("{} changes nothing first", self.text)))?;
        let (mut all, mut kind) = (Vec::new(), None);
        for recipe in self.second.plan(subject)?.into_iter().filter(|recipe| recipe.level > 0) {
            let own = match kind {
                Some((of, own)) if of == recipe.kind => own,
                Some(_) => continue,
                None => own_kind(&self.text, recipe.kind.levels)?,
            };
            kind = Some((recipe.kind, own));
            let change = Then { first: first.change.clone(), second: recipe.change };
            let mut both = Recipe::new(own, recipe.level, format!("{}_{}", first.name, recipe.name), change);
            both.variant = recipe.variant;
            all.push(both);
        }
        let untouched = kind.map(|(_, own)| Recipe::untouched(own));
        Ok(untouched.into_iter().chain(all).collect())
    }

    fn of_set(&self, photographs: &[PathBuf]) -> Result<Option<Arc<dyn Manipulate>>> {
        let of = |one: &Arc<dyn Manipulate>| -> Result<Arc<dyn Manipulate>> {
            Ok(one.of_set(photographs)?.unwrap_or_else(|| one.clone()))
        };
        Ok(Some(Arc::new(Pair { first: of(&self.first)?, second: of(&self.second)?, text: self.text.clone() })))
    }
}

/// The last changed picture of the first kind.
pub(super) fn last_change(mut all: Vec<Recipe>) -> Option<Recipe> {
    all.retain(|recipe| recipe.level > 0);
    let first = all.first().map(|recipe| recipe.kind);
    all.into_iter().rfind(|recipe| Some(recipe.kind) == first)
}

/// One change, and another of what came out.
#[derive(Debug)]
struct Then {
    first: Arc<dyn Change>,
    second: Arc<dyn Change>,
}

impl Change for Then {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let drawn = self.first.draw(canvas)?;
        let between = drawn.picture(canvas.crop)?;
        let Subject { id, seed, .. } = canvas.subject;
        let mut next = Canvas::new((&between, &between), id, seed, canvas.smoother);
        let drawn = self.second.draw(&mut next)?;
        Ok(Drawn::Picture(Arc::new(drawn.picture(&between)?.into_owned())))
    }

    fn facts(&self, side: u32) -> Facts {
        let (first, second) = (self.first.facts(side), self.second.facts(side));
        Facts { smoothed: first.smoothed || second.smoothed, ..second }
    }
}

impl FromStr for Manipulation {
    type Err = Error;

    /// A specification, or two with `+` between them.
    ///
    /// ```
    /// use lgf::datasets::{Manipulation, Subject};
    ///
    /// let subject = Subject { id: "n01440764/1.JPEG", side: 224, seed: 1 };
    /// let names = |text: &str| -> lgf::Result<Vec<String>> {
    ///     let all = text.parse::<Manipulation>()?.plan(&subject)?;
    ///     Ok(all.into_iter().map(|recipe| recipe.name).collect())
    /// };
    /// assert_eq!(names("scramble:block=56,variant=0")?, ["original", "block56_order0"]);
    /// assert_eq!(names("scramble:block=56,kind=seams")?, ["original", "block56_seams"]);
    /// assert!(names("emboss").unwrap_err().to_string().contains("scramble, patch, smooth"));
    /// # Ok::<(), lgf::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::Parameter`], saying what there is, for a name or key that is none; for a value that cannot be read.
    fn from_str(text: &str) -> Result<Self> {
        if let Some((name, _)) = text.split_once(OWN) {
            let found = format!("{name} is a manipulation of a person's own, which no text says");
            return Err(Error::new(Code::Parameter, found).hint("make it again with Manipulation::custom"));
        }
        let of = |text: &str| -> Result<Self> {
            let spec: Spec = text.trim().parse()?;
            Ok(Manipulation { of: manipulation(&spec)?, text: spec.to_string() })
        };
        match text.split('+').collect::<Vec<_>>()[..] {
            [one] => of(one),
            [first, second] => {
                let (first, second) = (of(first)?, of(second)?);
                let text = format!("{}+{}", first.text, second.text);
                let of = Pair { first: first.of, second: second.of, text: text.clone() };
                Ok(Manipulation { text, of: Arc::new(of) })
            }
            _ => {
                Err(Error::new(Code::Parameter, format!("{text:?} has more than two manipulations, one after another"))
                    .hint("write one, or two as FIRST+SECOND"))
            }
        }
    }
}

impl fmt::Display for Manipulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Manipulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manipulation({})", self.text)
    }
}

impl PartialEq for Manipulation {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl TryFrom<String> for Manipulation {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Manipulation> for String {
    fn from(manipulation: Manipulation) -> String {
        manipulation.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{L0, kind};

    fn plan(manipulation: &Manipulation) -> Vec<Recipe> {
        manipulation.plan(&Subject { id: "a", side: 224, seed: 1 }).unwrap()
    }

    #[test]
    fn a_pair_is_the_second_of_what_the_first_made_and_has_a_kind_of_its_own() {
        let both: Manipulation = "grey:percent=100 + bilateral:d=6".parse().unwrap();
        assert_eq!(both.to_string(), "grey:percent=100+bilateral:d=6");
        let picture = probe();
        let smoother = L0::default();
        let drawn = |of: &Manipulation, picture: &RgbImage| {
            let recipe = plan(of).pop().unwrap();
            let drawn = recipe.draw(&mut Canvas::new((picture, picture), "a", 1, &smoother)).unwrap();
            drawn.picture(picture).unwrap().into_owned()
        };
        let [grey, bilateral] = ["grey", "bilateral:d=6"].map(|text| text.parse().unwrap());
        assert_eq!(drawn(&both, &picture), drawn(&bilateral, &drawn(&grey, &picture)));
        let recipes = plan(&both);
        assert_eq!(recipes.iter().map(|recipe| recipe.level).collect::<Vec<_>>(), [0, 6]);
        assert_eq!(kind(recipes[1].kind.name), Some(recipes[1].kind));
        assert!("grey+grey+grey".parse::<Manipulation>().unwrap_err().to_string().contains("more than two"));
    }

    #[test]
    fn a_closure_that_panics_or_gives_another_size_is_said_with_name_and_level() {
        let small = |_: &RgbImage, _: u32| RgbImage::new(20, 30);
        let error = Manipulation::custom("small", [5], small).unwrap_err().to_string();
        for part in ["small, level 5", "30 x 20", "expected 224 x 224"] {
            assert!(error.contains(part), "{error}");
        }
        let fails = |picture: &RgbImage, level: u32| {
            assert!(level < 7, "level {level} is too strong");
            picture.clone()
        };
        let error = Manipulation::custom("fails", [5, 7], fails).unwrap_err().to_string();
        for part in ["fails, level 7", "the closure panicked: level 7 is too strong"] {
            assert!(error.contains(part), "{error}");
        }
        let same = |picture: &RgbImage, _: u32| picture.clone();
        for (name, levels, said) in [
            ("bilateral", vec![1], "is one of the library's"),
            ("scr", vec![1], "has the folder or the tables of one"),
            ("Sepia!", vec![1], "makes no folder"),
            ("none", vec![], "has the levels []"),
            ("zero", vec![0, 1], "above 0"),
            ("twice", vec![2, 2], "each once"),
        ] {
            assert!(Manipulation::custom(name, levels, same).unwrap_err().to_string().contains(said), "{name}");
        }
    }

    #[test]
    fn levels_go_from_the_least_change_to_the_most() {
        let levels = Strengths::of([40, 80, 10], "percent left", Stronger::Smaller);
        let own = Manipulation::custom("dimmer", levels, |picture, _| picture.clone()).unwrap();
        assert_eq!(plan(&own).iter().map(|recipe| recipe.level).collect::<Vec<_>>(), [0, 80, 40, 10]);
    }

    #[test]
    fn another_closure_of_the_same_name_is_another_manipulation() {
        let by = |add: u8| {
            let change = move |picture: &RgbImage, _: u32| {
                let mut out = picture.clone();
                out.iter_mut().for_each(|value| *value = value.saturating_add(add));
                out
            };
            Manipulation::custom("brighter", [1], change).unwrap()
        };
        assert_eq!(by(3), by(3));
        assert_ne!(by(3), by(4));
        assert!(by(3).gives_way_to(&by(4)) && !by(3).gives_way_to(&"grey".parse().unwrap()));
        let error = by(3).to_string().parse::<Manipulation>().unwrap_err().to_string();
        assert!(error.contains("brighter is a manipulation of a person's own"), "{error}");
        let decides = |of: &Manipulation| format!("{:?}", plan(of)[1].change);
        assert_ne!(decides(&by(3)), decides(&by(4)));
        let picture = probe();
        let smoother = L0::default();
        let drawn = plan(&by(3))[1].draw(&mut Canvas::new((&picture, &picture), "a", 1, &smoother)).unwrap();
        assert_eq!(drawn.picture(&picture).unwrap().as_raw()[0], picture.as_raw()[0].saturating_add(3));
    }
}
