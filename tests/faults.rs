//! Each fault of the published study that steps 2 to 5.2 repeat: what its step reads or writes on the sample differs with it.

use lgf::files::ImageFile;
use lgf::files::Store;
use std::sync::LazyLock;

use lgf::datasets::{self, DIFFERENCE, DIFFERENCE_INVERSE, Kind, PATCHED, SCRAMBLED, SMOOTHED};
use lgf::inference::{self, Device, Engine};
use lgf::polars::prelude::*;
use lgf::protocol::{self, Fault, Protocol, Step};
use lgf::relevance;
use lgf::sample::Sample;
use lgf::sequence::Run;
use lgf::study::{Description, Study};
use lgf::table::{column, floats, texts};

/// A small sample with its boxes, and the photographs under study.
struct Bench {
    _folder: tempfile::TempDir,
    study: Study,
}

static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap().quiet();
    let study = lgf::sample::write(&store, &small().sample).unwrap();
    run(&study, &small()).boxes().unwrap();
    Bench { _folder: folder, study }
});

fn small() -> Protocol {
    Protocol { sample: Sample { train: 4, validation: 6, conflict: 1, ..Sample::default() }, ..protocol::corrected() }
}

fn run(study: &Study, protocol: &Protocol) -> Run {
    Run { study: study.clone(), protocol: protocol.clone(), device: Device::Cpu }
}

/// A root of its own with the sample's boxes in it, whose photographs are those of the bench.
fn root(folder: &tempfile::TempDir) -> Study {
    let (bench, described) = (&BENCH.study.store, &BENCH.study.described);
    let store = Store::at(folder.path()).unwrap().quiet();
    let images = described.images.iter().map(|path| bench.path(&path.to_string_lossy())).collect();
    let own = Description {
        images,
        annotations: None,
        conflict: None,
        decisions: Vec::new(),
        name: "bench".into(),
        ..described.clone()
    };
    store.write_table("imagenet_boundingboxes", &bench.table("imagenet_boundingboxes").unwrap()).unwrap();
    Study::begin(store, own).unwrap()
}

/// The corrected protocol without and with a fault.
fn both(fault: Fault) -> [Protocol; 2] {
    [small(), small().repeat(fault)]
}

/// What a step writes under some names, without and with a fault.
fn written(fault: Fault, names: &[&str], step: impl Fn(&Run)) -> [Vec<DataFrame>; 2] {
    both(fault).map(|protocol| {
        let folder = tempfile::tempdir().unwrap();
        let own = run(&root(&folder), &protocol);
        own.subset().unwrap();
        step(&own);
        names.iter().map(|name| own.table(name).unwrap()).collect()
    })
}

fn photographs(protocol: &Protocol) -> Vec<ImageFile> {
    protocol.photographs(&BENCH.study).unwrap()
}

fn sampled(protocol: &Protocol) -> Vec<ImageFile> {
    protocol.sampled(&BENCH.study, &photographs(protocol)).unwrap()
}

/// The manifest that step 4 writes for two photographs, which names what every picture is.
fn manifest(protocol: &Protocol) -> DataFrame {
    let images = &sampled(protocol)[..2];
    datasets::planned(images, &protocol.datasets, &protocol.datasets.smoothing.l0).unwrap().table
}

/// The hashes of the pictures of some kinds that step 4 writes for one photograph with a quick set of changes.
fn pictures(protocol: &Protocol, kinds: &[&Kind]) -> Vec<(String, String)> {
    let mut parameters = protocol.datasets.clone();
    parameters.patches.truncate(1);
    parameters.scramble.blocks = vec![112];
    (parameters.smoothing.passes, parameters.smoothing.difference_pass) = (2, 2);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let images = &sampled(protocol)[..1];
    let made = datasets::build(&store, images, &parameters, &parameters.smoothing.l0).unwrap();
    let (names, hashes) = (texts(&made.table, "kind").unwrap(), texts(&made.table, "sha256").unwrap());
    let own = |kind: &String| kinds.iter().any(|other| other.name == kind);
    names.into_iter().zip(hashes).filter(|(kind, _)| own(kind)).collect()
}

