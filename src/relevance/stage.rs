//! Step 5.2 on a data root: maps and regions of some photographs for every network.

use std::sync::Arc;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::engine::{Targets, explain_with};
use super::ledger::{Ledger, LedgerRow, add, judged, ledger_table};
use super::maps::map_name;
use super::target::{Parameters, check_rules, target};
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Store, Written};
use crate::inference::{Engine, finite_enough, halving, on_workers, softmax, to_input, write_settings};
use crate::notebook::{Stage, warn};
use crate::pixels::{Crop, HeatMap, RgbImage};
use crate::stage::{Done, Named, Parts, PartsFolder, Portion, Step, all_of};
use crate::study::{ClassList, Study};
use crate::table::{RegionRow, Reject, Row, stacked};

/// A region of one size for all networks: this share of the picture's pixels, those of highest relevance.
const AREA: f64 = 0.1;
/// A region of one mass for all networks: this share of the positive relevance, on the fewest pixels.
const MASS: f64 = 0.5;

/// Relevance of every network for some photographs. The networks are in the form that the composite asks for
/// ([`Composite::form`](super::Composite::form)).
///
/// Maps go to `lrp/<model>/<file>.npy`. The tables `lrp_regions` and, of each network, `lrp_regions_<model>` have one row a
/// photograph: `file, wnid, model, class, class_name, softmax, logit, relevance` (sum of the map), `kept` (that over the
/// logit), `positive, negative` (pixels of the published regions), `positive_mean, negative_mean` (what they lie beyond),
/// `area, mass` (pixels of the tenth of highest relevance, and of the fewest that hold half of the positive relevance). The
/// ledger of all photographs together is `lrp_ledger_<model>`; what was skipped is in `lrp_rejects`. Networks that are
/// finished are not run again.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Model`] if a photograph's class is no output, for a softmax, and for a layer that has no rule;
/// [`Code::Numeric`] if relevance is not finite for more than 0.1 % of the photographs, or if in most batches a layer loses
/// or makes some; [`Code::Image`] if more was skipped than may be.
pub fn explain_all(
    study: &Study,
    networks: &[Engine],
    images: &[ImageFile],
    parameters: &Parameters,
) -> Result<DataFrame> {
    let (store, classes) = (&study.store, &study.class_list());
    let networks = &with_layers(networks)?;
    networks.iter().try_for_each(|network| check_rules(network, &parameters.composite))?;
    let parts = PartsFolder::open(store, "manifests/parts/lrp")?;
    let base = store.step(Named("relevance", "lrp"), "maps", parameters, images)?;
    let of = |network: &&Engine| {
        let name = format!("lrp_regions_{}", network.name());
        let step = base.part(&name, &[("network", &network.fingerprint()?)]);
        let step = step.saying(format!("relevance, {}", network.name()));
        if !step.finished() {
            let step = step.on(&network.device().to_string());
            let own = step.parts_in(&parts);
            let step = step.owning(&format!("lrp/{}", network.name()), &own)?;
            Explaining { store, model: network.name(), images, classes, parameters }.all(network, &step, &parts)?;
        }
        Ok((store.table(&name)?, store.table(&format!("{name}_rejects"))?))
    };
    let (tables, rejects): (Vec<_>, Vec<_>) = all_of(networks.iter().map(of))?.into_iter().unzip();
    store.makes_tables()?;
    store.write_table("lrp_rejects", &stacked(rejects)?)?;
    let all = stacked(tables)?;
    store.write_table("lrp_regions", &all)?;
    parts.remove()?;
    Ok(all)
}

/// The networks whose layers are known; the others are named.
fn with_layers(networks: &[Engine]) -> Result<Vec<&Engine>> {
    let (programs, others): (Vec<&Engine>, Vec<&Engine>) = networks.iter().partition(|network| network.is_program());
    for program in &programs {
        warn(&format!("no relevance of {} by rules: it is a program, whose layers are not known", program.name()));
    }
    if others.is_empty() && !programs.is_empty() {
        return Err(Error::new(Code::Model, "no network here has layers that relevance could go through")
            .hint("programs have none that are known; maps by gradients can be had of them"));
    }
    Ok(others)
}

