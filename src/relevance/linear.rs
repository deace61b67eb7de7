//! Layers that are linear but for a bias, as maps that can be gone forward and back, and the rules that share relevance
//! through them.

use tch::{Kind, Tensor};

use super::rule::{Bias, Rule, Stabiliser};
use super::terms::{Counts, Factor, Input, Term, TermRule, Terms};
use crate::error::{Code, Error, Result};
use crate::inference::largest;
use crate::models::{Layer, Network, Padding, padded};

/// A layer as a linear map: forward, and its transpose back.
pub(super) enum LinearMap {
    Conv { weight: Tensor, stride: i64, padding: Padding, groups: i64 },
    Dense { weight: Tensor },
    Average { side: i64 },
    Windows { kernel: i64, stride: i64 },
}

/// What a rule makes of one layer.
pub(super) struct Shared {
    /// Relevance of the inputs.
    pub share: Tensor,
    /// Relevance that the bias took.
    pub bias: f64,
    /// Relevance that the stabiliser took.
    pub stabiliser: f64,
}

/// What a rule is applied to.
pub(super) struct Given<'a> {
    pub x: &'a Tensor,
    pub bias: Option<&'a Tensor>,
    /// What the layer put out, where it is still there.
    pub output: Option<&'a Tensor>,
    pub arrived: &'a Tensor,
    /// Whether no input is negative, by what stands before the layer.
    pub not_negative: bool,
    pub stabiliser: Stabiliser,
    /// Whether the ledger is wanted; it takes sums over everything.
    pub ledger: bool,
    /// The side along which biases lie: channels, or the features of a fully connected layer.
    pub along: i64,
}

impl LinearMap {
    pub fn of(network: &Network, layer: &Layer) -> Result<Self> {
        match layer {
            Layer::Conv { key, stride, padding, groups, .. } => Ok(LinearMap::Conv {
                weight: network.weight(key, "weight")?.shallow_clone(),
                stride: *stride,
                padding: *padding,
                groups: *groups,
            }),
            Layer::Linear { key, .. } => {
                Ok(LinearMap::Dense { weight: network.weight(key, "weight")?.shallow_clone() })
            }
            Layer::AveragePool { side } => Ok(LinearMap::Average { side: *side }),
            Layer::AverageWindow { kernel, stride } => Ok(LinearMap::Windows { kernel: *kernel, stride: *stride }),
            other => Err(Error::new(Code::Model, format!("{} is not linear", other.kind()))),
        }
    }

    fn weight(&self) -> Result<&Tensor> {
        match self {
            LinearMap::Conv { weight, .. } | LinearMap::Dense { weight } => Ok(weight),
            LinearMap::Average { .. } | LinearMap::Windows { .. } => {
                Err(Error::new(Code::Model, "an average pool has no weights for this rule"))
            }
        }
    }

    fn with(&self, change: impl Fn(&Tensor) -> Tensor) -> Result<Self> {
        let weight = change(self.weight()?);
        Ok(match *self {
            LinearMap::Conv { stride, padding, groups, .. } => LinearMap::Conv { weight, stride, padding, groups },
            LinearMap::Dense { .. } | LinearMap::Average { .. } | LinearMap::Windows { .. } => {
                LinearMap::Dense { weight }
            }
        })
    }

    fn positive(&self) -> Result<Self> {
        self.with(|weight| weight.clamp_min(0.0))
    }

    fn negative(&self) -> Result<Self> {
        self.with(|weight| weight.clamp_max(0.0))
    }

    /// `x w`, and the bias where one is given (a vector, one number a channel).
    pub fn forward(&self, x: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        Ok(match self {
            LinearMap::Conv { weight, stride, padding, groups } => {
                let kernel = weight.size()[2];
                match padding.even() {
                    Some(zeros) => x.f_conv2d(weight, bias, [*stride; 2], [zeros; 2], [1, 1], *groups)?,
                    None => padded(x, padding.around(&x.size(), kernel, *stride))?.f_conv2d(
                        weight,
                        bias,
                        [*stride; 2],
                        [0; 2],
                        [1, 1],
                        *groups,
                    )?,
                }
            }
            LinearMap::Dense { weight } => x.f_linear(weight, bias)?,
            LinearMap::Average { side } => x.f_adaptive_avg_pool2d([*side; 2])?,
            LinearMap::Windows { kernel, stride } => {
                x.f_avg_pool2d([*kernel; 2], [*stride; 2], [0; 2], false, true, None)?
            }
        })
    }

