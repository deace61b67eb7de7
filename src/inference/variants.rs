//! Variants of photographs that are made on the device and never written.

use std::collections::HashSet;

use image::RgbImage;

use super::device::Device;
use super::engine::Engine;
use super::kept::Kept;
use super::predict::{Experiments, STAGE, by_picture, collected};
use super::prediction::Predictions;
use super::render::{Studio, normalised, seen};
use super::workers::halving;
use crate::datasets::{self, Canvas, Drawn, Recipe, Smoother};
use crate::error::Result;
use crate::files::{ImageFile, sha256_hex};
use crate::notebook::Stage;
use crate::pixels::{self, Crop};
use crate::stage::Portion;
use crate::table::Reject;

/// Some photographs and all variants of each, as they are planned.
pub(super) struct Variants<'a> {
    images: &'a [ImageFile],
    parameters: &'a datasets::Parameters,
    smoother: &'a dyn Smoother,
    plans: Vec<Vec<Recipe>>,
    /// The row of the manifest of each variant of each photograph.
    rows: Vec<Vec<usize>>,
}

/// A photograph's crop and what is drawn of it.
type Loaded = (usize, Result<(RgbImage, Vec<Drawn>)>);

impl<'a> Variants<'a> {
    /// # Errors
    /// As [`datasets::plan`].
    pub(super) fn of(
        images: &'a [ImageFile],
        parameters: &'a datasets::Parameters,
        smoother: &'a dyn Smoother,
    ) -> Result<Self> {
        let plans: Result<Vec<Vec<Recipe>>> =
            images.iter().map(|image| datasets::plan(&image.id, Crop::SIDE, parameters)).collect();
        let plans = plans?;
        let mut rows: Vec<Vec<usize>> = plans.iter().map(|plan| vec![0; plan.len()]).collect();
        for (row, (image, recipe)) in datasets::in_order(&plans).into_iter().enumerate() {
            rows[image][recipe] = row;
        }
        Ok(Variants { images, parameters, smoother, plans, rows })
    }

    /// What identifies what is done for some rows of the manifest.
    pub(super) fn hash_of(&self, rows: &[usize]) -> String {
        let wanted: HashSet<usize> = rows.iter().copied().collect();
        let recipes = self.plans.iter().zip(&self.rows).flat_map(|(plan, rows)| plan.iter().zip(rows));
        let own = recipes.filter(|(_, row)| wanted.contains(row)).map(|(recipe, _)| format!("{:?}", recipe.change));
        sha256_hex(format!("{} {}", self.parameters.seed, own.collect::<Vec<_>>().join("\n")).as_bytes())
    }

    /// Those of some rows of the manifest alone; a photograph of which nothing is left stays, with nothing.
    pub(super) fn only(&self, rows: &[usize]) -> Self {
        let wanted: HashSet<usize> = rows.iter().copied().collect();
        let (mut plans, mut own) = (self.plans.clone(), self.rows.clone());
        for (plan, rows) in plans.iter_mut().zip(&mut own) {
            let mut kept = rows.iter().map(|row| wanted.contains(row));
            plan.retain(|_| kept.next().unwrap_or(false));
            rows.retain(|row| wanted.contains(row));
        }
        Variants { plans, rows: own, ..*self }
    }

    /// The variants of each photograph, which are done together.
    pub(super) fn batches(&self) -> Vec<Portion<'a>> {
        let batch = |(image, plan): (&'a ImageFile, &Vec<Recipe>)| Portion { id: &image.id, size: plan.len() as u64 };
        self.images.iter().zip(&self.plans).map(batch).collect()
    }

    /// All networks on all variants, made in memory on the device and never written: predictions in the order of the manifest
    /// that [`datasets::planned`] gives for the same photographs. Numbers are those of the files where these are without loss.
    ///
    /// # Errors
    /// As [`predict_all`](super::predict_all).
    pub(super) fn predict(
        &self,
        networks: &[&Engine],
        how: &Experiments,
        (kept, run): (&Kept<'_>, &Stage),
    ) -> Result<Predictions> {
        let work = |networks: &[Engine], loaded: Loaded| self.of_photograph(networks, loaded, (how, run));
        let mut all = kept.batches(networks, &self.batches(), run, (|image| self.load(image), work))?;
        // What was kept may be of more of them.
        let wanted: HashSet<usize> = self.rows.iter().flatten().copied().collect();
        all.rows.retain(|row| wanted.contains(&row.picture));
        all.rejects.retain(|(picture, _)| wanted.contains(picture));
        all.rows.sort_by_key(|row| row.picture);
        all.rejects.sort_by_key(|(picture, _)| *picture);
        Ok(all)
    }

    fn load(&self, image: usize) -> Result<Loaded> {
        match self.draw(image) {
            Err(error) if !error.is_of_picture(&self.images[image].path) => Err(error),
            drawn => Ok((image, drawn)),
        }
    }

    fn draw(&self, image: usize) -> Result<(RgbImage, Vec<Drawn>)> {
        let ImageFile { path, id, .. } = &self.images[image];
        let photograph = pixels::decode(path)?;
        let crop = pixels::imagenet_crop(&photograph)?;
        let mut canvas = Canvas::new((&photograph, &crop), id, self.parameters.seed, self.smoother);
        let drawn: Result<Vec<Drawn>> = self.plans[image].iter().map(|recipe| recipe.draw(&mut canvas)).collect();
        Ok((crop, drawn?))
    }

    fn of_photograph(
        &self,
        networks: &[Engine],
        (image, drawn): Loaded,
        (how, run): (&Experiments, &Stage),
    ) -> Result<Predictions> {
        let ImageFile { path, id, .. } = &self.images[image];
        let (crop, drawn) = match drawn {
            Ok(drawn) => drawn,
            Err(error) => {
                // One photograph, all its variants.
                let reject = Reject::of(STAGE, id, &error.or_path(path));
                self.rows[image].iter().for_each(|_| run.skip());
                let rejects = self.rows[image].iter().map(|&row| (row, reject.clone())).collect();
                return Ok(Predictions { rows: Vec::new(), rejects });
            }
        };
        let mut studio = Studio::new(&crop);
        let mut all = Predictions::default();
        // Several kinds have the same untouched picture: networks see it once.
        let crops: Vec<usize> = (0..drawn.len()).filter(|&place| matches!(drawn[place], Drawn::Crop)).collect();
        let (first, others) = crops.split_first().map_or((None, &[][..]), |(first, others)| (Some(*first), others));
        let places: Vec<usize> = (0..drawn.len()).filter(|place| !others.contains(place)).collect();
        for chunk in places.chunks(how.batch.max(1)) {
            run.check()?;
            let rows = halving(chunk, &mut |chunk: &[usize]| {
                let drawn: Vec<&Drawn> = chunk.iter().map(|&place| &drawn[place]).collect();
                let bytes = studio.batch(&drawn, networks.first().map_or(Device::Cpu, Engine::device))?;
                by_picture(networks, how, |normalisation, view, _| normalised(&seen(&bytes, view)?, normalisation))
            })?;
            let rows = chunk.iter().map(|&place| (self.rows[image][place], id.as_str())).zip(rows);
            let done = collected(networks, rows, run);
            all.rows.extend(done.rows);
            all.rejects.extend(done.rejects);
        }
        if let Some(first) = first {
            let rows = &self.rows[image];
            others.iter().for_each(|&place| all.copy(rows[first], rows[place], run));
        }
        Ok(all)
    }
}
