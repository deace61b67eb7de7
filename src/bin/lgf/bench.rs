//! What benchmarks time, without what the program takes to start.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use lgf::models::{self, Device, Experiments, Keep, Network, Normalise, Picture};
use lgf::notebook::{Progress, Show, format_number, say};
use lgf::polars::prelude::*;
use lgf::relevance::{self, Composite, Ledger, Targets};
use lgf::sequence::Sequence;
use lgf::store::Store;
use lgf::{analysis, bbox, datasets, edges, pixels, protocol, report, store};
use rayon::prelude::*;

use crate::BenchPart;

pub fn part(
    part: &BenchPart,
    open: impl Fn() -> lgf::Result<Store>,
    device: impl Fn() -> lgf::Result<Device>,
) -> Result<()> {
    match part {
        BenchPart::Boxes { archive } => bench_boxes(&open()?, archive),
        BenchPart::Edges { files } => bench_edges(files),
        BenchPart::Datasets { folder } => bench_datasets(&open()?, folder),
        BenchPart::Pixels { files } => bench_pixels(files),
        BenchPart::Analysis => bench_analysis(&open()?),
        BenchPart::Relevance { arch, weights, preset, batch, files } => {
            bench_relevance(arch, weights, preset, *batch, files, device()?)
        }
        BenchPart::Models { arch, weights, batch, files } => bench_models(arch, weights, *batch, files, device()?),
    }
}

pub fn steps(base: &Sequence) -> Result<()> {
    let folder = base.store.root().join("bench");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("clearing {}", folder.display()))?;
    }
    let fresh = Sequence { store: Store::at(&folder)?, protocol: base.protocol.clone(), device: base.device };
    let (mut names, mut seconds) = (Vec::new(), Vec::new());
    for (name, step) in Sequence::steps() {
        let began = Instant::now();
        step(&fresh)?;
        names.push(name);
        seconds.push(began.elapsed().as_secs_f64());
    }
    names.push("all");
    seconds.push(seconds.iter().sum());
    let found = df!("step" => names, "seconds" => seconds)?;
    say(found.text().as_str());
    say(&format!("peak memory {} MB, device {}", format_number(peak_megabytes()), base.device));
    std::fs::remove_dir_all(&folder).with_context(|| format!("clearing {}", folder.display()))?;
    Ok(())
}

fn bench_boxes(store: &Store, archive: &Path) -> Result<()> {
    let began = Instant::now();
    let read = bbox::read_archive(archive, &bbox::Limits::default(), &mut |_| Ok(()))?;
    store.write_table("bench_boxes", &read.boxes)?;
    say(&format!("{:.4} seconds for {} files", began.elapsed().as_secs_f64(), read.counts.files));
    Ok(())
}

fn bench_edges(files: &[PathBuf]) -> Result<()> {
    let pictures: Vec<pixels::RgbImage> = files.iter().map(pixels::decode).collect::<lgf::Result<_>>()?;
    let parameters = edges::Parameters::published();
    let began = Instant::now();
    let counts: lgf::Result<Vec<u64>> = pictures
        .par_iter()
        .map(|picture| Ok(edges::detect::<pixels::Original>(picture, &parameters)?.mask.count()))
        .collect();
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("{seconds:.4} seconds for {} pictures, {} edge pixels", files.len(), counts?.iter().sum::<u64>()));
    Ok(())
}

fn bench_datasets(store: &Store, folder: &Path) -> Result<()> {
    let images = store::list_images(&[folder.to_path_buf()])?;
    let mut parameters = datasets::Parameters::published();
    (parameters.smoothing.passes, parameters.smoothing.difference_pass) = (0, 0);
    let began = Instant::now();
    let made = datasets::build(store, &images, &parameters, &parameters.smoothing.l0, Progress::silent())?;
    say(&format!("{:.4} seconds for {} pictures", began.elapsed().as_secs_f64(), made.table.height()));
    Ok(())
}

fn bench_analysis(store: &Store) -> Result<()> {
    let predictions = store.table("predictions")?;
    let began = Instant::now();
    let sums = analysis::interaction(&predictions)?;
    let (seconds, rows) = (began.elapsed().as_secs_f64(), sums.height());
    say(&format!("{seconds:.5} seconds for {rows} sums over patches of {} predictions", predictions.height()));
    let began = Instant::now();
    let page = report::write(store, &protocol::published())?;
    say(&format!("{:.3} seconds for every table, figure and {}", began.elapsed().as_secs_f64(), page.display()));
    say(&format!("peak memory {} MB", format_number(peak_megabytes())));
    Ok(())
}