/// What comes of a batch: rows and maps, what was skipped, and what its layers met.
#[derive(Debug, Serialize, Deserialize)]
struct Batch {
    rows: Vec<(usize, RegionRow)>,
    files: Vec<Written>,
    rejects: Vec<Reject>,
    ledger: Vec<LedgerRow>,
}

/// A network at work on photographs.
struct Explaining<'a> {
    store: &'a Store,
    model: &'a str,
    images: &'a [ImageFile],
    classes: &'a ClassList,
    parameters: &'a Parameters,
}

/// A picture's crop, or why there is none, with its place.
type Loaded = (usize, Result<RgbImage>);

impl Explaining<'_> {
    fn all(&self, network: &Engine, step: &Step, folder: &Arc<PartsFolder>) -> Result<()> {
        let parts = step.parts_in(folder);
        let batches = self.batches(network, step, &parts)?;
        write_settings(self.store, "lrp", (&[network], &parts.devices()), self.parameters.normalise)?;
        judged(network, &batches.iter().map(|batch| batch.ledger.clone()).collect::<Vec<_>>())?;
        let mut done = Done { rows: Vec::new(), files: Vec::new(), rejects: Vec::new() };
        let mut ledger = Vec::new();
        for batch in batches {
            add(&mut ledger, &batch.ledger);
            done.rows.extend(batch.rows);
            done.files.extend(batch.files);
            done.rejects.extend(batch.rejects);
        }
        let what = format!("relevance of {}", self.model);
        finite_enough(&what, self.images.len(), &done.rejects)
            .map_err(|error| error.hint("look for NaN in the weights, and at the ledger for the layer"))?;
        step.reject(self.images.len(), &done.rejects)?;
        done.rows.sort_by_key(|(place, _)| *place);
        let name = self.model;
        let rows = done.rows.iter().map(|(_, row)| row.clone()).collect();
        let mut files = self.store.write_table(&format!("lrp_regions_{name}"), &RegionRow::table(rows)?)?.to_vec();
        files.extend(self.store.write_table(&format!("lrp_ledger_{name}"), &ledger_table(&ledger)?)?);
        step.finish(done, files)?;
        Ok(())
    }

    /// All batches, those that an earlier run finished as it left them.
    fn batches(&self, network: &Engine, step: &Step, parts: &Parts) -> Result<Vec<Batch>> {
        let places: Vec<usize> = (0..self.images.len()).collect();
        let chunks: Vec<&[usize]> = places.chunks(self.parameters.batch.max(1)).collect();
        let whole = |batch: &Batch| batch.files.iter().all(|file| self.store.is_whole(file));
        let portion = |chunk: &&[usize]| Portion { id: &self.images[chunk[0]].id, size: chunk.len() as u64 };
        let portions: Vec<Portion<'_>> = chunks.iter().map(portion).collect();
        let read = |at: usize| match step.is_own(&portions[at]) {
            true => Ok(parts.read(at)?.filter(whole)),
            false => Ok(None),
        };
        let mut all: Vec<Option<Batch>> = (0..chunks.len()).map(read).collect::<Result<_>>()?;
        let there: Vec<bool> = all.iter().map(Option::is_some).collect();
        let open = step.to_do(parts, &portions, &there)?;
        // A map is a number of four bytes a pixel, and a header.
        let left: usize = open.iter().map(|&at| chunks[at].len()).sum();
        self.store.check_room(left as u64 * (4 * u64::from(network.view().side).pow(2) + 128))?;
        let own = step.own(&portions) as usize;
        let run = step.start(own);
        run.goes_on(own - left);
        let view = network.view();
        let load = |&at: &usize| {
            run.check()?;
            let crop = |&place: &usize| (place, view.of(&self.images[place].path));
            Ok((at, chunks[at].iter().map(crop).collect::<Vec<Loaded>>()))
        };
        let work = |networks: &[Engine], (at, loaded): (usize, Vec<Loaded>)| {
            run.check()?;
            let batch = self.batch(&networks[0], loaded, &run)?;
            // What was in the way of a picture may be gone the next time.
            parts.write((at, portions[at].size), &batch, batch.rejects.len() as u64)?;
            Ok(batch)
        };
        for (at, batch) in open.iter().zip(on_workers(&[network], &open, load, work)?) {
            all[*at] = Some(batch);
        }
        run.finish();
        let skipped = all.iter().flatten().map(|batch| batch.rejects.len() as u64).sum();
        step.end_of_shard(parts, &portions, skipped)?;
        Ok(all.into_iter().flatten().collect())
    }

    fn batch(&self, network: &Engine, loaded: Vec<Loaded>, run: &Stage) -> Result<Batch> {
        let mut batch = Batch { rows: Vec::new(), files: Vec::new(), rejects: Vec::new(), ledger: Vec::new() };
        let mut crops = Vec::new();
        let mut reject = |place: usize, error| {
            run.skip();
            batch.rejects.push(Reject::of("relevance", &self.images[place].id, &error));
        };
        for (place, crop) in loaded {
            match crop {
                Ok(crop) => crops.push((place, crop)),
                Err(error) => reject(place, error),
            }
        }
        let mut together = |crops: &[(usize, RgbImage)]| self.explain(network, crops, &mut batch.ledger);
        let done = match halving(&crops, &mut together) {
            // One of them is not finite: which one it is, each by itself shows.
            Err(error) if error.code() == Code::Numeric => {
                let each = crops.iter().map(|crop| match together(std::slice::from_ref(crop)) {
                    Ok(mut one) => Ok(Ok(one.remove(0))),
                    Err(error) if error.code() == Code::Numeric => Ok(Err(error)),
                    Err(error) => Err(error),
                });
                each.collect::<Result<Vec<_>>>()?
            }
            done => done?,
        };
        for ((place, _), mapped) in crops.iter().zip(done) {
            match mapped {
                Ok(mapped) => {
                    run.tick();
                    let name = map_name(self.model, &self.images[*place].id);
                    batch.files.push(self.store.write_piece(&name, &mapped.map.to_npy())?);
                    batch.rows.push((*place, self.row(*place, &mapped)));
                }
                Err(error) => reject(*place, error),
            }
        }
        Ok(batch)
    }

    fn explain(
        &self,
        network: &Engine,
        crops: &[(usize, RgbImage)],
        ledger: &mut Vec<LedgerRow>,
    ) -> Result<Vec<Mapped>> {
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let Parameters { composite, normalise, .. } = self.parameters;
        // None if the network is to choose.
        let targets: Result<Option<Vec<usize>>> = crops
            .iter()
            .map(|(place, _)| target(self.parameters.target, &self.images[*place], network, self.classes))
            .collect();
        let targets = targets?;
        let pictures: Vec<RgbImage> = crops.iter().map(|(_, crop)| crop.clone()).collect();
        let input = to_input(&pictures, &normalise.of(network), network.device())?;
        let wanted = targets.as_deref().map_or(Targets::Predicted, Targets::Each);
        let explained = explain_with(network, &input, wanted, composite, Ledger::Kept)?;
        let logits = Vec::<f32>::try_from(
            explained.logits.to_device(tch::Device::Cpu).to_kind(tch::Kind::Float).contiguous().view(-1),
        )?;
        add(ledger, &explained.ledger);
        let maps = explained.maps()?.into_iter().zip(&explained.targets).zip(logits.chunks_exact(network.classes()));
        Ok(maps
            .map(|((map, &class), logits)| Mapped { class, softmax: softmax(logits)[class], logit: logits[class], map })
            .collect())
    }

    fn row(&self, place: usize, mapped: &Mapped) -> RegionRow {
        let (map, image) = (&mapped.map, &self.images[place]);
        let (positive_mean, negative_mean) = map.signed_means();
        RegionRow {
            file: image.id.clone(),
            wnid: image.wnid.clone(),
            model: self.model.to_string(),
            class: mapped.class as i64,
            class_name: self.classes.name(mapped.class),
            softmax: mapped.softmax,
            logit: f64::from(mapped.logit),
            relevance: map.sum(),
            kept: map.sum() / f64::from(mapped.logit),
            positive: map.positive_region().count() as i64,
            negative: map.negative_region().count() as i64,
            positive_mean,
            negative_mean,
            area: map.top((map.values().len() as f64 * AREA) as usize).count() as i64,
            mass: map.mass_region(MASS).count() as i64,
        }
    }
}

/// One picture's map and what goes with it.
#[derive(Debug)]
struct Mapped {
    class: usize,
    softmax: f64,
    logit: f32,
    map: HeatMap<Crop>,
}
