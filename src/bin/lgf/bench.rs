//! What benchmarks time, without what the program takes to start.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use lgf::datasets::Manipulation;
use lgf::files::Store;
use lgf::inference::{self, Device, Engine, Experiments, Keep, Normalise, Picture, Precision, Rehearsal};
use lgf::models::{self, Form, Network, Part};
use lgf::notebook::{Progress, Show, format_number, say};
use lgf::observers::{Decision, Trials};
use lgf::pixels::{Crop, HeatMap, PixelBox, PixelMask};
use lgf::protocol::Protocol;
use lgf::relevance::{self, Composite, Forms, Ledger, Method, Order, Removal, Targets};
use lgf::sequence::{self, Run, TimeRow};
use lgf::study::Study;
use lgf::table::Row;
use lgf::{analysis, bbox, datasets, edges, files, pixels, protocol, report, sample};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use tch::Tensor;

use crate::arguments::BenchPart;

pub fn part(
    part: &BenchPart,
    open: impl Fn() -> lgf::Result<Store>,
    device: impl Fn() -> lgf::Result<Device>,
) -> Result<()> {
    match part {
        BenchPart::Boxes { archive } => bench_boxes(&open()?, archive),
        BenchPart::Edges { files } => bench_edges(files),
        BenchPart::Changes { spec, files } => bench_changes(&spec.parse()?, files),
        BenchPart::Datasets { folder } => bench_datasets(&open()?, folder),
        BenchPart::Pixels { files } => bench_pixels(files),
        BenchPart::Analysis => bench_analysis(&open()?),
        BenchPart::Consistency => bench_consistency(),
        BenchPart::Scale { networks, items, shards, at_most_seconds, at_most_mb } => {
            let rehearsal = Rehearsal { networks: *networks, items: *items, shards: *shards };
            bench_scale(&open()?, &rehearsal, (*at_most_seconds, *at_most_mb))
        }
        BenchPart::Device { batch, files } => bench_device(*batch, files, device()?),
        BenchPart::Relevance { arch, weights, preset, batch, files } => {
            bench_relevance(arch, weights, preset, *batch, files, device()?)
        }
        BenchPart::Metrics { arch, weights, files } => bench_metrics(arch, weights, files, device()?),
        BenchPart::Models { arch, weights, batch, files } => bench_models(arch, weights, *batch, files, device()?),
    }
}

fn bench_scale(store: &Store, rehearsal: &Rehearsal, most: (Option<f64>, Option<u64>)) -> Result<()> {
    let Rehearsal { networks, items, shards } = rehearsal;
    let took = rehearsal.run(&store.clone().quiet())?;
    let (mb, peak) = (took.bytes >> 20, lgf::process::peak_bytes() >> 20);
    let all = took.shards + took.plan + took.merge;
    say(&format!(
        "{networks} networks x {items} pictures in {shards} shards: {all:.1} s (shards {:.1}, plan {:.1}, merge {:.1}), \
         {} files of {mb} MB while they work, peak memory {peak} MB",
        took.shards, took.plan, took.merge, took.files
    ));
    if most.0.is_some_and(|most| all > most) || most.1.is_some_and(|most| peak > most) {
        bail!("more than {:?} s or {:?} MB", most.0.unwrap_or(f64::INFINITY), most.1.unwrap_or(u64::MAX));
    }
    Ok(())
}

fn bench_consistency() -> Result<()> {
    const OBSERVERS: usize = 50;
    const PICTURES: usize = 1280;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut decisions = Vec::new();
    for observer in 0..OBSERVERS {
        let accuracy = 0.2 + 0.6 * observer as f64 / OBSERVERS as f64;
        for picture in 0..PICTURES {
            let response = if random.random_bool(accuracy) { "cat" } else { "dog" };
            decisions.push(Decision {
                observer: format!("observer {observer}").into(),
                session: "1".into(),
                trial: picture as u32,
                rt: f64::NAN,
                response: Some(response.into()),
                category: "cat".into(),
                condition: "0".into(),
                imagename: format!("{picture}.png"),
            });
        }
    }
    let trials = Trials::of("bench", &["cat".into(), "dog".into()], &decisions, false)?;
    let began = Instant::now();
    let rows = analysis::consistency(&trials, &analysis::Observing::default())?;
    say(&format!("{:.3} s for {} pairs", began.elapsed().as_secs_f64(), rows.len()));
    Ok(())
}