fn bench_pixels(files: &[PathBuf]) -> Result<()> {
    let pictures: Vec<pixels::RgbImage> = files.iter().map(pixels::decode).collect::<lgf::Result<_>>()?;
    let began = Instant::now();
    for picture in &pictures {
        let geometry = pixels::Geometry::imagenet(picture.height(), picture.width())?;
        std::hint::black_box(pixels::resize_bilinear(picture, geometry.resized));
    }
    say(&format!("{:.5} seconds to resize", began.elapsed().as_secs_f64()));
    let began = Instant::now();
    let crops: Vec<pixels::RgbImage> = pictures.iter().map(pixels::imagenet_crop).collect::<lgf::Result<_>>()?;
    say(&format!("{:.5} seconds to resize and crop", began.elapsed().as_secs_f64()));
    let began = Instant::now();
    for crop in &crops {
        std::hint::black_box(datasets::smooth(crop, &datasets::L0::default(), 1)?);
    }
    say(&format!("{:.4} seconds for a pass of L0", began.elapsed().as_secs_f64()));
    Ok(())
}

fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    (kilobytes.unwrap_or(f64::NAN) / 1024.0).round()
}

/// The forward pass alone, then everything from files to a table, as step 5 does it.
fn bench_models(arch: &str, weights: &Path, batch: usize, files: &[PathBuf], device: Device) -> Result<()> {
    let network = Network::load(arch, weights, device)?.folded()?;
    let crops: Vec<pixels::RgbImage> = files
        .iter()
        .take(batch)
        .map(|file| pixels::imagenet_crop(&pixels::decode(file)?))
        .collect::<lgf::Result<_>>()?;
    let rounds: Vec<usize> = (0..8).collect();
    let normalisation = *network.normalisation();
    let input = |_: &usize| models::to_input(&crops, &normalisation, device);
    let forward = |networks: &[Network], input| Ok(networks[0].forward(&input)?.size());
    models::on_workers(&[&network], &rounds[..2], input, forward)?;
    let began = Instant::now();
    models::on_workers(&[&network], &rounds, input, forward)?;
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("{:.3} pictures a second forward", (rounds.len() * crops.len()) as f64 / seconds));
    let pictures: Vec<Picture> = files.iter().map(|path| Picture { path: path.clone(), wnid: String::new() }).collect();
    let how = Experiments { normalise: Normalise::AsTrained, batch, keep: Keep::Chosen };
    let run = Progress::silent().start(pictures.len(), "pictures");
    let began = Instant::now();
    let done = models::predict_all(&[&network], &pictures, &how, &run)?;
    run.finish();
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("{:.3} pictures a second from files, {} of them", done.rows.len() as f64 / seconds, done.rows.len()));
    say(&format!("{} MB at most", format_number(peak_megabytes())));
    Ok(())
}

/// The forward pass and the whole of relevance, of the same batches, with all cores on each.
fn bench_relevance(
    arch: &str,
    weights: &Path,
    preset: &str,
    batch: usize,
    files: &[PathBuf],
    device: Device,
) -> Result<()> {
    let composite = Composite::preset(preset)?;
    let network = Network::load(arch, weights, device)?.in_form(composite.form)?;
    let crops: lgf::Result<Vec<pixels::RgbImage>> =
        files.iter().map(|file| pixels::imagenet_crop(&pixels::decode(file)?)).collect();
    let crops = crops?;
    let batches: Vec<&[pixels::RgbImage]> = crops.chunks(batch.max(1)).collect();
    let normalisation = *network.normalisation();
    let input = |crops: &&[pixels::RgbImage]| models::to_input(crops, &normalisation, device);
    let forward = |networks: &[Network], input| Ok(networks[0].forward(&input)?.size());
    let explain = |networks: &[Network], input| {
        let explained = relevance::explain_with(&networks[0], &input, Targets::Predicted, &composite, Ledger::NotKept)?;
        Ok(explained.relevance.size())
    };
    models::on_workers(&[&network], &batches, input, forward)?;
    let began = Instant::now();
    models::on_workers(&[&network], &batches, input, forward)?;
    say(&format!("{:.3} pictures a second forward", crops.len() as f64 / began.elapsed().as_secs_f64()));
    let began = Instant::now();
    models::on_workers(&[&network], &batches, input, explain)?;
    say(&format!("{:.3} pictures a second of relevance", crops.len() as f64 / began.elapsed().as_secs_f64()));
    say(&format!("{} MB at most", format_number(peak_megabytes())));
    Ok(())
}