    /// The transpose, for an input of the shape of `x`.
    pub(crate) fn backward(&self, y: &Tensor, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            LinearMap::Conv { weight, stride, padding, groups } => {
                let (kernel, size) = (weight.size()[2], x.size());
                let [left, right, top, bottom] = padding.around(&size, kernel, *stride);
                // What the forward pass left over at the far sides, when its steps did not end there.
                let over = |side: usize, zeros: i64| size[side] + zeros - ((y.size()[side] - 1) * stride + kernel);
                let over = [over(2, top + bottom), over(3, left + right)];
                let back = |zeros: i64| {
                    y.f_conv_transpose2d(weight, None::<&Tensor>, [*stride; 2], [zeros; 2], over, *groups, [1, 1])
                };
                match padding.even() {
                    Some(zeros) => back(zeros)?,
                    None => back(0)?.f_narrow(2, top, size[2])?.f_narrow(3, left, size[3])?,
                }
            }
            LinearMap::Dense { weight } => y.f_matmul(weight)?,
            LinearMap::Average { side } => {
                let (rows, cols) = (averaging(x.size()[2], *side, y.kind()), averaging(x.size()[3], *side, y.kind()));
                rows.tr().to_device(y.device()).f_matmul(y)?.f_matmul(&cols.to_device(y.device()))?
            }
            LinearMap::Windows { kernel, stride } => {
                x.f_avg_pool2d_backward(y, [*kernel; 2], [*stride; 2], [0; 2], false, true, None)?
            }
        })
    }

    /// Relevance of the inputs by a rule.
    pub fn share(&self, rule: Rule, given: &Given<'_>) -> Result<Shared> {
        match rule {
            Rule::Epsilon(epsilon) => {
                self.in_proportion(given, |z| quotient(given.arrived, z, Stabiliser::Add(epsilon)))
            }
            Rule::RelativeEpsilon(factor) => self.in_proportion(given, |z| relative_quotient(given.arrived, z, factor)),
            Rule::Z | Rule::Norm => self.in_proportion(given, |z| quotient(given.arrived, z, given.stabiliser)),
            Rule::ZPlus(bias) => self.raising(given, bias),
            Rule::AlphaBeta { alpha, beta } => self.alpha_beta(given, alpha, beta),
            Rule::Gamma(gamma) => self.gamma(given, gamma),
            Rule::Terms(TermRule(row), number) => match row.terms.iter().all(|term| term.input == Input::Ones) {
                true => self.by_weights(given, row, number),
                false => self.by_terms(given, row, number),
            },
            Rule::ZBox { low, high } => self.z_box(given, low, high),
            Rule::Pass | Rule::Values | Rule::Halves | Rule::WinnerTakeAll | Rule::FusedScale | Rule::ShiftedOutput => {
                Err(Error::new(Code::Model, format!("the rule {rule:?} is not for a linear layer")))
            }
        }
    }

    fn output(&self, given: &Given<'_>) -> Result<Tensor> {
        match given.output {
            Some(output) => Ok(output.shallow_clone()),
            None => self.forward(given.x, given.bias),
        }
    }

    fn in_proportion(&self, given: &Given<'_>, divide: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Shared> {
        let z = self.output(given)?;
        let quotient = divide(&z)?;
        let share = self.backward(&quotient, given.x)? * given.x;
        Ok(given.shared(share, &[(&quotient, given.bias)], &[(&quotient, &z)]))
    }

    /// `Z = x+ w+ + x- w-`.
    fn raising(&self, given: &Given<'_>, bias: Bias) -> Result<Shared> {
        let bias = match (bias, given.bias) {
            (Bias::Ignored, _) | (_, None) => None,
            (Bias::Positive, Some(bias)) => Some(bias.clamp_min(0.0)),
            (Bias::Both, Some(bias)) => Some(bias.shallow_clone()),
        };
        let (share, quotient, z) = self.contributions(given, Raises::Yes, bias.as_ref())?;
        Ok(given.shared(share, &[(&quotient, bias.as_ref())], &[(&quotient, &z)]))
    }

    /// `x` times what comes back through the weights of one sign for inputs of that sign, and the other way round.
    fn contributions(
        &self,
        given: &Given<'_>,
        raises: Raises,
        bias: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        let (same, other) = match raises {
            Raises::Yes => (self.positive()?, LinearMap::negative as fn(&Self) -> Result<Self>),
            Raises::No => (self.negative()?, LinearMap::positive as fn(&Self) -> Result<Self>),
        };
        let x = given.x;
        if given.not_negative {
            // Half of the rule needs no pass: there is no x-.
            let z = same.forward(x, bias)?;
            let one_sign = bias.is_none_or(|bias| match raises {
                Raises::Yes => bias.min().double_value(&[]) >= 0.0,
                Raises::No => bias.max().double_value(&[]) <= 0.0,
            });
            let quotient = match (given.stabiliser, one_sign) {
                // All of one sign: what is added is, too. (Where it is 0, so is every contribution, whatever it is divided by.)
                (Stabiliser::Add(s), true) if s > 0.0 => {
                    finite(&z)?;
                    given.arrived / (&z + if raises == Raises::Yes { s } else { -s })
                }
                (stabiliser, _) => quotient(given.arrived, &z, stabiliser)?,
            };
            let mut share = same.backward(&quotient, x)?;
            share *= x;
            return Ok((share, quotient, z));
        }
        let other = other(self)?;
        let (raised, lowered) = (x.clamp_min(0.0), x.clamp_max(0.0));
        let z = same.forward(&raised, bias)? + other.forward(&lowered, None)?;
        let quotient = quotient(given.arrived, &z, given.stabiliser)?;
        let share = same.backward(&quotient, x)? * raised + other.backward(&quotient, x)? * lowered;
        Ok((share, quotient, z))
    }

    fn alpha_beta(&self, given: &Given<'_>, alpha: f64, beta: f64) -> Result<Shared> {
        if alpha < 0.0 || beta < 0.0 || (alpha - beta - 1.0).abs() > 1e-9 {
            let found = format!("alpha {alpha} and beta {beta}: expected none negative, and alpha one more than beta");
            return Err(Error::new(Code::Parameter, found));
        }
        let (up, down) = (given.bias.map(|bias| bias.clamp_min(0.0)), given.bias.map(|bias| bias.clamp_max(0.0)));
        let (raising, raised, p) = self.contributions(given, Raises::Yes, up.as_ref())?;
        if beta == 0.0 {
            return Ok(given.shared(raising, &[(&raised, up.as_ref())], &[(&raised, &p)]));
        }
        let (lowering, lowered, n) = self.contributions(given, Raises::No, down.as_ref())?;
        let share = raising * alpha - lowering * beta;
        if !given.ledger {
            return Ok(Shared { share, bias: 0.0, stabiliser: 0.0 });
        }
        let (raised, lowered) = (raised * alpha, lowered * -beta);
        // Each part is stabilised by itself: what it takes of its own is alpha or beta times R less what is accounted for.
        Ok(given.shared(share, &[(&raised, up.as_ref()), (&lowered, down.as_ref())], &[(&raised, &p), (&lowered, &n)]))
    }

    /// What raises an output and what lowers it, `p` and `n`, have the sum `x w` and the difference `|x| |w|`: so three products
    /// do for what is defined by eight.
    fn gamma(&self, given: &Given<'_>, gamma: f64) -> Result<Shared> {
        let (x, z) = (given.x, self.output(given)?);
        let (sizes, magnitude) = (self.with(Tensor::abs)?, x.abs());
        let linear = match given.bias {
            Some(bias) => &z - given.beside(bias, &z),
            None => z.shallow_clone(),
        } * (1.0 + gamma / 2.0);
        let spread = sizes.forward(&magnitude, None)? * (gamma / 2.0);
        let bias = |sign: f64| given.bias.map(|bias| bias + (bias * sign).clamp_min(0.0) * (gamma * sign));
        let (bias_up, bias_down) = (bias(1.0), bias(-1.0));
        let whole = |sum: Tensor, bias: &Option<Tensor>| match bias {
            Some(bias) => &sum + given.beside(bias, &sum),
            None => sum,
        };
        // Where the output is positive, what raises it counts more; where it is negative, what lowers it.
        let (raised, lowered) = (whole(&linear + &spread, &bias_up), whole(&linear - &spread, &bias_down));
        let positive = quotient(&(given.arrived * z.gt(0.0).to_kind(z.kind())), &raised, given.stabiliser)?;
        let negative = quotient(&(given.arrived * z.lt(0.0).to_kind(z.kind())), &lowered, given.stabiliser)?;
        let share = self.backward(&(&positive + &negative), x)? * (1.0 + gamma / 2.0) * x
            + sizes.backward(&(&positive - &negative), x)? * (gamma / 2.0) * magnitude;
        Ok(given.shared(
            share,
            &[(&positive, bias_up.as_ref()), (&negative, bias_down.as_ref())],
            &[(&positive, &raised), (&negative, &lowered)],
        ))
    }

    /// The weights of a row of terms, summed, each as often as it counts.
    fn of_terms(&self, row: &Terms, number: f64) -> Result<Self> {
        self.with(|weight| weighted(row, number, weight))
    }

    /// By the weights alone, whatever the inputs are.
    fn by_weights(&self, given: &Given<'_>, row: &Terms, number: f64) -> Result<Shared> {
        let map = self.of_terms(row, number)?;
        // One picture's worth: the sums are the same for all.
        let one = given.x.narrow(0, 0, 1).ones_like();
        let z = map.forward(&one, None)?.expand_as(given.arrived);
        let quotient = quotient(given.arrived, &z, given.stabiliser)?;
        let share = map.backward(&quotient, given.x)?;
        Ok(given.shared(share, &[], &[(&quotient, &z)]))
    }

    /// By the inputs times the weights of a row of terms.
    fn by_terms(&self, given: &Given<'_>, row: &Terms, number: f64) -> Result<Shared> {
        let map = self.of_terms(row, number)?;
        let bias = match row.bias {
            Counts::Yes => given.bias.map(|bias| weighted(row, number, bias)),
            Counts::No => None,
        };
        let z = map.forward(given.x, bias.as_ref())?;
        let quotient = quotient(given.arrived, &z, given.stabiliser)?;
        let share = map.backward(&quotient, given.x)? * given.x;
        Ok(given.shared(share, &[(&quotient, bias.as_ref())], &[(&quotient, &z)]))
    }

    fn z_box(&self, given: &Given<'_>, low: [f64; 3], high: [f64; 3]) -> Result<Shared> {
        let x = given.x;
        if x.size().get(1) != Some(&3) {
            return Err(Error::new(Code::Model, "zB is for the layer that reads the picture, with three channels"));
        }
        let filled = |values: [f64; 3]| {
            Tensor::from_slice(&values).to_kind(x.kind()).to_device(x.device()).view([1, 3, 1, 1]).expand_as(x)
        };
        let (low, high) = (filled(low), filled(high));
        let (up, down) = (self.positive()?, self.negative()?);
        let parts = |bias: &Tensor, sign: f64| (bias * sign).clamp_min(0.0) * sign;
        let bias_up = given.bias.map(|bias| parts(bias, 1.0));
        let bias_down = given.bias.map(|bias| parts(bias, -1.0));
        // The bias, less its positive and its negative part, is nothing: as zennit has it.
        let z = self.forward(x, given.bias)?
            - up.forward(&low, bias_up.as_ref())?
            - down.forward(&high, bias_down.as_ref())?;
        let quotient = quotient(given.arrived, &z, given.stabiliser)?;
        let share =
            self.backward(&quotient, x)? * x - up.backward(&quotient, x)? * low - down.backward(&quotient, x)? * high;
        Ok(given.shared(share, &[], &[(&quotient, &z)]))
    }
}