pub fn steps(device: Device, base: &Store, protocol: &Protocol) -> Result<()> {
    let folder = base.root().join("bench");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("clearing {}", folder.display()))?;
    }
    let (mut names, mut seconds) = (vec!["0 sample"], Vec::new());
    let began = Instant::now();
    let study = sample::open(&Store::at(&folder)?, &protocol.sample)?;
    seconds.push(began.elapsed().as_secs_f64());
    let fresh = Run { study, protocol: protocol.clone(), device };
    for (name, step) in sequence::steps() {
        let began = Instant::now();
        step(&fresh)?;
        names.push(name);
        seconds.push(began.elapsed().as_secs_f64());
    }
    names.push("all");
    seconds.push(seconds.iter().sum());
    let rows = names.into_iter().zip(seconds).map(|(step, seconds)| TimeRow { step: step.into(), seconds });
    say(TimeRow::table(rows.collect())?.text().as_str());
    say(&format!("peak memory {} MB, device {device}", format_number(peak_megabytes())));
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
    let images = files::list_images(&[folder.to_path_buf()])?;
    let mut parameters = datasets::Parameters::published();
    (parameters.smoothing.passes, parameters.smoothing.difference_pass) = (0, 0);
    let began = Instant::now();
    let made = datasets::build(store, &images, &parameters, &parameters.smoothing.l0)?;
    say(&format!("{:.4} seconds for {} pictures", began.elapsed().as_secs_f64(), made.table.height()));
    Ok(())
}

/// What decoding and cropping take is left out; on all cores, the fastest of five.
fn bench_changes(manipulation: &Manipulation, files: &[PathBuf]) -> Result<()> {
    let crops: Vec<pixels::RgbImage> = files.par_iter().map(pixels::crop_of).collect::<lgf::Result<_>>()?;
    let smoother = datasets::L0::default();
    let draw = |(place, crop): (usize, &pixels::RgbImage)| -> lgf::Result<()> {
        let id = place.to_string();
        let mut canvas = datasets::Canvas::new((crop, crop), &id, 7, &smoother);
        for recipe in manipulation.plan(&canvas.subject)?.iter().filter(|recipe| recipe.level > 0) {
            std::hint::black_box(recipe.draw(&mut canvas)?.picture(crop)?);
        }
        Ok(())
    };
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let began = Instant::now();
        crops.par_iter().enumerate().try_for_each(draw)?;
        best = best.min(began.elapsed().as_secs_f64());
    }
    say(&format!("{best:.5} seconds for {manipulation} of {} pictures", crops.len()));
    Ok(())
}

fn bench_analysis(store: &Store) -> Result<()> {
    let predictions = store.rows("predictions")?;
    let began = Instant::now();
    let sums = analysis::interaction(&predictions);
    let (seconds, rows) = (began.elapsed().as_secs_f64(), sums.len());
    say(&format!("{seconds:.5} seconds for {rows} sums over patches of {} predictions", predictions.len()));
    let began = Instant::now();
    let (study, published) = (Study::open(store.clone())?, protocol::published());
    let page = report::write(store, &published, &analysis::write_all(&study, &published.analysis)?)?;
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
    let network = Engine::load(arch, weights, device)?.folded()?;
    let crops: Vec<pixels::RgbImage> =
        files.iter().take(batch).map(|file| network.view().seen(&pixels::decode(file)?)).collect::<lgf::Result<_>>()?;
    let rounds: Vec<usize> = (0..8).collect();
    let normalisation = *network.normalisation();
    let input = |_: &usize| inference::to_input(&crops, &normalisation, device);
    let forward = |networks: &[Engine], input| Ok(networks[0].forward(&input)?.size());
    inference::on_workers(&[&network], &rounds[..2], input, forward)?;
    let began = Instant::now();
    inference::on_workers(&[&network], &rounds, input, forward)?;
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("{:.3} pictures a second forward", (rounds.len() * crops.len()) as f64 / seconds));
    let pictures: Vec<Picture> = files.iter().map(Picture::at).collect();
    let how = Experiments { normalise: Normalise::AsTrained, batch, keep: Keep::Chosen };
    let run = Progress::silent().start(pictures.len(), "pictures");
    let began = Instant::now();
    let done = inference::predict_all(&[&network], &pictures, &how, &run)?;
    run.finish();
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("{:.3} pictures a second from files, {} of them", done.rows.len() as f64 / seconds, done.rows.len()));
    say(&format!("{} MB at most", format_number(peak_megabytes())));
    Ok(())
}

