//! What a manipulation is made of: the kinds of pictures that it makes, with their levels; what it plans for a photograph; what it draws.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::canvas::{Canvas, Drawn, Subject};
use super::spec::Spec;
use crate::error::{Code, Error, Result};
use crate::pixels::{Crop, PixelBox};

/// A kind of changed picture: what the manifest, the folders, the tables and the curves need to know of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The name in the manifest.
    pub name: &'static str,
    /// The folder under the root; begins with `imagenette2_`.
    pub folder: &'static str,
    /// Whose tables of predictions it is in.
    pub set: Set,
    /// What its levels are.
    pub levels: Levels,
    /// The kind whose level 0 is its untouched picture, where that is another one.
    pub untouched: Option<&'static Kind>,
    /// What step 6 makes of it by itself.
    pub summary: Summary,
}

/// Kinds of pictures whose predictions are in one table a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Set {
    /// What the table's name begins with: `scr` of `scr_resnet50`.
    pub name: &'static str,
    /// Its place among those of the thesis; all others come after them.
    pub thesis: Option<u8>,
}

/// What the levels of a kind of picture are; 0 is the untouched picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// In words, with the unit: `side of the blocks in pixels`.
    pub in_words: &'static str,
    /// Which level changes more.
    pub stronger: Stronger,
}

impl Levels {
    /// In words for an axis.
    pub fn label(&self) -> String {
        format!("{} (0: untouched)", self.in_words)
    }
}

impl Stronger {
    /// Levels from the least change to the most, as far as they are strengths.
    pub(super) fn sort(self, levels: &mut [u32]) {
        levels.sort_unstable();
        if self == Stronger::Smaller {
            levels.reverse();
        }
    }
}

/// Which level changes more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stronger {
    /// The larger one.
    Larger,
    /// The smaller one.
    Smaller,
    /// Neither: they are different changes, not strengths of one.
    Neither,
}

/// What step 6 makes of a kind of picture by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summary {
    /// The measure over its levels, in a table of its name; and its fall from the untouched picture.
    Curve {
        /// The name of the table of the fall.
        fall: &'static str,
    },
    /// The measure over its levels, in a table of its name.
    Level,
    /// Nothing: it is compared with other kinds.
    Nothing,
}

/// What a manipulation with its numbers plans.
pub trait Manipulate: Send + Sync {
    /// Every variant of a photograph: the untouched picture first, and then those of each kind in the order of the manifest.
    ///
    /// # Errors
    /// [`Code::Parameter`] for numbers that do not fit the crop.
    fn plan(&self, subject: &Subject<'_>) -> Result<Vec<Recipe>>;

    /// The same of a set of photographs, where what is done to one depends on all of them; else `None`.
    ///
    /// # Errors
    /// Those of reading the photographs.
    fn of_set(&self, _photographs: &[PathBuf]) -> Result<Option<Arc<dyn Manipulate>>> {
        Ok(None)
    }
}

/// What is done to one crop. What `Debug` prints of it decides its picture together with photograph and seed: all its numbers.
pub trait Change: fmt::Debug + Send + Sync {
    /// The changed crop.
    ///
    /// # Errors
    /// [`Code::Parameter`](crate::error::Code::Parameter) for numbers that do not fit the crop; those of what it draws with.
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn>;

    /// What the manifest says of it, for a crop of `side` x `side`.
    fn facts(&self, _side: u32) -> Facts {
        Facts::default()
    }
}

/// What the manifest says of a change, where it applies.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The order of the blocks, or their shifts.
    pub order: String,
    /// Mean distance that blocks moved, in pixels.
    pub displacement: f64,
    /// The box that is hidden, where it is one.
    pub place: Option<PixelBox<Crop>>,
    /// Pixels between patches.
    pub gap: Option<u32>,
    /// What patches show.
    pub fill: &'static str,
    /// Whether the photograph's smoother took part.
    pub smoothed: bool,
}

