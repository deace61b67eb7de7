//! Which variants are made, and how: everything that decides step 4.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::canvas::Subject;
use super::chosen::Manipulation;
use super::encoding::Encoding;
use super::manipulation::{Manipulate, Recipe};
use super::manipulations::{Patches, Scramble, Smoothing};
use crate::error::{Code, Error, Result};
use crate::files::ImageFile;
use crate::pixels::Crop;

/// Everything that decides which variants are made, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// The protocol's name, for the manifest.
    pub protocol: String,
    /// Seed of the sample, of the orders of blocks and of noise.
    pub seed: u64,
    /// How many photographs are taken from each class, unless the study says.
    pub sampling: Sampling,
    /// Blocks in another order.
    pub scramble: Scramble,
    /// Patches: each entry a layout and what fills it.
    pub patches: Vec<Patches>,
    /// Smoothing, and what it takes away.
    pub smoothing: Smoothing,
    /// Further manipulations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Manipulation>,
    /// How the files are written.
    pub encoding: Encoding,
}

/// How many photographs are taken from each class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Sampling {
    /// So many, as published (3).
    PerClass(usize),
    /// The least that finds an effect with a given power in a paired two-sided t test over all photographs (fault B3).
    Power {
        /// Mean difference over its standard deviation, Cohen's `d_z`.
        effect: f64,
        /// Significance level.
        alpha: f64,
        /// Probability of finding the effect if it is there.
        power: f64,
    },
}

impl Default for Parameters {
    /// The faults B3 to B11 mended.
    fn default() -> Self {
        Parameters {
            protocol: "corrected".into(),
            seed: 2020,
            sampling: Sampling::Power { effect: 0.5, alpha: 0.05, power: 0.8 },
            scramble: Scramble::default(),
            patches: Patches::corrected(),
            smoothing: Smoothing::default(),
            more: Vec::new(),
            encoding: Encoding::Png,
        }
    }
}

impl Parameters {
    /// As published: notebook 4, cells 13 (sample), 31 (scrambled), 48 (patched), 69, 77 and 80 (smoothed).
    pub fn published() -> Self {
        Parameters {
            protocol: "published".into(),
            sampling: Sampling::PerClass(3),
            scramble: Scramble::published(),
            patches: Patches::published(),
            smoothing: Smoothing::published(),
            encoding: Encoding::Jpeg,
            ..Parameters::default()
        }
    }

    /// Whether all of it can be done to a crop of the usual side.
    ///
    /// # Errors
    /// As [`plan`].
    pub fn check(&self) -> Result<()> {
        plan("", Crop::SIDE, self).map(drop)
    }

    /// Some manipulations alone, without those of the thesis; seed and smoother stay.
    pub fn only(&self, more: Vec<Manipulation>) -> Self {
        let mut own = Parameters { patches: Vec::new(), more, ..self.clone() };
        own.scramble.blocks.clear();
        own.smoothing.passes = 0;
        own
    }

    /// Adds a manipulation; a person's own takes the place of one of its name.
    pub fn add(&mut self, one: Manipulation) {
        self.more.retain(|other| !other.gives_way_to(&one));
        self.more.push(one);
    }

    /// The same of a set of photographs, where what is done to one depends on all of them.
    ///
    /// # Errors
    /// As [`Manipulation::of_set`].
    pub fn of_set(&self, photographs: &[ImageFile]) -> Result<Self> {
        let paths: Vec<PathBuf> = photographs.iter().map(|image| image.path.clone()).collect();
        let more = self.more.iter().map(|one| one.of_set(&paths)).collect::<Result<_>>()?;
        Ok(Parameters { more, ..self.clone() })
    }

    /// What every manipulation plans for a photograph, in order; those of the thesis that have no level plan nothing.
    fn plans(&self, subject: &Subject<'_>) -> Result<Vec<Recipe>> {
        let thesis: [(&dyn Manipulate, usize); 3] = [
            (&self.scramble, self.scramble.blocks.len()),
            (&self.patches, self.patches.len()),
            (&self.smoothing, self.smoothing.passes as usize),
        ];
        let mut all = Vec::new();
        for (manipulation, _) in thesis.into_iter().filter(|(_, levels)| *levels > 0) {
            all.extend(manipulation.plan(subject)?);
        }
        for manipulation in &self.more {
            all.extend(manipulation.plan(subject)?);
        }
        Ok(all)
    }
}