/// What the terms of a row take of weights or a bias, summed, each as often as it counts.
fn weighted(row: &Terms, number: f64, weight: &Tensor) -> Tensor {
    let one = |term: &Term| match term.factor {
        Factor::One => term.weight.of(weight),
        Factor::Number => term.weight.of(weight) * number,
    };
    let first = row.terms.first().map_or_else(|| weight.zeros_like(), one);
    row.terms.iter().skip(1).fold(first, |sum, term| sum + one(term))
}

#[derive(Clone, Copy, PartialEq)]
enum Raises {
    Yes,
    No,
}

impl Given<'_> {
    /// A bias, a number a channel or feature, in the shape of what it is added to.
    fn beside(&self, bias: &Tensor, of: &Tensor) -> Tensor {
        let mut shape = vec![1; of.dim()];
        let side = if self.along < 0 { of.dim() - 1 } else { self.along as usize };
        shape[side] = -1;
        bias.view(&shape[..])
    }

    /// The share with its ledger: each part of the relevance, a quotient, times a bias went to that bias; and what is between
    /// a quotient times its plain divisor and what arrived went to the stabiliser.
    fn shared(&self, share: Tensor, biases: &[(&Tensor, Option<&Tensor>)], divisors: &[(&Tensor, &Tensor)]) -> Shared {
        if !self.ledger {
            return Shared { share, bias: 0.0, stabiliser: 0.0 };
        }
        let bias = biases
            .iter()
            .filter_map(|(quotient, bias)| bias.map(|bias| total(&(*quotient * self.beside(bias, quotient)))));
        let kept: f64 = divisors.iter().map(|(quotient, z)| total(&(*quotient * *z))).sum();
        Shared { share, bias: bias.sum(), stabiliser: total(self.arrived) - kept }
    }
}