/// Weights as an untrained network has them: uniform, as wide as keeps the size of what passes.
fn random(name: &str, device: Device) -> lgf::Result<Engine> {
    const CLASSES: i64 = 1000;
    let table = models::architecture(name)?.with_classes(CLASSES);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut weights = models::Weights::new();
    for node in table.nodes() {
        let norm = matches!(node.layer, models::Layer::BatchNorm { .. } | models::Layer::LayerNorm { .. });
        for parameter in node.layer.parameters() {
            let count = parameter.shape.iter().product::<i64>() as usize;
            let wide = (6.0 * parameter.shape[0] as f32 / count as f32).sqrt();
            let values: Vec<f32> = match parameter.part {
                Part::Weight | Part::Variance if norm => vec![1.0; count],
                Part::Weight => (0..count).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * wide).collect(),
                Part::Own => (0..count).map(|_| rng.random::<f32>() * 0.4).collect(),
                _ => vec![0.0; count],
            };
            weights.insert(parameter.name, Tensor::from_slice(&values).view(&parameter.shape[..]));
        }
    }
    Ok(Engine::new(Network::new(name, &table, weights)?, device))
}

/// The six of the thesis, and one of each family of today.
const ON_DEVICES: [&str; 19] = [
    "vgg16",
    "resnet50",
    "sin-resnet50",
    "se-resnet50",
    "resnext50",
    "se-resnext50",
    "alexnet",
    "squeezenet1_1",
    "densenet121",
    "googlenet",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "efficientnet-lite0",
    "regnet_y_400mf",
    "convnext_tiny",
    "vit_b_16",
    "swin_t",
    "bagnet17",
];

fn bench_device(batch: usize, files: &[PathBuf], device: Device) -> Result<()> {
    /// Largest difference of a logit in 32 bits, as a share of the largest logit.
    const SINGLE: f32 = 1e-3;
    /// How many times farther logits in 16 bits may lie from those in 32 than the processor's own in 16 bits do.
    const TIMES: f32 = 2.0;
    let files: Vec<PathBuf> = files::list_images(files)?.into_iter().map(|image| image.path).collect();
    let seen = |network: &Engine| -> lgf::Result<Vec<pixels::RgbImage>> {
        files.iter().take(8).map(|file| network.view().seen(&pixels::decode(file)?)).collect()
    };
    let pictures: Vec<Picture> = (0..1000).map(|at| Picture::at(&files[at % files.len()])).collect();
    let mut wrong = Vec::new();
    for name in ON_DEVICES {
        let plain = random(name, Device::Cpu)?.folded()?;
        let crops = seen(&plain)?;
        let input = inference::to_input(&crops, plain.normalisation(), Device::Cpu)?;
        let expected: Vec<f32> = values(&plain.forward(&input)?)?;
        let size = largest(expected.iter().map(|logit| logit.abs()));
        let apart = |network: &Engine, device: Device| -> lgf::Result<f32> {
            let input = inference::to_input(&crops, network.normalisation(), device)?;
            let found: Vec<f32> = values(&network.forward(&input)?)?;
            Ok(largest(expected.iter().zip(&found).map(|(a, b)| (a - b).abs())) / size)
        };
        let rounded = apart(&random(name, Device::Cpu)?.prepared(Form::Folded, Precision::BFloat16)?, Device::Cpu)?;
        for (precision, most) in [(Precision::Single, SINGLE), (Precision::BFloat16, TIMES * rounded)] {
            let network = random(name, device)?.prepared(Form::Folded, precision)?;
            let apart = apart(&network, device)?;
            let (forward, whole) = rates(&network, &pictures, batch, device)?;
            say(&format!(
                "{name}, {precision:?}: logits {apart:.1e} apart (at most {most:.1e}); {forward:.0} pictures a second forward, \
                 {whole:.0} from files ({:.0} %)",
                100.0 * whole / forward
            ));
            if apart > most || apart.is_nan() {
                wrong.push(format!("{name} in {precision:?}"));
            }
        }
        wrong.extend(relevance_apart(name, &crops[..crops.len().min(2)], device)?);
    }
    anyhow::ensure!(wrong.is_empty(), "too far from the processor's: {}", wrong.join(", "));
    Ok(())
}