/// One variant of one photograph: what it is called and what is done to it.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What kind of change.
    pub kind: &'static Kind,
    /// The level in the unit of its kind; 0 for the untouched picture.
    pub level: u32,
    /// Number of the order or of the patch; -1 for all patches at once and where there is but one.
    pub variant: i64,
    /// The end of the file's name, before its ending; unique in the folder of its kind.
    pub name: String,
    /// What is done.
    pub change: Arc<dyn Change>,
    /// The kind and level with which it is made in one go.
    pub part: (&'static Kind, u32),
}

impl Recipe {
    /// A variant that is the only one of its level.
    pub fn new(kind: &'static Kind, level: u32, name: impl Into<String>, change: impl Change + 'static) -> Self {
        Recipe { kind, level, variant: -1, name: name.into(), change: Arc::new(change), part: (kind, level) }
    }

    /// The changed crop.
    ///
    /// # Errors
    /// As [`Change::draw`], with the kind and the level.
    pub fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let size = canvas.crop.dimensions();
        let whole = |drawn: Drawn| match &drawn {
            Drawn::Picture(picture) if picture.dimensions() != size => {
                let ((width, height), (old_width, old_height)) = (picture.dimensions(), size);
                let found = format!("a picture of {height} x {width} came out, expected {old_height} x {old_width}");
                Err(Error::new(Code::Parameter, found))
            }
            _ => Ok(drawn),
        };
        let place = || format!("{}, level {}", self.kind.name, self.level);
        self.change.draw(canvas).and_then(whole).map_err(|error| error.or_place(place))
    }

    /// The untouched picture of a kind.
    pub fn untouched(kind: &'static Kind) -> Self {
        Recipe::new(kind, 0, "original", Untouched)
    }
}

/// No change.
#[derive(Debug)]
struct Untouched;

impl Change for Untouched {
    fn draw(&self, _: &mut Canvas<'_>) -> Result<Drawn> {
        Ok(Drawn::Crop)
    }
}

/// How the list knows a manipulation.
pub(super) struct Maker {
    /// The name in specifications.
    pub name: &'static str,
    /// The kinds of pictures that it makes, in the order of the manifest.
    pub kinds: &'static [&'static Kind],
    /// Its keys in specifications, and what each is.
    pub keys: &'static [(&'static str, &'static str)],
    /// The manipulation of a specification; what is not given is as in its own file.
    pub make: fn(&Spec) -> Result<Arc<dyn Manipulate>>,
}

/// A manipulation of one kind of picture, a change at a time: levels, each with what is done. A level that comes several times
/// has variants.
pub(super) struct Ladder<C> {
    pub kind: &'static Kind,
    pub steps: Vec<(u32, C)>,
}

impl<C: Change + Clone + 'static> Ladder<C> {
    /// Of one kind, with the changes of its levels.
    pub fn of(kind: &'static Kind, steps: impl IntoIterator<Item = (u32, C)>) -> Result<Arc<dyn Manipulate>> {
        Ok(Arc::new(Ladder { kind, steps: steps.into_iter().collect() }))
    }
}

impl<C: Change + Clone + 'static> Manipulate for Ladder<C> {
    fn plan(&self, _: &Subject<'_>) -> Result<Vec<Recipe>> {
        let mut all = vec![Recipe::untouched(self.kind)];
        for (place, (level, change)) in self.steps.iter().enumerate() {
            let of_level = |steps: &[(u32, C)]| steps.iter().filter(|(other, _)| other == level).count();
            let name = format!("{}{level}", self.kind.name.replace([' ', '-'], "_"));
            all.push(match of_level(&self.steps) {
                1 => Recipe::new(self.kind, *level, name, change.clone()),
                _ => {
                    let variant = of_level(&self.steps[..place]);
                    let name = format!("{name}_variant{variant}");
                    Recipe { variant: variant as i64, ..Recipe::new(self.kind, *level, name, change.clone()) }
                }
            });
        }
        Ok(all)
    }
}
