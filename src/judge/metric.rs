//! Metrics of maps, each under one name.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::edges::{self, contours, detect};
use crate::error::{Code, Error, Result};
use crate::overlap;
use crate::pixels::{Crop, HeatMap, PixelMask, RgbImage};
use crate::relevance::{
    Copies, Forms, Method, Occluder, Removal, accuracy_gain, localisation, rank_correlation, relevance_gain,
    single_deletion, stability,
};
use crate::sample::{PATCH, knows_patches};
use crate::table::Lines;

/// What a metric says of one map, if it says anything.
type Said = Result<Option<f64>>;

/// A number that says how good a map is, the more the better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Symmetric relevance gain: [`relevance_gain`] in regions of 16 pixels and five steps.
    Gain(Occluder),
    /// ROAD (Rong et al. 2022): [`accuracy_gain`], single pixels, the rest filled in from around.
    Road,
    /// IDSDS (Hesse et al. 2024): [`single_deletion`] of patches of 32 pixels. Asked of networks alone that were trained with
    /// patches removed.
    SingleDeletion,
    /// Pointing game: 1 or 0.
    Pointing,
    /// Relevance mass accuracy on the object.
    Mass,
    /// Relevance rank accuracy on the object.
    Rank,
    /// Area under the ROC curve for the object.
    Auroc,
    /// Average precision for the object.
    AveragePrecision,
    /// 1 less the rank correlation with the map of a network that has learned nothing.
    Unlearned,
    /// Rank correlation with the maps of noisy copies ([`stability`]).
    Stability,
    /// Share of the positive region on Canny's edges, as the published study finds them: the published use.
    OnEdges {
        /// Which: all, or coarse ones alone (fault A10).
        lines: Lines,
        /// As it is, or less what is there by chance (fault D1).
        share: Share,
    },
}

/// A share as it is, or beside chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// As it is, as published.
    Plain,
    /// Less what the same region would have on edges moved elsewhere ([`overlap::chance`]).
    BeyondChance,
}

/// How pictures are taken apart for the symmetric relevance gain.
const GAIN: Removal = Removal { region: 16, steps: 5, occluder: Occluder::Mean };

impl Metric {
    /// All, each with its usual numbers.
    pub fn all() -> Vec<Self> {
        let gains = Occluder::usual().map(Metric::Gain);
        let published = [Lines::Edges, Lines::Outlines]
            .map(|lines| [Share::Plain, Share::BeyondChance].map(|share| Metric::OnEdges { lines, share }))
            .concat();
        let others = [
            Metric::Road,
            Metric::SingleDeletion,
            Metric::Pointing,
            Metric::Mass,
            Metric::Rank,
            Metric::Auroc,
            Metric::AveragePrecision,
            Metric::Unlearned,
            Metric::Stability,
        ];
        gains.into_iter().chain(others).chain(published).collect()
    }

    /// The one of a name, as tables have it.
    ///
    /// ```
    /// use lgf::judge::Metric;
    ///
    /// assert_eq!(Metric::named("ROAD")?, Metric::Road);
    /// assert!(Metric::named("SRG").is_err(), "with which occluder?");
    /// # Ok::<(), lgf::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::Parameter`] listing the names there are.
    pub fn named(name: &str) -> Result<Self> {
        let names: Vec<String> = Metric::all().iter().map(Metric::to_string).collect();
        let unknown = || Error::new(Code::Parameter, format!("no metric {name:?}; there are {}", names.join("; ")));
        Metric::all().into_iter().find(|metric| metric.to_string() == name).ok_or_else(unknown)
    }

    /// Whether it needs to know where the object is.
    pub fn needs_object(self) -> bool {
        use Metric::{Auroc, AveragePrecision, Mass, Pointing, Rank};
        matches!(self, Pointing | Mass | Rank | Auroc | AveragePrecision)
    }

