//! How the pictures that a network was trained on were normalised.

use serde::{Deserialize, Serialize};

/// What is taken from, and divided out of, each colour channel in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// Taken from red, green, blue.
    pub mean: [f32; 3],
    /// Divided out of red, green, blue.
    pub std: [f32; 3],
}

impl Normalisation {
    /// What the networks of torchvision and pretrainedmodels were trained with.
    pub fn imagenet() -> Self {
        Normalisation { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    }

    /// From -1 to 1: what Inception's networks were trained with.
    pub fn halves() -> Self {
        Normalisation { mean: [0.5; 3], std: [0.5; 3] }
    }

    /// `(v - 127) / 128` of bytes: what EfficientNet-Lite was trained with.
    pub fn lite() -> Self {
        Normalisation { mean: [127.0 / 255.0; 3], std: [128.0 / 255.0; 3] }
    }

    /// Values in [0, 1] as they are.
    pub fn none() -> Self {
        Normalisation { mean: [0.0; 3], std: [1.0; 3] }
    }

    /// What each of the 256 byte values of each channel becomes: `(v / 255 - mean) / std`, as torchvision computes it.
    pub(crate) fn tables(&self) -> [[f32; 256]; 3] {
        let one = |channel: usize, value: usize| (value as f32 / 255.0 - self.mean[channel]) / self.std[channel];
        [0, 1, 2].map(|channel| std::array::from_fn(|value| one(channel, value)))
    }
}