fn networks(protocol: &Protocol) -> Vec<Engine> {
    let study = BENCH.study.only(&["sin-resnet50"]).unwrap();
    let form = protocol.composite.form;
    inference::load_networks(&study, form, inference::Precision::Single, Device::Cpu).unwrap()
}

/// What step 5.2 writes for all photographs and one network.
fn regions(protocol: &Protocol) -> DataFrame {
    let folder = tempfile::tempdir().unwrap();
    let own = Study { store: Store::at(folder.path()).unwrap().quiet(), ..BENCH.study.clone() };
    relevance::explain_all(&own, &networks(protocol), &photographs(protocol), &protocol.relevance()).unwrap()
}

fn differ(fault: Fault) -> bool {
    let of = |make: &dyn Fn(&Protocol) -> DataFrame, names: &[&str]| -> bool {
        let [without, with] = both(fault).map(|protocol| make(&protocol));
        names.iter().any(|name| column(&without, name).unwrap() != column(&with, name).unwrap())
    };
    let drawn = |kinds: &[&Kind]| {
        let [without, with] = both(fault).map(|protocol| pictures(&protocol, kinds));
        assert!(!without.is_empty());
        without != with
    };
    match fault {
        Fault::SeveralObjects => {
            let [without, with] = written(fault, &["imagenette_boundingboxes"], |_| {});
            without[0].height() > with[0].height()
        }
        Fault::TrainedOn => {
            let [without, with] = both(fault).map(|protocol| sampled(&protocol));
            without.iter().all(|image| image.split == "val") && with.iter().all(|image| image.split == "train")
        }
        Fault::Geometry | Fault::Thresholds => {
            let names = ["edges_data", "edges_data_flt"];
            let [without, with] = written(fault, &names, |own| drop(own.edges().unwrap()));
            (0..2).all(|table| floats(&without[table], "edges").unwrap() != floats(&with[table], "edges").unwrap())
        }
        Fault::FewPhotographs => {
            let [without, with] = both(fault).map(|protocol| sampled(&protocol).len());
            (without, with) == (40, 30)
        }
        Fault::Orders => of(&manifest, &["order"]),
        Fault::Blocks | Fault::Patches => {
            let [without, with] = both(fault).map(|protocol| manifest(&protocol));
            texts(&without, "file").unwrap() != texts(&with, "file").unwrap()
        }
        Fault::Encoding => drawn(&[&SCRAMBLED, &PATCHED, &SMOOTHED]),
        Fault::SmoothingChain => drawn(&[&SMOOTHED]),
        Fault::LostSign => drawn(&[&DIFFERENCE, &DIFFERENCE_INVERSE]) && of(&manifest, &["level"]),
        Fault::Normalisation => {
            let [without, with] = both(fault).map(|protocol| {
                let folder = tempfile::tempdir().unwrap();
                let own = Study { store: Store::at(folder.path()).unwrap().quiet(), ..BENCH.study.clone() };
                let (images, how) = (&photographs(&protocol)[..4], protocol.experiments());
                let found = inference::run_photographs(&own, &networks(&protocol), images, &how).unwrap();
                floats(&found, "true_logit").unwrap()
            });
            without != with
        }
        // The classes differ where the network is wrong, the relevance everywhere.
        Fault::PredictedClass => of(&regions, &["class"]),
        Fault::Rules => of(&regions, &["relevance"]),
        other => panic!("{other} belongs to the analysis"),
    }
}

#[test]
fn what_a_step_reads_or_writes_differs_with_each_fault() {
    for fault in Fault::ALL.into_iter().filter(|fault| fault.step() < Step::Analysis) {
        assert!(differ(fault), "{fault} changes nothing on the sample");
    }
}

#[test]
fn what_a_run_with_a_fault_writes_carries_its_name() {
    let protocol = small().repeat(Fault::Orders);
    let names = texts(&manifest(&protocol), "protocol").unwrap();
    assert!(names.iter().all(|name| name == "corrected with B5"), "{}", names[0]);
    let mended = protocol::published().mend(Fault::Orders);
    assert_eq!(
        (mended.datasets.protocol.as_str(), mended.name.as_str()),
        ("published without B5", "published without B5")
    );
}
