//! Rules as data, and which layer gets which.

use serde::{Deserialize, Serialize};

/// How a layer hands its relevance to its inputs; `z_j` is what it put out, without activation, bias included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// `R_i = x_i sum_j w_ij R_j / (z_j + e sign(z_j))` with a fixed `e`.
    Epsilon(f64),
    /// The same with `e` this many times the root mean square of `z`, so that it means the same in every layer.
    RelativeEpsilon(f64),
    /// `Z = x+ w+ + x- w-`: only contributions that raise the output (alpha 1, beta 0), without bias.
    ZPlus,
    /// `R_i = sum_j R_j / count_j`: evenly over the inputs that an output sees, padding not counted.
    Flat,
}

/// Which rule each kind of layer gets. Add and average pooling share in proportion (`z` rule), max pooling gives all to
/// the winner, activations pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Composite {
    /// The name in tables.
    pub name: String,
    /// For the first convolution, the one that reads the picture.
    pub first: Rule,
    /// For all other convolutions.
    pub convolution: Rule,
    /// For fully connected layers.
    pub dense: Rule,
    /// Added to a divisor with its own sign, wherever a rule has no epsilon of its own.
    pub stabiliser: f64,
}

impl Composite {
    /// Flat on the first convolution, z+ on the others, epsilon (1e-6 of the root mean square) on fully connected ones.
    pub fn corrected() -> Self {
        Composite {
            name: "corrected".into(),
            first: Rule::Flat,
            convolution: Rule::ZPlus,
            dense: Rule::RelativeEpsilon(1e-6),
            stabiliser: 1e-9,
        }
    }

    /// Epsilon everywhere: the plain form of Bach et al. 2015.
    pub fn epsilon() -> Self {
        Composite {
            name: "epsilon".into(),
            first: Rule::RelativeEpsilon(0.01),
            convolution: Rule::RelativeEpsilon(0.01),
            dense: Rule::RelativeEpsilon(0.01),
            stabiliser: 1e-9,
        }
    }

    /// What the published study effectively ran (fault C5): its preset's flat rule was never applied to the first
    /// convolution, which got z+ like the others; epsilon 0.1 on fully connected layers.
    pub fn published() -> Self {
        Composite {
            name: "published".into(),
            first: Rule::ZPlus,
            convolution: Rule::ZPlus,
            dense: Rule::Epsilon(0.1),
            stabiliser: 1e-7,
        }
    }

    /// The preset of a name.
    ///
    /// # Errors
    /// [`crate::error::Code::Parameter`] listing the names there are.
    pub fn preset(name: &str) -> crate::Result<Self> {
        let all = [Composite::corrected(), Composite::published(), Composite::epsilon()];
        let names: Vec<&str> = all.iter().map(|preset| preset.name.as_str()).collect();
        let unknown = format!("no preset {name:?}; there are {}", names.join(", "));
        all.iter()
            .find(|preset| preset.name == name)
            .cloned()
            .ok_or_else(|| crate::Error::new(crate::error::Code::Parameter, unknown))
    }
}
