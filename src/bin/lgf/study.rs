//! What a study is made of: photographs and networks of one's own, downloads, the networks of the sample.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use lgf::error::listed;
use lgf::files::{ImageFile, Listing, Store};
use lgf::models::{self, Registry};
use lgf::notebook::{Progress, counted, say, whole_table};
use lgf::observers::all_trials;
use lgf::pixels::Sight;
use lgf::protocol::Protocol;
use lgf::sample::{self, BAG_OF_TILES, Drawings, NETWORKS, Textures, Training, WITH_PATCHES};
use lgf::study::{CUE_CONFLICT, Classes, DecisionFolder, Description, Layout, StimulusFolder, Study};

use crate::arguments::{Fetch, Init, Train};
use crate::networks;

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
    if store.path("study.json").exists() && !init.replace {
        bail!(
            "{}: there is a study in this data root already\n  hint: take another --root, or --replace to write another study over it",
            store.path("study.json").display()
        );
    }
    let absolute = |path: &PathBuf| path.canonicalize().with_context(|| format!("{}: not there", path.display()));
    let smoother = |prefix: &PathBuf| -> Result<PathBuf> {
        let index = prefix.with_added_extension("index");
        Ok(absolute(&index)?.with_extension(""))
    };
    let networks = networks::entries(store, init)?;
    let named = |what: &str, given: &String| -> Result<(String, PathBuf)> {
        let (name, folder) =
            given.split_once('=').with_context(|| format!("--{what} {given}: expected NAME=FOLDER"))?;
        Ok((name.to_string(), absolute(&PathBuf::from(folder))?))
    };
    let set = |name: String, folder: PathBuf| StimulusFolder { name, folder, layout: None, seen: Sight::default() };
    let mut stimuli: Vec<StimulusFolder> = Vec::new();
    if let Some(folder) = &init.conflict {
        stimuli.push(StimulusFolder { layout: Some(Layout::Conflict), ..set(CUE_CONFLICT.into(), absolute(folder)?) });
    }
    for given in &init.stimuli {
        let (name, folder) = named("stimuli", given)?;
        stimuli.push(set(name, folder));
    }
    let decisions = |given: &String| -> Result<DecisionFolder> {
        let (stimuli, folder) = named("decisions", given)?;
        Ok(DecisionFolder { stimuli, folder, rule: false })
    };
    let described = Description {
        images: init.images.iter().map(absolute).collect::<Result<_>>()?,
        split: init.split.clone(),
        annotations: init.annotations.as_ref().map(absolute).transpose()?,
        pairs: networks::pairs(&networks, &init.pair)?,
        networks,
        images_per_class: init.per_class,
        smoother: init.smoother.as_ref().map(smoother).transpose()?,
        manipulations: init.manipulation.clone(),
        stimuli,
        decisions: init.decisions.iter().map(decisions).collect::<Result<_>>()?,
        categories: init.categories.as_ref().map(absolute).transpose()?,
        ..Description::named(if init.images.is_empty() { "own stimuli" } else { "own photographs" }, Classes::Imagenet)
    };
    described.check()?;
    let study = Study { store: store.clone(), described };
    protocol.datasets_of(&study)?.check()?;
    networks::check(&study)?;
    let photographs = if init.images.is_empty() { 0 } else { say_photographs(&study, protocol)? };
    let stimuli = say_observers(&study, protocol)?;
    let study = Study::begin(study.store, study.described)?;
    let mut parts = vec![counted(photographs, "photograph")];
    parts.extend((stimuli > 0).then(|| counted(stimuli, "stimulus picture")));
    parts.push(counted(study.networks().len(), "network"));
    say(&format!("{}: {}", store.path("study.json").display(), parts.join(", ")));
    Ok(())
}

