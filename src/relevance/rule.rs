//! Rules as data, and which layer gets which.

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::terms::{self, Factor, TermRule};
use crate::error::{Code, Error, Result};
use crate::models::{Form, Layer, Node, Role};
use crate::table::{Row, table};

/// How a layer hands its relevance `R_j` to its inputs `x_i`. `z_j` is what it put out, bias included, before any activation;
/// `x+ w+` is short for `sum_i max(x_i, 0) max(w_ij, 0)`, and so on. A divisor is stabilised ([`Stabiliser`]).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// `R_i = x_i sum_j w_ij R_j / (z_j + e sign(z_j))` with a fixed `e`: Bach et al. 2015, equation 58.
    Epsilon(f64),
    /// The same with `e` this many times the root mean square of the picture's own `z`, so that it means the same in every layer.
    RelativeEpsilon(f64),
    /// The same with the composite's own stabiliser only: the plain z rule.
    Z,
    /// `Z = x+ w+ + x- w-`: only contributions that raise the output (alpha 1, beta 0; for `x >= 0` the z+ rule).
    ZPlus(Bias),
    /// `alpha (x+ w+ + x- w-) [R / P] - beta (x+ w- + x- w+) [R / N]`, the positive bias in P and the negative one in N;
    /// `alpha - beta = 1`.
    AlphaBeta {
        /// Weight of what raises the output.
        alpha: f64,
        /// Weight of what lowers it.
        beta: f64,
    },
    /// Contributions that raise the output count `1 + gamma` times, where the output is positive; those that lower it, where
    /// it is negative: Montavon et al. 2019, for inputs of both signs.
    Gamma(f64),
    /// By a row of terms and its number: flat, w-square and whatever else is a row.
    Terms(TermRule, f64),
    /// `Z = x w - low w+ - high w-`: for pictures, whose normalised values lie between `low` and `high` by channel.
    ZBox {
        /// Least value of each channel.
        low: [f64; 3],
        /// Largest value of each channel.
        high: [f64; 3],
    },
    /// In proportion to the inputs: `R_i = x_i sum_j m_ij R_j / z_j` for the means `m` of a pool, or the summands of a sum.
    Norm,
    /// All of it, unchanged, to the one input, and for a gate to its signal.
    Pass,
    /// Attention with its shares as constants: all to the values, in proportion (CP-LRP: Ali et al. 2022).
    Values,
    /// A product of two signals gives half to each (AttnLRP: Achtibat et al. 2024, propositions 3.1 and 3.3): a gate to its signal and
    /// to its branch; attention to shares and values, and what the shares get through the softmax,
    /// `R_i = x_i (R_i - s_i sum_j R_j)`, in halves to queries and keys.
    Halves,
    /// All to the input that won.
    WinnerTakeAll,
    /// Batch normalisation as iNNvestigate 2.1.2 has it: alpha 2, beta 1 on a fused scale with its faults,
    /// `k = g / sqrt(var^2 + e)`, `b = beta - mean / sqrt(var^2 + e)`, `R = x+ [2 k+ / (x+ k+ + b+) - k- / (x+ k- + b-)] R`.
    FusedScale,
    /// Batch normalisation as iNNvestigate 1.0.8 has it: `R = x (y - beta) R / ((x - mean) y + 1e-7 sign)`.
    ShiftedOutput,
}

impl Rule {
    /// `R_i = sum_j R_j / count_j`: evenly over the inputs that an output sees, padding not counted.
    pub const FLAT: Rule = Rule::Terms(TermRule(&terms::ROWS[0]), 1.0);
    /// `R_i = sum_j w_ij^2 R_j / sum_i w_ij^2`: for inputs of no fixed range.
    pub const W_SQUARE: Rule = Rule::Terms(TermRule(&terms::ROWS[1]), 1.0);

    /// A rule that is a row of terms, by its name and with its number.
    ///
    /// # Errors
    /// [`Code::Parameter`] listing the rows there are.
    pub fn terms(name: &str, number: f64) -> Result<Rule> {
        TermRule::named(name).map(|row| Rule::Terms(row, number)).ok_or_else(|| {
            let names: Vec<&str> = terms::ROWS.iter().map(|row| row.name).collect();
            Error::new(Code::Parameter, format!("no rule {name:?}; there are {}", names.join(", ")))
        })
    }

