//! Variants of photographs that are made on the device and never written.

use image::RgbImage;

use super::device::Device;
use super::engine::Engine;
use super::predict::{Experiments, Predictions, by_picture, collected, joined};
use super::render::{Studio, normalised};
use super::workers::{halving, on_workers};
use crate::datasets::{self, Canvas, Drawn, Recipe, Smoother};
use crate::error::{Error, Result};
use crate::files::ImageFile;
use crate::notebook::Stage;
use crate::pixels::{self, Crop};

/// All networks on all variants of some photographs, made in memory on the device and never written: a list of predictions
/// in the order of the manifest that [`datasets::planned`] gives for the same photographs. Numbers are those of the files
/// where these are without loss.
///
/// # Errors
/// As [`predict_all`](super::predict_all); [`Code::Parameter`] for sizes that do not fit the crop.
pub fn predict_variants(
    networks: &[&Engine],
    images: &[ImageFile],
    parameters: &datasets::Parameters,
    smoother: &dyn Smoother,
    how: &Experiments,
    run: &Stage,
) -> Result<Predictions> {
    let plans: Result<Vec<Vec<Recipe>>> =
        images.iter().map(|image| datasets::plan(&image.id, Crop::SIDE, parameters)).collect();
    let plans = plans?;
    let order = datasets::in_order(&plans);
    let mut numbers: Vec<Vec<usize>> = plans.iter().map(|plan| vec![0; plan.len()]).collect();
    order.iter().enumerate().for_each(|(number, (image, index))| numbers[*image][*index] = number);

    let items: Vec<usize> = (0..images.len()).collect();
    let read = |image: usize| -> Result<(RgbImage, Vec<Drawn>)> {
        let photograph = pixels::decode(&images[image].path)?;
        let crop = pixels::imagenet_crop(&photograph)?;
        let mut canvas = Canvas::new((&photograph, &crop), &images[image].id, parameters.seed, smoother);
        let variants: Result<Vec<Drawn>> = plans[image].iter().map(|recipe| recipe.change.draw(&mut canvas)).collect();
        Ok((crop, variants?))
    };
    let load = |&image: &usize| {
        run.check()?;
        match read(image) {
            Err(error) if !error.is_of_picture(&images[image].path) => Err(error),
            read => Ok((image, read)),
        }
    };
    let work = |networks: &[Engine], (image, read): (usize, Result<(RgbImage, Vec<Drawn>)>)| {
        let (crop, variants) = match read {
            Ok(read) => read,
            Err(error) => {
                // One photograph, all its variants.
                let reject = |&number: &usize| {
                    run.skip();
                    (number, Error::new(error.code(), error.message()).path(&images[image].path))
                };
                let rejects = numbers[image].iter().map(reject).collect();
                return Ok(Predictions { rows: Vec::new(), rejects });
            }
        };
        let mut studio = Studio::new(&crop);
        let mut all = Predictions::default();
        let places: Vec<usize> = (0..plans[image].len()).collect();
        for chunk in places.chunks(how.batch.max(1)) {
            run.check()?;
            let rows = halving(chunk, &mut |chunk: &[usize]| {
                let variants: Vec<&Drawn> = chunk.iter().map(|&place| &variants[place]).collect();
                let bytes = studio.batch(&variants, networks.first().map_or(Device::Cpu, Engine::device))?;
                by_picture(networks, how, |normalisation, _| normalised(&bytes, normalisation))
            })?;
            let done = collected(networks, chunk.iter().map(|&place| numbers[image][place]).zip(rows), run);
            all.rows.extend(done.rows);
            all.rejects.extend(done.rejects);
        }
        Ok(all)
    };
    let parts = on_workers(networks, &items, load, work)?;
    let mut all = joined(parts, order.len())?;
    all.rows.sort_by_key(|row| row.picture);
    all.rejects.sort_by_key(|(picture, _)| *picture);
    Ok(all)
}