/// Every variant of the photograph of an identity ([`ImageFile::id`](crate::files::ImageFile::id)) for a crop of `side` x `side`,
/// manipulation by manipulation. An untouched picture that several make is made once.
///
/// # Errors
/// [`Code::Parameter`] for numbers that do not fit the crop, a specification of no manipulation, or two variants of one name.
///
/// ```
/// use lgf::datasets::{self, Kind, Parameters, plan};
///
/// let published = plan("val/n01440764/n01440764_1.JPEG", 224, &Parameters::published())?;
/// let count = |kind: &Kind| published.iter().filter(|recipe| recipe.kind == kind).count();
/// let [scrambled, smoothed] = [&datasets::SCRAMBLED, &datasets::SMOOTHED].map(count);
/// assert_eq!((scrambled, smoothed, count(&datasets::PATCHED)), (13, 6, 202));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn plan(id: &str, side: u32, parameters: &Parameters) -> Result<Vec<Recipe>> {
    let subject = Subject { id, side, seed: parameters.seed };
    let (mut all, mut names) = (Vec::new(), HashSet::new());
    for recipe in parameters.plans(&subject)? {
        if names.insert((recipe.kind.folder, recipe.name.clone())) {
            all.push(recipe);
        } else if recipe.level > 0 {
            let found = format!("the {} picture {} is planned twice", recipe.kind.name, recipe.name);
            return Err(Error::new(Code::Parameter, found).hint("name each manipulation with its numbers once"));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::datasets::canvas::{Canvas, Drawn};
    use crate::datasets::manipulation::Kind;
    use crate::datasets::manipulations::{
        DIFFERENCE, DIFFERENCE_INVERSE, PATCHED, SCRAMBLED, SEAMS, SMOOTHED, patched, scrambled,
    };

    #[test]
    fn thirty_photographs_have_the_published_counts() {
        let published = plan("a", 224, &Parameters::published()).unwrap();
        let of = |kind: &Kind| 30 * published.iter().filter(|recipe| recipe.kind == kind).count();
        assert_eq!((of(&SCRAMBLED), of(&SEAMS), of(&PATCHED)), (390, 0, 6060));
        assert_eq!((of(&SMOOTHED), of(&DIFFERENCE), of(&DIFFERENCE_INVERSE)), (180, 30, 30));
    }

    #[test]
    fn names_are_unique_within_a_folder_and_a_plan_is_its_photographs_own() {
        for parameters in [Parameters::published(), Parameters::default()] {
            let all = plan("a", 224, &parameters).unwrap();
            let names: std::collections::BTreeSet<_> =
                all.iter().map(|recipe| (recipe.kind.folder, &recipe.name)).collect();
            assert_eq!(names.len(), all.len());
            let of = |id: &str| format!("{:?}", plan(id, 224, &parameters).unwrap());
            assert_eq!((of("a") == of("a"), of("a") == of("b")), (true, false));
        }
    }

    #[test]
    fn another_size_does_not_change_the_orders_of_the_others() {
        let all: Vec<String> =
            plan("a", 224, &Parameters::default()).unwrap().iter().map(|recipe| format!("{recipe:?}")).collect();
        let mut fewer = Parameters::default();
        fewer.scramble.blocks = vec![28];
        for recipe in plan("a", 224, &fewer).unwrap() {
            assert!(all.contains(&format!("{recipe:?}")), "{}", recipe.name);
        }
    }

    #[test]
    fn moved_pixels_and_filled_boxes_are_the_drawn_picture() {
        let crop = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, (x * y) as u8]));
        let parameters = Parameters::default();
        let mut canvas = Canvas::new((&crop, &crop), "a", 1, &parameters.smoothing.l0);
        for recipe in plan("a", 224, &parameters).unwrap().iter().filter(|recipe| recipe.kind.set != SMOOTHED.set) {
            let drawn = recipe.draw(&mut canvas).unwrap();
            let picture = drawn.picture(&crop).unwrap();
            let again = match &drawn {
                Drawn::Crop => crop.clone(),
                Drawn::Blocks { block, order } => scrambled(&crop, *block, order).unwrap(),
                Drawn::Sources(sources) => {
                    let at = |index: u32| *crop.get_pixel(index % 224, index / 224);
                    RgbImage::from_fn(224, 224, |x, y| at(sources[(y * 224 + x) as usize]))
                }
                Drawn::Boxes { boxes, filling } => patched(&crop, boxes, filling),
                Drawn::Picture(_) => continue,
            };
            assert_eq!(*picture, again, "{}", recipe.name);
        }
    }

    #[test]
    fn further_manipulations_are_planned_and_written_by_their_text_and_none_leaves_no_trace() {
        let usual = serde_json::to_value(Parameters::default()).unwrap();
        assert!(usual.get("more").is_none());
        let more = vec!["scramble:block=32,variant=0".parse().unwrap()];
        let parameters = Parameters { more, ..Parameters::default() };
        let written = serde_json::to_value(&parameters).unwrap();
        assert_eq!(written["more"], serde_json::json!(["scramble:block=32,variant=0"]));
        assert_eq!(serde_json::from_value::<Parameters>(written).unwrap(), parameters);
        let names = |parameters: &Parameters| -> Vec<String> {
            plan("a", 224, parameters).unwrap().into_iter().map(|recipe| recipe.name).collect()
        };
        assert_eq!(names(&parameters), [names(&Parameters::default()), vec!["block32_order0".into()]].concat());
        let twice = Parameters { more: vec!["scramble:block=112".parse().unwrap()], ..Parameters::default() };
        let error = plan("a", 224, &twice).unwrap_err();
        assert!(error.message().contains("scrambled picture block112_order0 is planned twice"), "{error}");
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let mut parameters = Parameters::default();
        parameters.patches[0].size = 225;
        assert!(plan("a", 224, &parameters).unwrap_err().to_string().contains("does not fit"));
        parameters = Parameters::default();
        parameters.smoothing.difference_pass = 6;
        assert!(plan("a", 224, &parameters).unwrap_err().to_string().contains("pass 6"));
    }
}
