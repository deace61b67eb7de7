//! The whole sequence on a data root, step by step: what the notebooks and the command line do.
//!
//! Every notebook begins with [`open`]. Here all of them in one, on a small sample and two of its networks:
//!
//! ```
//! use lgf::analysis::{self, CurveRow, Measure, OnEdges};
//! use lgf::datasets::{SCRAMBLED, Sampling};
//! use lgf::models::Form;
//! use lgf::overlap::{Lines, OverlapRow, Place, Region};
//! use lgf::prelude::*;
//! use lgf::protocol::Fault;
//! use lgf::relevance::{Baseline, Composite, Subject};
//!
//! let folder = tempfile::tempdir().unwrap();
//! let store = Store::at(folder.path())?.quiet();
//! let mut protocol = protocol::corrected();
//! protocol.sample = sample::Sample { train: 1, validation: 1, conflict: 1, ..protocol.sample };
//! protocol.datasets.sampling = Sampling::PerClass(1);
//! protocol.datasets.patches.truncate(1);
//! let study = sample::open(&store, &protocol.sample)?.only(&["resnet50", "sin-resnet50"])?;
//! let run = Run { study, protocol, device: Device::Cpu };
//!
//! // 0: what there is.
//! table(&run.study.contents()?);
//! let images = run.study.split_images()?;
//! let networks = run.networks()?;
//!
//! // 1 and 2: boxes.
//! bbox::show_example(run.study.annotation_archive().as_deref(), &bbox::Limits::default())?;
//! assert!(bbox::widths(&run.boxes()?)?.len() > 10);
//! let chosen = run.subset()?;
//! table(&chosen.unmatched()?);
//! run.keep("boxes", bbox::gallery(&chosen.boxes, 1))?;
//! assert!(bbox::crop_shares(&chosen.boxes)?.iter().all(|share| (0.0..=1.0).contains(share)));
//!
//! // 3: edges.
//! let found = run.edges()?;
//! let boxed = edges::with_boxes(run.store(), &images, &run.chosen_boxes()?, 1)?;
//! run.keep("edges", plots::edge_gallery(&boxed))?;
//! let density = edges::density(run.store(), &edges::keep_found(run.store(), images.clone())?)?;
//! assert!(density.values().iter().all(|share| (0.0..=1.001).contains(share)));
//! analysis::edges_by_class(&edges::BoxEdgeRow::rows(&found.in_box)?, &run.study.class_list());
//!
//! // 4: pictures.
//! let sampled = run.sampled()?;
//! let made = run.datasets()?;
//! assert_eq!(made.table.height(), run.planned()?.table.height());
//! table(&made.totals()?);
//!
//! // 5: networks.
//! let untouched = inference::run_photographs(&run.study, &networks, &images, &run.protocol.experiments())?;
//! assert_eq!(untouched.height(), 2 * images.len());
//! inference::top_classes(&run.study, &networks, &images[..1], run.protocol.normalise)?;
//! run.experiments(&Default::default())?;
//! table(&analysis::disagreement(&run.predictions()?, &run.pair()?)?);
//! run.observe(&Default::default())?;
//! assert!(run.shape_bias("cue-conflict")?.iter().any(|row| row.observer == "sin-resnet50" && row.shape_bias > Some(0.5)));
//! assert_eq!(run.convert(Form::Folded)?.height(), 2);
//!
//! // 5.2: relevance.
//! run.relevance()?;
//! let names = ["resnet50", "sin-resnet50"].map(String::from);
//! let mapped = relevance::maps_of(run.store(), &sampled[..1], &names)?;
//! run.keep("relevance", plots::heat_grid(&mapped, &plots::HeatStyle::default()))?;
//! assert!(relevance::map_of(run.store(), "resnet50", &sampled[0].id)?.sum().is_finite());
//! table(&run.localised()?);
//! let plain = run.networks_in(Form::Plain, inference::Precision::Single)?;
//! let subject = Subject::new(&plain[0], &sampled[0], &run.study.class_list(), &run.protocol.relevance())?;
//! let maps = subject.maps(&[Composite::corrected(), Composite::innvestigate_1_0_8()])?;
//! table(&subject.ledger(&Composite::corrected())?);
//! assert_eq!(subject.baselines(&[Baseline::Gradient, Baseline::GradCam])?.len(), 2);
//! plots::perturbations(&subject.perturbation(&maps[0].1, 32, 2)?)?.draw("hiding")?;
//! table(&subject.randomised(2, 1)?);
//!
//! // 5.3: relevance and edges.
//! let rows = OverlapRow::rows(&run.overlap()?)?;
//! plots::letters(&analysis::pixels_on_edges(&analysis::shared_pixels(&rows))).draw("shared")?;
//! plots::strips(&analysis::shares_by_region(&rows, Place::Whole, OnEdges::BeyondChance)).draw("beyond")?;
//! table(&analysis::overlap_by_model(&rows, Region::Top, Place::Whole, OnEdges::BeyondChance)?);
//! analysis::ranking_by_model(&run.rows("overlap_ranking")?, Lines::Edges, analysis::RankedBy::Auroc)?;
//!
//! // 6: analysis.
//! let analysed = run.analyse()?;
//! assert!(analysed.found("conclusions")?.height() > 5);
//! run.curves(&SCRAMBLED)?.plot().title("Scrambled").x(SCRAMBLED.levels.label()).range(0.0, 1.0).draw("scrambled")?;
//! run.falls(&SCRAMBLED)?;
//! assert_eq!(run.differences_of("hypothesis 1")?.len(), 10 * 16, "each scrambled picture by itself, as published");
//! report::ablation_figure(&run.ablate(&[Fault::OneSided])?).draw("ablation")?;
//! assert!(run.report()?.exists());
//! # Ok::<(), lgf::Error>(())
//! ```

mod ablation;
mod cluster;
mod configural;
mod run;

pub use cluster::Merged;
pub use run::{Inference, Pictures, Run, StepOf, TimeRow, boxes_of, open, steps};