    /// Whether what it hands on, and what bias and stabiliser take, is all that arrived.
    pub(crate) fn accounts(self) -> bool {
        !matches!(self, Rule::FusedScale | Rule::ShiftedOutput | Rule::Halves)
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rule::Epsilon(epsilon) => write!(to, "epsilon {epsilon}"),
            Rule::RelativeEpsilon(factor) => write!(to, "epsilon {factor} rms"),
            Rule::Z => write!(to, "z"),
            Rule::ZPlus(Bias::Ignored) => write!(to, "z+"),
            Rule::ZPlus(Bias::Positive) => write!(to, "z+, bias+"),
            Rule::ZPlus(Bias::Both) => write!(to, "z+, bias"),
            Rule::AlphaBeta { alpha, beta } => write!(to, "alpha {alpha} beta {beta}"),
            Rule::Gamma(gamma) => write!(to, "gamma {gamma}"),
            Rule::Terms(TermRule(row), number) if row.terms.iter().any(|term| term.factor == Factor::Number) => {
                write!(to, "{} {number}", row.name)
            }
            Rule::Terms(TermRule(row), _) => write!(to, "{}", row.name),
            Rule::ZBox { .. } => write!(to, "zB"),
            Rule::Norm => write!(to, "norm"),
            Rule::Pass => write!(to, "pass"),
            Rule::Values => write!(to, "values"),
            Rule::Halves => write!(to, "halves"),
            Rule::WinnerTakeAll => write!(to, "winner"),
            Rule::FusedScale => write!(to, "fused scale"),
            Rule::ShiftedOutput => write!(to, "shifted output"),
        }
    }
}

/// What of a layer's bias counts among its contributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bias {
    /// Nothing.
    Ignored,
    /// What is positive.
    Positive,
    /// All of it.
    Both,
}

/// What is done to a divisor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Stabiliser {
    /// This much is added with the divisor's own sign, where that of 0 is positive.
    Add(f64),
    /// This is taken where it is 0.
    InsteadOfZero(f64),
}

/// Which layers a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// The layer of this name.
    Named(String),
    /// The convolution or fully connected layer that reads the picture.
    First,
    /// The same, if it has no padding.
    FirstWithoutPadding,
    /// The last convolution or fully connected layer.
    Last,
    /// All convolutions.
    Convolution,
    /// All fully connected layers.
    Linear,
    /// Batch normalisation.
    BatchNorm,
    /// Layer normalisation.
    LayerNorm,
    /// Learned positions.
    Positions,
    /// Self-attention.
    Attention,
    /// Average pools.
    AveragePool,
    /// Max pools.
    MaxPool,
    /// Sums.
    Add,
    /// Gates of squeeze and excitation.
    Gate,
    /// Activations and changes of shape.
    Activation,
}

impl std::fmt::Display for Place {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self {
            Place::Named(name) => return write!(to, "layer {name}"),
            Place::First => "the layer that reads the picture",
            Place::FirstWithoutPadding => "the layer that reads the picture, without padding",
            Place::Last => "the last convolution or linear layer",
            Place::Convolution => "convolutions",
            Place::Linear => "linear layers",
            Place::BatchNorm => "batch normalisation",
            Place::LayerNorm => "layer normalisation",
            Place::Positions => "positions",
            Place::Attention => "attention",
            Place::AveragePool => "average pools",
            Place::MaxPool => "max pools",
            Place::Add => "sums",
            Place::Gate => "gates",
            Place::Activation => "activations",
        })
    }
}

/// Which rule each layer gets: the first whose place fits. The rules at the end of every list are the usual ones: sums and
/// average pools in proportion, max pools to the winner, activations and gates pass.
///
/// Three lines make one of your own:
///
/// ```
/// use lgf::relevance::{Bias, Composite, Place, Rule};
///
/// let mine = Composite::named("mine")
///     .rule(Place::First, Rule::W_SQUARE)
///     .rule(Place::Convolution, Rule::Gamma(0.25))
///     .rule(Place::Linear, Rule::Epsilon(1e-6));
/// assert_eq!(mine.rules.len(), 3);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Composite {
    /// The name in tables.
    pub name: String,
    /// Rules and their places, in the order in which they are looked through.
    pub rules: Vec<(Place, Rule)>,
    /// What is done to divisors.
    pub stabiliser: Stabiliser,
    /// The form of network that it is for.
    pub form: Form,
}

