//! Which variants are made, and how: everything that decides step 4.

use serde::{Deserialize, Serialize};

use super::scramble::{Control, Orders};
use super::smooth::L0;

/// Everything that decides which variants are made, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// The protocol's name, for the manifest.
    pub protocol: String,
    /// Seed of the sample, of the orders of blocks and of noise.
    pub seed: u64,
    /// How many photographs are taken from each class, unless the study says.
    pub sampling: Sampling,
    /// Blocks in another order.
    pub scramble: Scramble,
    /// Patches: each entry a layout and what fills it.
    pub patches: Vec<Patches>,
    /// Smoothing, and what it takes away.
    pub smoothing: Smoothing,
    /// How the files are written.
    pub encoding: Encoding,
}

/// How many photographs are taken from each class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Sampling {
    /// So many, as published (3).
    PerClass(usize),
    /// The least that finds an effect with a given power in a paired two-sided t test over all photographs (fault B3).
    Power {
        /// Mean difference over its standard deviation, Cohen's `d_z`.
        effect: f64,
        /// Significance level.
        alpha: f64,
        /// Probability of finding the effect if it is there.
        power: f64,
    },
}

/// Blocks in another order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scramble {
    /// Sides of the blocks, in pixels of the crop.
    pub blocks: Vec<u32>,
    /// Orders for each side.
    pub variants: usize,
    /// Which orders count.
    pub orders: Orders,
    /// Whether a picture with seams but nothing scrambled stands beside each side.
    pub control: Control,
}

/// Square patches of one size, one gap between them and one fill: each alone, then all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Patches {
    /// Side, in pixels of the crop.
    pub size: u32,
    /// Pixels between two of them.
    pub gap: u32,
    /// What is put in their place.
    pub fill: Fill,
}

/// What stands where a patch hides the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// Black, as published.
    Black,
    /// The mean colour of the whole crop.
    Mean,
    /// Each pixel one of the crop's own pixels, chosen at random: its colours without its order.
    Noise,
    /// The crop after a Gaussian of a fifth of the patch's side.
    Blur,
}

impl Fill {
    /// The name in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Fill::Black => "black",
            Fill::Mean => "mean",
            Fill::Noise => "noise",
            Fill::Blur => "blur",
        }
    }
}

/// Smoothing, and what it takes away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Smoothing {
    /// Passes; each starts from the last.
    pub passes: u32,
    /// The pass whose difference from the original is kept: all of them, or, as published (notebook 4, cells 76 and 77), the
    /// first alone.
    pub difference_pass: u32,
    /// Where a pass acts, and what it reads.
    pub chain: Chain,
    /// What the difference keeps.
    pub difference: Difference,
    /// L0 gradient minimisation, where no other smoother is given.
    pub l0: L0,
}

/// Where a pass of smoothing acts, and what the next one reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chain {
    /// On the whole photograph; each pass reads the JPEG of the last, and all, the untouched picture too, are cropped and saved
    /// once more (faults B8, B9).
    JpegOfPhotograph,
    /// On the crop, in memory.
    InMemory,
}

/// What the difference between a picture and its smoothed form keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// `|original - smoothed|`, and 255 less that for the inverse, as published (fault B10: the sign is lost).
    Absolute,
    /// `128 + (original - smoothed) / 2`, and `128 - ...` for the inverse.
    Signed,
}

/// How the files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As Pillow writes JPEG by default: quality 75, chroma halved both ways (fault B7: seams ring).
    Jpeg,
    /// Without loss.
    Png,
}

impl Encoding {
    /// What a changed crop of a photograph takes on the disk, in bytes; measured on photographs, rounded up.
    pub(super) fn typical_bytes(self) -> u64 {
        match self {
            Encoding::Jpeg => 20_000,
            Encoding::Png => 100_000,
        }
    }

    /// The ending of the files' names.
    pub fn ending(self) -> &'static str {
        match self {
            Encoding::Jpeg => "JPEG",
            Encoding::Png => "png",
        }
    }
}

impl Default for Parameters {
    /// The faults B3 to B11 mended.
    fn default() -> Self {
        let black = |size, gap| Patches { size, gap, fill: Fill::Black };
        let filled = |fill| Patches { size: 30, gap: 30, fill };
        Parameters {
            protocol: "corrected".into(),
            seed: 2020,
            sampling: Sampling::Power { effect: 0.5, alpha: 0.05, power: 0.8 },
            scramble: Scramble {
                blocks: vec![112, 56, 28, 16, 8],
                variants: 3,
                orders: Orders::Derangements,
                control: Control::Seams,
            },
            // Sizes at one gap, gaps at one size, fills at one size and gap.
            patches: vec![
                black(10, 30),
                black(30, 30),
                black(50, 30),
                black(70, 30),
                black(30, 10),
                black(30, 50),
                filled(Fill::Mean),
                filled(Fill::Noise),
                filled(Fill::Blur),
            ],
            smoothing: Smoothing {
                passes: 5,
                difference_pass: 5,
                chain: Chain::InMemory,
                difference: Difference::Signed,
                l0: L0::default(),
            },
            encoding: Encoding::Png,
        }
    }
}

impl Parameters {
    /// As published: notebook 4, cells 13 (sample), 31 (scrambled), 48 (patched), 69, 77 and 80 (smoothed).
    pub fn published() -> Self {
        let corrected = Parameters::default();
        Parameters {
            protocol: "published".into(),
            sampling: Sampling::PerClass(3),
            scramble: Scramble {
                blocks: vec![28, 32, 56, 112],
                variants: 3,
                orders: Orders::Any,
                control: Control::None,
            },
            patches: [10, 20, 30, 40, 50, 60, 70].map(|size| Patches { size, gap: size, fill: Fill::Black }).to_vec(),
            smoothing: Smoothing {
                chain: Chain::JpegOfPhotograph,
                difference_pass: 1,
                difference: Difference::Absolute,
                ..corrected.smoothing
            },
            encoding: Encoding::Jpeg,
            ..corrected
        }
    }
}