/// Says which photographs there are, and how many are sampled; how many are under study.
fn say_photographs(study: &Study, protocol: &Protocol) -> Result<usize> {
    let listing = study.listing()?;
    let images = protocol.photographs(study)?;
    let sampled = protocol.sampled(study, &images)?;
    say(&found(&listing, &images));
    let classes = sampled.iter().map(|image| &image.wnid).collect::<BTreeSet<_>>().len();
    say(&format!("{} of each class will be sampled", counted(sampled.len() / classes, "photograph")));
    Ok(images.len())
}

/// Says which stimuli and decisions there are, each read once; how many stimuli.
fn say_observers(study: &Study, protocol: &Protocol) -> Result<usize> {
    let mut count = 0;
    for set in study.described.stimulus_folders() {
        let stimuli = study.stimuli(&set)?;
        let conditions: BTreeSet<&str> = stimuli.iter().map(|stimulus| stimulus.condition.as_str()).collect();
        let conditions = counted(conditions.len(), "condition");
        say(&format!("{}: {} in {conditions}", set.name, counted(stimuli.len(), "stimulus picture")));
        count += stimuli.len();
    }
    let how = &protocol.analysis.observers;
    let people = Study { described: Description { networks: Vec::new(), ..study.described.clone() }, ..study.clone() };
    for trials in all_trials(&people, (how.scoring, how.ties))? {
        let names: Vec<&str> = trials.observers.iter().map(|observer| observer.name.as_str()).collect();
        say(&format!("{}: decisions of {}", trials.set, listed(&names, 12)));
    }
    Ok(count)
}

/// What was found in the folders, in lines.
fn found(listing: &Listing, images: &[ImageFile]) -> String {
    let mut splits = BTreeMap::<&str, usize>::new();
    listing.images.iter().for_each(|image| *splits.entry(&image.split).or_default() += 1);
    let splits: Vec<String> = splits
        .iter()
        .map(|(split, count)| format!("{count} in {}", if split.is_empty() { "no split" } else { split }))
        .collect();
    let classes: Vec<String> = listing.classes().iter().map(|(class, count)| format!("{class} {count}")).collect();
    let mut lines = vec![format!(
        "{} ({}), {} under study; {}: {}",
        counted(listing.images.len(), "photograph"),
        splits.join(", "),
        images.len(),
        if classes.len() == 1 { "1 class".into() } else { format!("{} classes", classes.len()) },
        listed(&classes, 12)
    )];
    let held_out = images.iter().filter(|image| image.is_validation()).count();
    if held_out > 0 {
        lines.push(format!("{held_out} of them are of ImageNet's validation set; networks were trained on the others"));
    }
    lines.extend(listing.passed_over());
    lines.join("\n")
}

pub fn train_sample(given: &Train) -> Result<()> {
    let offered = || NETWORKS.iter().chain([&BAG_OF_TILES]).chain(&WITH_PATCHES);
    let mut cards = Vec::new();
    for textures in [Textures::Own, Textures::Exchanged] {
        let chosen: Vec<(&str, &str)> = offered()
            .filter(|(name, _, own)| *own == textures && given.network.as_deref().is_none_or(|only| only == *name))
            .map(|(name, architecture, _)| (*name, *architecture))
            .collect();
        if chosen.is_empty() {
            continue;
        }
        let drawn = training(given, Training::of(textures));
        say(&format!("train-sample: drawing {} pictures", drawn.pictures));
        let drawings = Drawings::draw(&drawn)?;
        for (name, architecture) in chosen {
            let usual = match name {
                name if name == BAG_OF_TILES.0 => Training::of_bag(),
                name if sample::knows_patches(name) => Training::with_patches(textures),
                _ => Training::of(textures),
            };
            let training = training(given, usual);
            let run = Progress::bar(name).start(training.steps(), "steps");
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
        let names: Vec<&str> = offered().map(|(name, ..)| *name).collect();
        bail!("no network of that name in the sample; there are {}", names.join(", "));
    }
    Ok(())
}

/// A training with what the command line says of it.
fn training(given: &Train, usual: Training) -> Training {
    let (pictures, epochs) = (given.pictures.unwrap_or(usual.pictures), given.epochs.unwrap_or(usual.epochs));
    Training { pictures, epochs, ..usual }
}