table! {
    /// A rule of a composite.
    pub struct RuleRow {
        /// Which layers get it.
        place: String as "where",
        /// The rule.
        rule: String,
    }
}

impl Composite {
    /// A composite of a name without rules of its own yet, for a folded network, with 1e-9 added to divisors.
    pub fn named(name: impl Into<String>) -> Self {
        Composite { name: name.into(), rules: Vec::new(), stabiliser: Stabiliser::Add(1e-9), form: Form::Folded }
    }

    /// Adds a rule; those before it count first.
    pub fn rule(mut self, place: Place, rule: Rule) -> Self {
        self.rules.push((place, rule));
        self
    }

    /// Sets what is done to divisors.
    pub fn stabilised(self, stabiliser: Stabiliser) -> Self {
        Composite { stabiliser, ..self }
    }

    /// Makes it one for networks whose batch normalisation is layers of its own.
    pub(crate) fn with_batch_norm(self, rule: Rule) -> Self {
        Composite { form: Form::Plain, ..self }.rule(Place::BatchNorm, rule)
    }

    /// Flat on the first convolution, z+ on the others, epsilon (1e-6 of the root mean square) on fully connected layers, no
    /// bias: what comes out at the pixels is what went in at the head, but for what nothing raises.
    pub fn corrected() -> Self {
        Composite::named("corrected")
            .rule(Place::First, Rule::FLAT)
            .rule(Place::Convolution, Rule::ZPlus(Bias::Ignored))
            .rule(Place::Linear, Rule::RelativeEpsilon(1e-6))
            .rule(Place::BatchNorm, Rule::Pass)
    }

    /// CP-LRP (Ali et al. 2022) as it is used on vision transformers: shares of attention and deviations of norms count as
    /// constants; gamma 0.25 on convolutions and 0.05 on fully connected layers (Achtibat et al. 2024).
    pub fn cp_lrp() -> Self {
        Composite::named("cp_lrp").rule(Place::Convolution, Rule::Gamma(0.25)).rule(Place::Linear, Rule::Gamma(0.05))
    }

    /// AttnLRP (Achtibat et al. 2024): the same, but that products of two signals, attention and gates, give half to each.
    pub fn attn_lrp() -> Self {
        Composite { name: "attn_lrp".into(), ..Composite::cp_lrp() }
            .rule(Place::Attention, Rule::Halves)
            .rule(Place::Gate, Rule::Halves)
    }

    /// Epsilon everywhere, a hundredth of the root mean square: the plain form of Bach et al. 2015.
    pub fn epsilon() -> Self {
        Composite::named("epsilon")
            .rule(Place::Convolution, Rule::RelativeEpsilon(0.01))
            .rule(Place::Linear, Rule::RelativeEpsilon(0.01))
    }

    /// `EpsilonPlusFlat` of zennit 1.0 with its canonisers.
    pub(crate) fn zennit_epsilon_plus_flat() -> Self {
        Composite::named("zennit_epsilon_plus_flat")
            .rule(Place::First, Rule::FLAT)
            .rule(Place::Convolution, Rule::ZPlus(Bias::Positive))
            .rule(Place::Linear, Rule::Epsilon(1e-6))
            .rule(Place::BatchNorm, Rule::Pass)
            .stabilised(Stabiliser::Add(1e-6))
    }

    /// `EpsilonAlpha2Beta1Flat` of zennit 1.0 with its canonisers.
    pub(crate) fn zennit_epsilon_alpha2_beta1_flat() -> Self {
        Composite::named("zennit_epsilon_alpha2_beta1_flat")
            .rule(Place::First, Rule::FLAT)
            .rule(Place::Convolution, Rule::AlphaBeta { alpha: 2.0, beta: 1.0 })
            .rule(Place::Linear, Rule::Epsilon(1e-6))
            .rule(Place::BatchNorm, Rule::Pass)
            .stabilised(Stabiliser::Add(1e-6))
    }