/// How far a device's relevance lies from the processor's in 64 bits, in each precision, as a share of its size; in which it is too
/// far.
fn relevance_apart(name: &str, crops: &[pixels::RgbImage], device: Device) -> Result<Vec<String>> {
    /// Of relevance in 64 bits. (A GPU's hard swish has a sixth in 32 bits: mobilenet_v3 is 7e-7 apart, the others 1e-12.)
    const DOUBLE: f64 = 1e-6;
    /// In 32 bits: sums in another order round otherwise, and a few divisors near 0 decide how much that is. The processor's own
    /// is up to 5e-4, a GPU's up to 1e-3, the one or the other larger.
    const SINGLE: f64 = 1e-2;
    /// How many times farther it may lie in 16 bits than the processor's own does.
    const TIMES: f64 = 10.0;
    let composite = Composite::corrected();
    let map = |device: Device, precision: Precision, targets: Targets<'_>| -> lgf::Result<(Tensor, Vec<usize>)> {
        let network = random(name, device)?.prepared(composite.form, precision)?;
        let input = inference::to_input(crops, network.normalisation(), device)?;
        let map = relevance::explain_with(&network, &input, targets, &composite, Ledger::NotKept)?;
        Ok((map.relevance.to_device(tch::Device::Cpu).to_kind(tch::Kind::Double), map.targets))
    };
    let (expected, targets) = map(Device::Cpu, Precision::Double, Targets::Predicted)?;
    let size = expected.norm().double_value(&[]);
    let apart = |device, precision| -> lgf::Result<f64> {
        Ok((map(device, precision, Targets::Each(&targets))?.0 - &expected).norm().double_value(&[]) / size)
    };
    let mut wrong = Vec::new();
    for precision in [Precision::Double, Precision::Single, Precision::BFloat16] {
        let most = match precision {
            Precision::Double => DOUBLE,
            Precision::Single => SINGLE,
            _ => TIMES * apart(Device::Cpu, precision)?,
        };
        let apart = apart(device, precision)?;
        say(&format!("{name}, {precision:?}: relevance {apart:.1e} apart (at most {most:.1e})"));
        if apart > most || apart.is_nan() {
            wrong.push(format!("relevance of {name} in {precision:?}"));
        }
    }
    Ok(wrong)
}

/// The largest of some numbers that are not negative; NaN if one is.
fn largest(numbers: impl Iterator<Item = f32>) -> f32 {
    numbers.fold(0.0, |most, number| if number > most || number.is_nan() { number } else { most })
}

fn values(logits: &Tensor) -> lgf::Result<Vec<f32>> {
    Ok(Vec::try_from(logits.to_device(tch::Device::Cpu).to_kind(tch::Kind::Float).contiguous().view(-1))?)
}

/// Pictures a second of the forward pass alone, and from files to logits.
fn rates(network: &Engine, pictures: &[Picture], batch: usize, device: Device) -> Result<(f64, f64)> {
    let crops: Vec<pixels::RgbImage> = pictures
        .iter()
        .take(batch)
        .map(|picture| network.view().seen(&pixels::decode(&picture.path)?))
        .collect::<lgf::Result<_>>()?;
    let input = inference::to_input(&crops, network.normalisation(), device)?;
    // Copying the logits waits for them.
    let forward = |times: usize| -> lgf::Result<f64> {
        let began = Instant::now();
        for _ in 0..times {
            std::hint::black_box(values(&network.forward(&input)?)?);
        }
        Ok((times * crops.len()) as f64 / began.elapsed().as_secs_f64())
    };
    forward(2)?;
    let alone = forward(10)?;
    let how = Experiments { normalise: Normalise::AsTrained, batch, keep: Keep::Chosen };
    let run = Progress::silent().start(pictures.len(), "pictures");
    let began = Instant::now();
    let done = inference::predict_all(&[network], pictures, &how, &run)?;
    run.finish();
    Ok((alone, done.rows.len() as f64 / began.elapsed().as_secs_f64()))
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
    let network = Engine::load(arch, weights, device)?.in_form(composite.form)?;
    let crops: lgf::Result<Vec<pixels::RgbImage>> =
        files.iter().map(|file| network.view().seen(&pixels::decode(file)?)).collect();
    let crops = crops?;
    let batches: Vec<&[pixels::RgbImage]> = crops.chunks(batch.max(1)).collect();
    let normalisation = *network.normalisation();
    let input = |crops: &&[pixels::RgbImage]| inference::to_input(crops, &normalisation, device);
    let forward = |networks: &[Engine], input| Ok(networks[0].forward(&input)?.size());
    let explain = |networks: &[Engine], input| {
        let explained = relevance::explain_with(&networks[0], &input, Targets::Predicted, &composite, Ledger::NotKept)?;
        Ok(explained.relevance.size())
    };
    inference::on_workers(&[&network], &batches, input, forward)?;
    let began = Instant::now();
    inference::on_workers(&[&network], &batches, input, forward)?;
    say(&format!("{:.3} pictures a second forward", crops.len() as f64 / began.elapsed().as_secs_f64()));
    let began = Instant::now();
    inference::on_workers(&[&network], &batches, input, explain)?;
    say(&format!("{:.3} pictures a second of relevance", crops.len() as f64 / began.elapsed().as_secs_f64()));
    say(&format!("{} MB at most", format_number(peak_megabytes())));
    Ok(())
}

