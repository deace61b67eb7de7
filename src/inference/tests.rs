//! The forward pass with kernels of its own, in several threads and sizes.

use tch::{Kind, Tensor};

use super::kernels::Kernel;
use super::{Device, Engine};
use crate::error::Code;
use crate::models::{Network, Weights, architecture};

const OPTIONS: (Kind, tch::Device) = (Kind::Float, tch::Device::Cpu);

/// A network of random weights whose outputs neither vanish nor swell, and with statistics that matter.
fn random(name: &str) -> Engine {
    tch::manual_seed(11);
    let table = architecture(name).unwrap();
    let mut weights = Weights::new();
    for parameter in table.nodes().iter().flat_map(|node| node.layer.parameters()) {
        let (shape, count) = (&parameter.shape[..], parameter.shape.iter().product::<i64>());
        let tensor = match parameter.name.rsplit('.').next() {
            Some("running_var") => Tensor::rand(shape, OPTIONS) + 0.5,
            Some("weight") if shape.len() > 1 => {
                Tensor::randn(shape, OPTIONS) * (2.0 * shape[0] as f64 / count as f64).sqrt()
            }
            Some("weight") => Tensor::rand(shape, OPTIONS) * 0.5 + 0.25,
            _ => Tensor::randn(shape, OPTIONS) * 0.1,
        };
        weights.insert(parameter.name, tensor);
    }
    Engine::new(Network::new(name, &table, weights).unwrap(), Device::Cpu)
}

/// What a thread gives that libtorch works with one thread in.
fn alone<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            tch::set_num_threads(1);
            work()
        });
        thread.join().unwrap()
    })
}

fn near(found: &Tensor, expected: &Tensor, most: f64) {
    assert_eq!(found.size(), expected.size());
    let apart = (found - expected).abs().max().double_value(&[]);
    assert!(apart < most * expected.abs().max().double_value(&[]), "{apart}");
}

#[test]
fn they_serve_pictures_of_every_size_and_number() {
    for (name, count) in [("resnet18", 13), ("se-resnet50", 16), ("slim-resnext50", 0)] {
        let plain = random(name);
        let merged = plain.folded().unwrap();
        for size in [[2, 3, 64, 64], [1, 3, 97, 130], [9, 3, 64, 64], [1, 3, 64, 64]] {
            let pictures = Tensor::randn(size, OPTIONS);
            let expected = plain.forward(&pictures).unwrap();
            let copy = merged.for_one_thread();
            let found = alone(move || copy.forward(&pictures).unwrap());
            near(&found, &expected, 2e-5);
        }
        let made = merged.kernels().kernels(&merged, &[1, 3, 64, 64]).unwrap();
        let winograd = made.iter().flatten().filter(|kernel| matches!(kernel, Kernel::Winograd(_)));
        assert_eq!(winograd.count(), count);
    }
}

#[test]
fn threads_that_share_a_network_give_the_same_bytes() {
    let merged = random("resnet18").folded().unwrap();
    let pictures = Tensor::randn([3, 3, 64, 64], OPTIONS);
    let run = || {
        let (copy, pictures) = (merged.for_one_thread(), pictures.copy());
        move || copy.forward(&pictures).unwrap()
    };
    let (first, second) = (run(), run());
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| alone(first));
        let second = alone(second);
        (first.join().unwrap(), second)
    });
    assert!(first.equal(&second) && first.equal(&alone(run())));
}

#[test]
fn large_pictures_go_in_parts_and_a_picture_too_small_is_named_with_its_layer() {
    let network = random("slim-vgg16").folded().unwrap();
    let pictures = Tensor::randn([5, 3, 768, 1024], OPTIONS);
    let whole = network.forward(&pictures).unwrap();
    let single: Vec<Tensor> = (0..5).map(|at| network.forward(&pictures.narrow(0, at, 1)).unwrap()).collect();
    near(&whole, &Tensor::cat(&single, 0), 1e-5);
    let small = Tensor::randn([1, 3, 8, 8], OPTIONS);
    let network = network.for_one_thread();
    let error = alone(move || network.forward(&small).unwrap_err());
    assert_eq!(error.code(), Code::Model);
    assert!(error.to_string().contains("layer"), "{error}");
}

#[test]
fn pictures_go_in_parts_that_keep_outputs_small() {
    let table = architecture("resnet50").unwrap();
    let mut weights = Weights::new();
    for parameter in table.nodes().iter().flat_map(|node| node.layer.parameters()) {
        weights.insert(parameter.name, Tensor::ones(&parameter.shape[..], (Kind::Float, tch::Device::Cpu)));
    }
    let network = Engine::new(Network::new("ones", &table, weights).unwrap(), Device::Cpu);
    let at_once = |n: i64, side: i64| {
        let pictures = Tensor::empty([n, 3, side, side], (Kind::Float, tch::Device::Cpu));
        network.at_once(&pictures).unwrap()
    };
    // 112 x 112 x 64 numbers of 4 bytes each: ten pictures have less than 32 MiB.
    assert_eq!([1, 8, 10, 11, 16, 30].map(|n| at_once(n, 224)), [1, 8, 10, 6, 8, 10]);
    assert_eq!([3, 4, 5, 16].map(|n| at_once(n, 1024)), [3, 4, 3, 4]);
}