    /// iNNvestigate 2.1.2's `lrp.sequential_preset_a_flat` as it runs: flat on the first convolution only if nothing pads the
    /// picture before it (fault C5).
    pub fn innvestigate_2_1() -> Self {
        Composite::named("innvestigate_2_1")
            .rule(Place::FirstWithoutPadding, Rule::FLAT)
            .rule(Place::Convolution, Rule::ZPlus(Bias::Both))
            .rule(Place::Linear, Rule::Epsilon(0.1))
            .stabilised(Stabiliser::InsteadOfZero(1e-7))
            .with_batch_norm(Rule::FusedScale)
    }

    /// What the thesis most likely ran, iNNvestigate 1.0.8: the same but for batch normalisation, and without flat, because
    /// the conversion put a padding layer before the first convolution.
    pub fn innvestigate_1_0_8() -> Self {
        Composite::named("innvestigate_1_0_8")
            .rule(Place::Convolution, Rule::ZPlus(Bias::Both))
            .rule(Place::Linear, Rule::Epsilon(0.1))
            .stabilised(Stabiliser::InsteadOfZero(1e-7))
            .with_batch_norm(Rule::ShiftedOutput)
    }

    /// All presets.
    ///
    /// ```
    /// use lgf::relevance::Composite;
    ///
    /// assert!(Composite::presets().iter().any(|preset| preset.name == Composite::corrected().name));
    /// ```
    pub fn presets() -> [Self; 8] {
        [
            Composite::corrected(),
            Composite::epsilon(),
            Composite::cp_lrp(),
            Composite::attn_lrp(),
            Composite::zennit_epsilon_plus_flat(),
            Composite::zennit_epsilon_alpha2_beta1_flat(),
            Composite::innvestigate_2_1(),
            Composite::innvestigate_1_0_8(),
        ]
    }

    /// The preset of a name.
    ///
    /// # Errors
    /// [`Code::Parameter`] listing the names there are.
    pub fn preset(name: &str) -> Result<Self> {
        let all = Composite::presets();
        let names: Vec<&str> = all.iter().map(|preset| preset.name.as_str()).collect();
        let unknown = format!("no preset {name:?}; there are {}", names.join(", "));
        all.iter().find(|preset| preset.name == name).cloned().ok_or_else(|| Error::new(Code::Parameter, unknown))
    }

    /// Its rules in the order in which they are looked through, then the usual ones: `where, rule`.
    ///
    /// # Errors
    /// None in practice: the columns are of one length.
    pub fn table(&self) -> Result<DataFrame> {
        let own = self.rules.iter().map(|(place, rule)| (place.to_string(), rule.to_string()));
        let usual = [
            ("sums, average pools, norms and positions", Rule::Norm),
            ("max pools", Rule::WinnerTakeAll),
            ("attention", Rule::Values),
            ("activations and gates", Rule::Pass),
        ];
        let usual = usual.iter().map(|(place, rule)| ((*place).to_string(), rule.to_string()));
        RuleRow::table(own.chain(usual).map(|(place, rule)| RuleRow { place, rule }).collect())
    }

