//! What a study is made of: photographs and networks of one's own, downloads, the networks of the sample.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use lgf::models::{self, Registry};
use lgf::notebook::{Progress, say, whole_table};
use lgf::protocol::Protocol;
use lgf::sample::{self, Drawings, NETWORKS, Textures, Training};
use lgf::store::{Classes, Store, Study};

use crate::{Fetch, Init, Train, networks};

pub fn fetch(store: &Store, fetch: &Fetch) -> Result<()> {
    let registry = Registry::open(store)?;
    if fetch.list {
        say(whole_table(&registry.table(store)?).text());
    }
    // All names first: a wrong one is said before anything is fetched.
    let entries: Vec<_> = fetch.names.iter().map(|name| registry.entry(name)).collect::<lgf::Result<_>>()?;
    for entry in entries {
        for path in entry.fetch(store, &Progress::bar("fetch"))? {
            say(&format!("{}: {}", entry.name, path.display()));
        }
    }
    Ok(())
}

pub fn init(store: &Store, init: &Init, protocol: &Protocol) -> Result<()> {
    let absolute = |path: &PathBuf| path.canonicalize().with_context(|| format!("{}: not there", path.display()));
    let smoother = |prefix: &PathBuf| -> Result<PathBuf> {
        let index = prefix.with_added_extension("index");
        Ok(absolute(&index)?.with_extension(""))
    };
    let mut study = Study {
        name: "own photographs".into(),
        images: init.images.iter().map(absolute).collect::<Result<_>>()?,
        split: init.split.clone(),
        annotations: init.annotations.as_ref().map(absolute).transpose()?,
        conflict: None,
        classes: Classes::Imagenet,
        networks: networks::entries(store, init)?,
        images_per_class: 0,
        smoother: init.smoother.as_ref().map(smoother).transpose()?,
    };
    networks::check(store, &study)?;
    let images = study.split_images(store)?;
    let mut classes = std::collections::BTreeMap::<&str, usize>::new();
    images.iter().for_each(|image| *classes.entry(&image.wnid).or_default() += 1);
    let smallest = classes.values().copied().min().unwrap_or(0);
    study.images_per_class = match init.per_class {
        Some(count) => count,
        None => protocol.images_per_class(classes.len())?.min(smallest),
    };
    say(&format!("{} of each of {} classes will be sampled", study.images_per_class, classes.len()));
    let path = study.save(store)?;
    say(&format!("{}: {} photographs, {} networks", path.display(), images.len(), study.networks.len()));
    Ok(())
}

pub fn train_sample(given: &Train) -> Result<()> {
    let mut cards = Vec::new();
    for textures in [Textures::Own, Textures::Exchanged] {
        let chosen: Vec<&(&str, &str)> = NETWORKS
            .iter()
            .filter(|(name, _)| (*name == "sin-resnet50") == (textures == Textures::Exchanged))
            .filter(|(name, _)| given.network.as_deref().is_none_or(|only| only == *name))
            .collect();
        if chosen.is_empty() {
            continue;
        }
        let mut training = Training::of(textures);
        training.pictures = given.pictures.unwrap_or(training.pictures);
        training.epochs = given.epochs.unwrap_or(training.epochs);
        say(&format!("train-sample: drawing {} pictures", training.pictures));
        let drawings = Drawings::draw(&training)?;
        for (name, architecture) in chosen {
            let run = Progress::bar(*name).start(training.steps(), "steps");
            let began = Instant::now();
            let network = sample::train(name, &models::architecture(architecture)?, &training, &drawings, &run)?;
            run.finish();
            let seconds = began.elapsed().as_secs_f64();
            let card = sample::save(&given.out, &network, architecture, &training, seconds)?;
            say(&card);
            cards.push(card);
        }
    }
    if cards.is_empty() {
        bail!("no network of that name in the sample; there are {}", NETWORKS.map(|(name, _)| name).join(", "));
    }
    Ok(())
}