/// Metrics of the edge detector's maps for class 0, a line each: name, seconds, and what it says of the first picture. Before them
/// the forward passes that hiding needs, with nothing hidden.
fn bench_metrics(arch: &str, weights: &Path, files: &[PathBuf], device: Device) -> Result<()> {
    let network = Engine::load(arch, weights, device)?.folded()?;
    let forms = Forms { plain: &network, folded: &network };
    let crops: lgf::Result<Vec<pixels::RgbImage>> =
        files.iter().map(|file| network.view().seen(&pixels::decode(file)?)).collect();
    let crops = crops?;
    let inputs =
        |crop: &pixels::RgbImage| inference::to_input(std::slice::from_ref(crop), network.normalisation(), device);
    let pictures: Vec<Tensor> = crops.iter().map(inputs).collect::<lgf::Result<_>>()?;
    let maps: Vec<HeatMap<Crop>> =
        pictures.iter().map(|picture| Method::Edges.map(forms, picture, 0)).collect::<lgf::Result<_>>()?;
    let (height, width) = maps[0].size();
    let middle = PixelBox::<Crop>::at(height / 4, width / 4).of_size(height / 2, width / 2);
    let object = PixelMask::from_box(height, width, &middle);
    let places: Vec<usize> = (0..maps.len()).collect();
    let normalisation = *network.normalisation();
    let load = |place: &usize| {
        Ok((*place, inference::to_input(std::slice::from_ref(&crops[*place]), &normalisation, device)?))
    };
    type Asked<'a> = &'a (dyn Fn(&Engine, usize, &Tensor) -> lgf::Result<f64> + Sync);
    let print = |name: &str, ask: Asked| -> lgf::Result<()> {
        let began = Instant::now();
        let of = |networks: &[Engine], (place, picture): (usize, Tensor)| ask(&networks[0], place, &picture);
        let found = inference::on_workers(&[&network], &places, load, of)?;
        say(&format!("{name} {:.6} {:.12}", began.elapsed().as_secs_f64(), found[0]));
        Ok(())
    };
    let how = Removal { region: 16, steps: maps[0].values().len().div_ceil(256), ..Removal::default() };
    print("passes", &|network, _, picture| {
        let all: Vec<usize> = (0..=how.steps).collect();
        let mut logit = 0.0;
        for some in all.chunks(relevance::PICTURES_AT_A_TIME) {
            let same = picture.expand([some.len() as i64, -1, -1, -1], false).contiguous();
            logit = network.forward(&same)?.double_value(&[0, 0]);
        }
        Ok(logit)
    })?;
    print("hiding", &|network, place, picture| {
        let rows = relevance::perturbation_curve(network, picture, 0, &maps[place], Order::MostRelevant, how)?;
        Ok(rows.iter().map(|row| row.logit).sum())
    })?;
    let gain = Removal::default();
    print("gain", &|network, place, picture| {
        Ok(relevance::relevance_gain(network, picture, 0, &[&maps[place]], gain)?[0])
    })?;
    print("road", &|network, place, picture| {
        Ok(relevance::accuracy_gain(network, picture, 0, &[&maps[place]], Removal::road())?[0])
    })?;
    print("deletion", &|network, place, picture| {
        Ok(relevance::single_deletion(network, picture, 0, &[&maps[place]], 16)?[0].unwrap_or(0.0))
    })?;
    let print = |name: &str, began: Instant, first: f64| {
        say(&format!("{name} {:.6} {first:.12}", began.elapsed().as_secs_f64()));
    };
    let began = Instant::now();
    let found: Vec<_> = maps.par_iter().map(|map| relevance::localisation(map, &object)).collect::<lgf::Result<_>>()?;
    print("localisation", began, found[0].rank);
    let began = Instant::now();
    let found: Vec<_> =
        maps.par_iter().map(|map| lgf::overlap::rank(map, &object, &[0])).collect::<lgf::Result<_>>()?;
    print("auroc", began, found[0][0].auroc.unwrap_or(f64::NAN));
    Ok(())
}