    /// What it says of some maps of one photograph, each by its method; `None` where it says nothing.
    ///
    /// # Errors
    /// As the function that it stands for.
    pub fn of(self, subject: &Subject<'_>, methods: &[Method], maps: &[HeatMap<Crop>]) -> Result<Vec<Option<f64>>> {
        let all: Vec<&HeatMap<Crop>> = maps.iter().collect();
        let Subject { network, picture, target, .. } = *subject;
        let by_method = |say: &dyn Fn(&Method, &HeatMap<Crop>) -> Said| {
            methods.iter().zip(maps).map(|(method, map)| say(method, map)).collect()
        };
        let on_object = |say: &dyn Fn(&HeatMap<Crop>, &PixelMask<Crop>) -> Said| {
            maps.iter().map(|map| subject.object.map_or(Ok(None), |object| say(map, object))).collect()
        };
        match self {
            Metric::Gain(occluder) => {
                let how = Removal { occluder, ..GAIN };
                some(relevance_gain(network.folded, picture, target, &all, how)?)
            }
            Metric::Road => some(accuracy_gain(network.folded, picture, target, &all, Removal::road())?),
            Metric::SingleDeletion if knows_patches(network.folded.name()) => {
                single_deletion(network.folded, picture, target, &all, PATCH as usize)
            }
            Metric::SingleDeletion => Ok(vec![None; maps.len()]),
            Metric::Pointing => {
                on_object(&|map, object| Ok(Some(f64::from(u8::from(localisation(map, object)?.points_at)))))
            }
            Metric::Mass => on_object(&|map, object| Ok(localisation(map, object)?.mass)),
            Metric::Rank => on_object(&|map, object| Ok(Some(localisation(map, object)?.rank))),
            Metric::Auroc => on_object(&|map, object| Ok(overlap::rank(map, object, &[0])?[0].auroc)),
            Metric::AveragePrecision => {
                on_object(&|map, object| Ok(overlap::rank(map, object, &[0])?[0].average_precision))
            }
            Metric::Unlearned => by_method(&|method, map| {
                let Some(unlearned) = subject.unlearned else { return Ok(None) };
                let forgotten = method.map(unlearned, picture, target)?;
                Ok(rank_correlation(map, &forgotten)?.map(|correlation| 1.0 - correlation))
            }),
            Metric::Stability => by_method(&|method, map| {
                Ok(stability(network, picture, target, (method, map), Copies::default())?.correlation)
            }),
            Metric::OnEdges { lines, share } => {
                let parameters = edges::Parameters::published();
                let lines = match lines {
                    Lines::Edges => detect::<Crop>(subject.seen, &parameters)?.mask,
                    Lines::Outlines => contours(subject.seen, &parameters)?,
                };
                by_method(&|_, map| {
                    let region = map.positive_region();
                    let on_lines = overlap::compare(&region, &lines)?.share;
                    Ok(match share {
                        Share::Plain => on_lines,
                        Share::BeyondChance => {
                            on_lines.zip(overlap::chance(&region, &lines)?).map(|(share, chance)| share - chance)
                        }
                    })
                })
            }
        }
    }
}

impl std::fmt::Display for Metric {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Metric::Gain(occluder) => write!(to, "SRG, {occluder}"),
            Metric::Road => to.write_str("ROAD"),
            Metric::SingleDeletion => to.write_str("IDSDS"),
            Metric::Pointing => to.write_str("pointing game"),
            Metric::Mass => to.write_str("mass on object"),
            Metric::Rank => to.write_str("rank on object"),
            Metric::Auroc => to.write_str("AUROC on object"),
            Metric::AveragePrecision => to.write_str("average precision"),
            Metric::Unlearned => to.write_str("randomised weights"),
            Metric::Stability => to.write_str("stability"),
            Metric::OnEdges { lines, share } => {
                let beyond = if *share == Share::Plain { "" } else { ", beyond chance" };
                write!(to, "on {}{beyond}", lines.name())
            }
        }
    }
}

/// A photograph and a network, as metrics ask for them.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The network.
    pub network: Forms<'a>,
    /// The same after it lost what it had learned; [`Metric::Unlearned`] says nothing without.
    pub unlearned: Option<Forms<'a>>,
    /// The photograph as it sees it.
    pub seen: &'a RgbImage,
    /// The same, `[1, 3, h, w]`, normalised.
    pub picture: &'a Tensor,
    /// The class that is explained.
    pub target: usize,
    /// Where the object is, if that is known.
    pub object: Option<&'a PixelMask<Crop>>,
}

fn some(values: Vec<f64>) -> Result<Vec<Option<f64>>> {
    Ok(values.into_iter().map(Some).collect())
}