    /// The rule of a layer of a network.
    ///
    /// # Errors
    /// [`Code::Model`] for a layer that has none, and for one whose kind the rule is not for.
    pub(crate) fn rule_of(&self, nodes: &[Node], index: usize) -> Result<Rule> {
        let node = &nodes[index];
        let role = node.layer.role();
        let linear = |node: &Node| matches!(node.layer.role(), Role::Convolution | Role::Linear);
        let first = linear(node) && node.inputs[0] == 0;
        let fits = |place: &Place| match place {
            Place::Named(name) => *name == node.name,
            Place::First => first,
            Place::FirstWithoutPadding => {
                first && !matches!(node.layer, Layer::Conv { padding, .. } if !padding.is_none())
            }
            Place::Last => linear(node) && !nodes[index + 1..].iter().any(linear),
            Place::Convolution => role == Role::Convolution,
            Place::Linear => role == Role::Linear,
            Place::BatchNorm => role == Role::BatchNorm,
            Place::LayerNorm => role == Role::LayerNorm,
            Place::Positions => role == Role::Positions,
            Place::Attention => role == Role::Attention,
            Place::AveragePool => role == Role::AveragePool,
            Place::MaxPool => role == Role::MaxPool,
            Place::Add => role == Role::Add,
            Place::Gate => role == Role::Gate,
            Place::Activation => matches!(role, Role::Activation | Role::GateActivation),
        };
        let without = |what: &str, hint: &str| {
            Error::new(Code::Model, format!("{what} has no rule in the composite {}", self.name))
                .place(format!("layer {}", node.name))
                .hint(hint.to_string())
        };
        if self.form == Form::Folded && role == Role::BatchNorm && could_be_merged(nodes, index) {
            return Err(without("batch normalisation", "merge it first: network.folded()?"));
        }
        if let Some((_, rule)) = self.rules.iter().find(|(place, _)| fits(place)) {
            return Ok(*rule);
        }
        match role {
            Role::Add | Role::AveragePool | Role::LayerNorm | Role::Positions => Ok(Rule::Norm),
            Role::BatchNorm if self.form == Form::Folded => Ok(Rule::Norm),
            Role::Attention => Ok(Rule::Values),
            Role::GateActivation if opens_a_gate(nodes, index) => Ok(Rule::Pass),
            Role::MaxPool => Ok(Rule::WinnerTakeAll),
            Role::Activation | Role::Gate => Ok(Rule::Pass),
            Role::BatchNorm => Err(without("batch normalisation", "add a rule for Place::BatchNorm")),
            Role::GateActivation => Err(without("a sigmoid outside of a gate", "explain the logits, before it")),
            Role::Shares => Err(without("a softmax", "relevance starts at the logits: leave the softmax out")),
            Role::Program => Err(without(
                "a program",
                "its layers are not known: take maps by gradients, or the network's architecture if it is one of ours",
            )),
            Role::Convolution | Role::Linear => {
                Err(without(node.layer.kind(), "add a rule for Place::Convolution and Place::Linear"))
            }
        }
    }
}

/// Whether a batch normalisation stands behind a convolution that nothing else reads.
pub(super) fn could_be_merged(nodes: &[Node], index: usize) -> bool {
    let input = nodes[index].inputs[0];
    let readers = nodes.iter().flat_map(|node| &node.inputs).filter(|&&place| place == input).count();
    readers == 1 && input > 0 && nodes[input - 1].layer.role() == Role::Convolution
}

/// Whether a node is what a gate multiplies with.
fn opens_a_gate(nodes: &[Node], index: usize) -> bool {
    nodes.iter().any(|node| node.layer == Layer::Gate && node.inputs.get(1) == Some(&(index + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::architecture;

    #[test]
    fn presets_are_found_by_name_and_cover_every_layer() {
        for preset in Composite::presets() {
            assert_eq!(Composite::preset(&preset.name).unwrap(), preset);
            for name in ["vgg16", "resnet50", "se-resnext50"] {
                let network = architecture(name).unwrap();
                let nodes = network.nodes();
                for (index, node) in nodes.iter().enumerate() {
                    let folded = preset.form == Form::Folded && matches!(node.layer, Layer::BatchNorm { .. });
                    assert_eq!(preset.rule_of(nodes, index).is_err(), folded, "{name} {}", node.name);
                }
            }
        }
        assert!(Composite::preset("x").unwrap_err().to_string().contains("zennit_epsilon_plus_flat"));
    }

    #[test]
    fn the_first_place_that_fits_counts() {
        let network = architecture("resnet50").unwrap();
        let nodes = network.nodes();
        let composite = Composite::named("c")
            .rule(Place::Named("layer1.0.conv1".into()), Rule::Z)
            .rule(Place::First, Rule::FLAT)
            .rule(Place::Last, Rule::Gamma(1.0))
            .rule(Place::Convolution, Rule::W_SQUARE);
        let of = |name: &str| {
            let index = nodes.iter().position(|node| node.name == name).unwrap();
            composite.rule_of(nodes, index)
        };
        assert_eq!(of("conv1").unwrap(), Rule::FLAT);
        assert_eq!(of("layer1.0.conv1").unwrap(), Rule::Z);
        assert_eq!(of("layer1.0.conv2").unwrap(), Rule::W_SQUARE);
        assert_eq!(of("fc").unwrap(), Rule::Gamma(1.0));
    }
}