/// `a / z`, stabilised.
///
/// # Errors
/// [`Code::Numeric`] if a divisor is not finite: what infinity divides would be lost without a trace.
pub(super) fn quotient(a: &Tensor, z: &Tensor, stabiliser: Stabiliser) -> Result<Tensor> {
    finite(z)?;
    Ok(match stabiliser {
        Stabiliser::Add(0.0) => a / z,
        Stabiliser::Add(s) => a / ((z.ge(0.0).to_kind(z.kind()) * 2.0 - 1.0) * s + z),
        Stabiliser::InsteadOfZero(s) => a / (z.eq(0.0).to_kind(z.kind()) * s + z),
    })
}

/// The same with so many times the root mean square of each picture's own divisors added: a map does not depend on which
/// pictures are in a batch with it.
fn relative_quotient(a: &Tensor, z: &Tensor, factor: f64) -> Result<Tensor> {
    finite(z)?;
    let own: Vec<i64> = (1..z.dim() as i64).collect();
    // In double precision: squares are out of the range of 16 bits from 256 on, of 32 bits from 2e19.
    let sizes = z.to_kind(Kind::Double).square().f_mean_dim(own.as_slice(), true, Kind::Double)?.sqrt();
    let added = (sizes * factor).clamp_min(f64::from(f32::MIN_POSITIVE)).to_kind(z.kind());
    Ok(a / ((z.ge(0.0).to_kind(z.kind()) * 2.0 - 1.0) * added + z))
}

fn finite(divisor: &Tensor) -> Result<()> {
    match largest(divisor)? {
        size if size.is_finite() => Ok(()),
        size => Err(Error::new(Code::Numeric, format!("relevance would be divided by numbers of size {size}"))),
    }
}

pub(super) fn total(tensor: &Tensor) -> f64 {
    tensor.sum(Kind::Double).double_value(&[])
}

/// Adaptive average pooling along one side as a matrix `[outputs, inputs]`: output `i` is the mean of the inputs from
/// `floor(i n / m)` to `ceil((i + 1) n / m)`, as torch's `adaptive_avg_pool2d`.
fn averaging(inputs: i64, outputs: i64, kind: Kind) -> Tensor {
    let mut weights = vec![0f64; (inputs * outputs) as usize];
    for output in 0..outputs {
        let (first, end) = (output * inputs / outputs, ((output + 1) * inputs + outputs - 1) / outputs);
        for input in first..end {
            weights[(output * inputs + input) as usize] = 1.0 / (end - first) as f64;
        }
    }
    Tensor::from_slice(&weights).view([outputs, inputs]).to_kind(kind)
}
