//! How many pictures a comparison of observers takes, by simulation.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use super::bias::{PEOPLE, RULES, mean_of_finite, shape_bias};
use super::conclusion::ALPHA;
use super::consistency::conditions_of;
use super::parameters::Observing;
use crate::error::{Code, Error, Result};
use crate::observers::{Answer, Trials, published_set};
use crate::stats::{Correct, Drawn, Sources, crossed, p_of_draws, redraw};
use crate::table::table;

table! {
    /// The power of a study of so many pictures.
    pub struct PlanRow {
        /// What is compared.
        effect: String,
        /// Pictures.
        pictures: i64,
        /// The share of simulated studies that find the difference, two-sided at 5 %.
        power: f64,
        /// Lower end of the 95 % interval of that share (Wilson 1927).
        low: f64,
        /// Upper end.
        high: f64,
        /// The mean width of the 95 % interval of the difference.
        width: f64,
    }
}

/// Two networks that err like people to different degrees.
///
/// Observers follow the copy model: each person takes over whether a hidden source is right on a share of the trials, so that
/// two people have the kappa `ceiling`; each network does so as often as gives its kappa with a person; else each is right
/// independently, so often that its accuracy is as given. With one person, the person is the source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KappaPlan {
    /// Accuracy of each person, 0 to 1.
    pub people_accuracy: f64,
    /// People.
    pub people: usize,
    /// Error consistency of two people.
    pub ceiling: f64,
    /// Accuracies of the two networks.
    pub accuracies: [f64; 2],
    /// Error consistency of each with a person.
    pub kappas: [f64; 2],
    /// Simulated studies, and draws of pictures in each.
    pub effort: Effort,
}

/// Two networks of different shape bias.
///
/// On each trial a network decides for either cue with the probability `cue_accuracy`, and then for the shape with a probability
/// whose log-odds are a number of its own, and an effect of the shape's source, and one of the texture's, the same for both
/// networks, each normal with the deviation `spread`. Its own number is such that over all sources it has its shape bias. What is
/// compared are the pooled biases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BiasPlan {
    /// Shape biases of the two networks, above 0 and below 1.
    pub biases: [f64; 2],
    /// The share of trials on which a network decides for either cue.
    pub cue_accuracy: f64,
    /// Deviation of the effects of sources, in log-odds.
    pub spread: f64,
    /// Pictures that each source of a shape is in, each with a texture drawn from all.
    pub pictures_of_a_shape: usize,
    /// Sources of textures.
    pub textures: usize,
    /// Simulated studies, and draws of sources in each.
    pub effort: Effort,
}

/// How much a simulation costs: time goes with the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Simulated studies of each size.
    pub studies: usize,
    /// Draws that the interval of each is made of.
    pub draws: usize,
    /// The seed of it all.
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Effort { studies: 300, draws: 400, seed: 1 }
    }
}

impl Default for KappaPlan {
    /// A person who is right on four of five, two networks that are right on half.
    fn default() -> Self {
        KappaPlan {
            people_accuracy: 0.8,
            people: 1,
            ceiling: 1.0,
            accuracies: [0.5, 0.5],
            kappas: [0.2, 0.1],
            effort: Effort::default(),
        }
    }
}

impl Default for BiasPlan {
    fn default() -> Self {
        BiasPlan {
            biases: [0.2, 0.3],
            cue_accuracy: 0.6,
            spread: 1.0,
            pictures_of_a_shape: 8,
            textures: 48,
            effort: Effort::default(),
        }
    }
}

impl KappaPlan {
    /// What a study at hand measured, as if it were so: of two of its networks, and its people.
    ///
    /// # Errors
    /// [`Code::Model`] for a network that is not there; [`Code::Parameter`] where a kappa is not defined, or there are no people.
    pub fn of(trials: &Trials, networks: [&str; 2]) -> Result<Self> {
        let people = trials.models_of_people();
        if people.is_empty() {
            return Err(Error::new(Code::Parameter, format!("no people decided on {}", trials.set)));
        }
        let networks = [trials.observer(networks[0])?, trials.observer(networks[1])?];
        let all: Vec<usize> = people.iter().copied().chain(networks).collect();
        // As averages are made: condition by condition, without those that are left out.
        let left_out = published_set(&trials.set).map_or(&[][..], |published| published.left_out);
        let conditions = conditions_of(trials, &all)?;
        let correct: Vec<&Correct> =
            conditions.iter().filter(|(name, _)| !left_out.contains(&name.as_str())).map(|(_, own)| own).collect();
        let count = people.len();
        let mean =
            |of: &dyn Fn(&Correct) -> f64| mean_of_finite(&correct.iter().map(|own| of(own)).collect::<Vec<_>>());
        let kappa = |a: usize, b: usize| mean(&|own| own.agreement(a, b).kappa.unwrap_or(f64::NAN));
        let with_people = |one: usize| mean_of_finite(&(0..count).map(|person| kappa(one, person)).collect::<Vec<_>>());
        let accuracy = |one: usize| mean(&|own| own.agreement(one, one).accuracies[0]);
        let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b)));
        let among: Vec<f64> = pairs.map(|(a, b)| kappa(a, b)).collect();
        let plan = KappaPlan {
            people_accuracy: (0..count).map(accuracy).sum::<f64>() / count as f64,
            people: count,
            ceiling: if among.is_empty() { 1.0 } else { mean_of_finite(&among) },
            accuracies: [accuracy(count), accuracy(count + 1)],
            kappas: [with_people(count), with_people(count + 1)],
            effort: Effort::default(),
        };
        plan.chances().map(|_| plan)
    }

    /// The share of trials that each network copies, and its accuracy on the others.
    fn chances(&self) -> Result<[(f64, f64); 2]> {
        let a = self.people_accuracy;
        let within = |value: f64| (0.0..=1.0).contains(&value);
        if !(within(a) && a > 0.0 && a < 1.0 && self.accuracies.into_iter().all(within) && self.people > 0) {
            let found = format!("accuracies {a} and {:?} of {} people", self.accuracies, self.people);
            return Err(Error::new(Code::Parameter, format!("{found}: expected above 0 and below 1, and a person")));
        }
        if !(self.ceiling > 0.0 && self.ceiling <= 1.0) {
            let found = format!("people's kappa is {}, expected above 0, at most 1", self.ceiling);
            return Err(Error::new(Code::Parameter, found));
        }
        let of = |place: usize| {
            let (b, kappa) = (self.accuracies[place], self.kappas[place]);
            let expected = a * b + (1.0 - a) * (1.0 - b);
            let copied = kappa * (1.0 - expected) / (2.0 * a * (1.0 - a)) / self.source_share();
            let rest = (b - copied * a) / (1.0 - copied);
            if within(copied) && copied < 1.0 && within(rest) {
                return Ok((copied, rest));
            }
            let found = format!(
                "a network that is right on {b:.3} cannot have a kappa of {kappa:.3} with people who are right on {a:.3} \
                 and have one of {:.3} among themselves, by copying them",
                self.ceiling
            );
            Err(Error::new(Code::Parameter, found).hint("plan for another kappa or accuracy"))
        };
        Ok([of(0)?, of(1)?])
    }

    /// The share of trials on which a person takes over the source.
    fn source_share(&self) -> f64 {
        if self.people == 1 { 1.0 } else { self.ceiling.sqrt() }
    }

    /// The power to tell the two kappas apart with so many pictures, a row a number.
    ///
    /// ```
    /// use lgf::analysis::{Effort, KappaPlan};
    ///
    /// let plan = KappaPlan { kappas: [0.3, 0.05], effort: Effort { studies: 40, draws: 100, seed: 1 }, ..KappaPlan::default() };
    /// let rows = plan.power(&[40, 640])?;
    /// assert!(rows[1].power > rows[0].power);
    /// # Ok::<(), lgf::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::Parameter`] for accuracies and kappas that cannot be together.
    pub fn power(&self, pictures: &[usize]) -> Result<Vec<PlanRow>> {
        let chances = self.chances()?;
        let effect = format!("kappas {:.3} and {:.3}", self.kappas[0], self.kappas[1]);
        let one = |count: usize, random: &mut ChaCha8Rng, seed: u64| -> Result<Vec<f64>> {
            let correct = Correct::of(&self.study(count, &chances, random))?;
            let difference = |drawn: &[Drawn]| {
                let kappa = |network: usize| {
                    let with = |person| drawn[0].kappa(network, person);
                    mean_of_finite(&(2..2 + self.people).map(with).collect::<Vec<_>>())
                };
                vec![kappa(0) - kappa(1)]
            };
            Ok(redraw(&[correct], self.effort.draws, seed, difference).column(0))
        };
        simulated(&effect, pictures, self.effort, one)
    }

    /// One simulated study: who is right on which picture; networks first, then people.
    fn study(&self, pictures: usize, chances: &[(f64, f64); 2], random: &mut ChaCha8Rng) -> Vec<Vec<bool>> {
        let mut rows = vec![Vec::with_capacity(pictures); 2 + self.people];
        for _ in 0..pictures {
            let source = random.random_bool(self.people_accuracy);
            for (row, (copied, rest)) in rows.iter_mut().zip(chances) {
                let copies = random.random_bool(*copied);
                let own = random.random_bool(*rest);
                row.push(if copies { source } else { own });
            }
            for row in &mut rows[2..] {
                let copies = random.random_bool(self.source_share());
                let own = random.random_bool(self.people_accuracy);
                row.push(if copies { source } else { own });
            }
        }
        rows
    }
}

impl BiasPlan {
    /// What a study at hand measured, as if it were so: of two of its networks.
    ///
    /// # Errors
    /// As [`shape_bias`]; [`Code::Model`] for a network that is not there; [`Code::Parameter`] for a bias of 0, 1 or none.
    pub fn of(trials: &Trials, networks: [&str; 2]) -> Result<Self> {
        let how = Observing { draws: 0, ..Observing::default() };
        let rows = shape_bias(trials, &how)?;
        let mut found = Vec::new();
        for name in networks {
            if name != PEOPLE && name != RULES {
                trials.observer(name)?;
            }
            let row = rows.iter().find(|row| row.observer == name && row.category.is_empty());
            let none = || Error::new(Code::Parameter, format!("{name} has no shape bias on {}", trials.set));
            let row = row.ok_or_else(none)?;
            found.push((row.shape_bias.ok_or_else(none)?, row.cue_accuracy));
        }
        let distinct = |which: usize| {
            let mut names: Vec<&String> =
                trials.pictures.iter().filter_map(|picture| Some(&picture.sources.as_ref()?[which])).collect();
            names.sort();
            names.dedup();
            names.len().max(1)
        };
        let seen = |answer: &&Answer| **answer != Answer::Unseen;
        let pictures = trials.observers.iter().map(|one| one.answers.iter().filter(seen).count()).max().unwrap_or(0);
        let plan = BiasPlan {
            biases: [found[0].0, found[1].0],
            cue_accuracy: (found[0].1 + found[1].1) / 2.0,
            pictures_of_a_shape: (pictures / distinct(0)).max(1),
            textures: distinct(1),
            ..BiasPlan::default()
        };
        plan.check().map(|()| plan)
    }

    fn check(&self) -> Result<()> {
        let inside = |value: f64| value > 0.0 && value < 1.0;
        let well = self.biases.into_iter().all(inside)
            && self.cue_accuracy > 0.0
            && self.cue_accuracy <= 1.0
            && self.spread >= 0.0
            && self.pictures_of_a_shape > 0
            && self.textures > 0;
        match well {
            true => Ok(()),
            false => Err(Error::new(Code::Parameter, format!("{self:?}: shares above 0 and below 1, counts above 0"))),
        }
    }

    /// The power to tell the two shape biases apart with so many pictures, a row a number.
    ///
    /// # Errors
    /// [`Code::Parameter`] for shares that are none.
    pub fn power(&self, pictures: &[usize]) -> Result<Vec<PlanRow>> {
        self.check()?;
        let effect = format!("shape biases {:.3} and {:.3}", self.biases[0], self.biases[1]);
        let one = |count: usize, random: &mut ChaCha8Rng, seed: u64| {
            let (sources, decided) = self.study(count, random);
            let difference = |weights: &[f64]| {
                let bias = |network: usize| {
                    let (mut shape, mut all) = (0.0, 0.0);
                    for (weight, decided) in weights.iter().zip(&decided) {
                        if let Some(by_shape) = decided[network] {
                            all += weight;
                            shape += weight * f64::from(u8::from(by_shape));
                        }
                    }
                    shape / all
                };
                vec![bias(0) - bias(1)]
            };
            Ok(crossed(&sources, self.effort.draws, seed, difference).column(0))
        };
        simulated(&effect, pictures, self.effort, one)
    }

    /// One simulated study: the sources of each trial, and what each network decides: by shape, by texture, or for neither.
    fn study(&self, pictures: usize, random: &mut ChaCha8Rng) -> (Vec<Sources>, Vec<[Option<bool>; 2]>) {
        let shapes = pictures.div_ceil(self.pictures_of_a_shape);
        let own = self.biases.map(|bias| log_odds(bias, self.spread * std::f64::consts::SQRT_2));
        let mut effects = |count: usize| (0..count).map(|_| self.spread * normal(random)).collect::<Vec<f64>>();
        let (of_shapes, of_textures) = (effects(shapes), effects(self.textures));
        let mut sources = Vec::with_capacity(pictures);
        let mut decided = Vec::with_capacity(pictures);
        for trial in 0..pictures {
            let (shape, texture) = (trial / self.pictures_of_a_shape, random.random_range(0..self.textures));
            sources.push((shape, texture));
            let mut one = |own: f64| {
                let odds = own + of_shapes[shape] + of_textures[texture];
                let by_shape = random.random_bool(1.0 / (1.0 + (-odds).exp()));
                random.random_bool(self.cue_accuracy).then_some(by_shape)
            };
            decided.push([one(own[0]), one(own[1])]);
        }
        (sources, decided)
    }
}

/// The log-odds that, with a normal deviation added, are a share on average: by bisection, the average by the trapezoidal rule.
fn log_odds(share: f64, deviation: f64) -> f64 {
    let mean = |own: f64| {
        let (mut sum, mut all) = (0.0, 0.0);
        for step in -300..=300 {
            let z = f64::from(step) / 50.0;
            let weight = (-z * z / 2.0).exp();
            sum += weight / (1.0 + (-(own + deviation * z)).exp());
            all += weight;
        }
        sum / all
    };
    let (mut low, mut high) = (-60.0 - 10.0 * deviation, 60.0 + 10.0 * deviation);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if mean(middle) < share { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// A number of the normal distribution (Box and Muller 1958).
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (first, second): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - first).ln()).sqrt() * (2.0 * std::f64::consts::PI * second).cos()
}

/// Simulated studies of each size: `one` gives the draws of the difference in one of them.
fn simulated(
    effect: &str,
    pictures: &[usize],
    effort: Effort,
    one: impl Fn(usize, &mut ChaCha8Rng, u64) -> Result<Vec<f64>> + Sync,
) -> Result<Vec<PlanRow>> {
    if effort.studies == 0 || effort.draws < 40 || pictures.contains(&0) {
        let found = format!("{} studies of {} draws, of {pictures:?} pictures", effort.studies, effort.draws);
        return Err(Error::new(Code::Parameter, format!("{found}: expected a study, 40 draws, a picture")));
    }
    let row = |&count: &usize| {
        let study = |number: usize| -> Result<(bool, f64)> {
            let mut random = ChaCha8Rng::seed_from_u64(effort.seed);
            random.set_stream(((count as u64) << 32) | number as u64);
            let draws = one(count, &mut random, effort.seed + number as u64)?;
            let ends = crate::stats::percentiles(draws.iter().copied()).0;
            let width = ends.map_or(f64::NAN, |[low, high]| high - low);
            Ok((p_of_draws(draws) <= ALPHA, width))
        };
        let found: Vec<(bool, f64)> = (0..effort.studies).into_par_iter().map(study).collect::<Result<_>>()?;
        let successes = found.iter().filter(|(well, _)| *well).count();
        let (power, n) = (successes as f64 / effort.studies as f64, effort.studies as f64);
        // Wilson's interval, with the 97.5 % point of the normal distribution.
        let z = 1.959_963_984_540_054_f64;
        let middle = (power + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (power * (1.0 - power) / n + z * z / (4.0 * n * n)).sqrt();
        Ok(PlanRow {
            effect: effect.to_string(),
            pictures: count as i64,
            power,
            low: (middle - half).max(0.0),
            high: (middle + half).min(1.0),
            width: mean_of_finite(&found.iter().map(|(_, width)| *width).collect::<Vec<_>>()),
        })
    };
    pictures.iter().map(row).collect()
}

/// The least number of pictures that gives a power, between the numbers that were simulated; `None` where none does.
///
/// ```
/// use lgf::analysis::{PlanRow, pictures_needed};
///
/// let row = |pictures, power| PlanRow { effect: "e".into(), pictures, power, low: 0.0, high: 1.0, width: 0.1 };
/// assert_eq!(pictures_needed(&[row(100, 0.5), row(200, 0.9)], 0.8), Some(175));
/// assert_eq!(pictures_needed(&[row(100, 0.5)], 0.8), None);
/// ```
pub fn pictures_needed(rows: &[PlanRow], power: f64) -> Option<i64> {
    let at = rows.iter().position(|row| row.power >= power)?;
    let Some(before) = at.checked_sub(1).map(|place| &rows[place]) else { return Some(rows[at].pictures) };
    let share = (power - before.power) / (rows[at].power - before.power);
    Some(before.pictures + (share * (rows[at].pictures - before.pictures) as f64 - 1e-9).ceil() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<PlanRow>();
    }

    const EFFORT: Effort = Effort { studies: 200, draws: 200, seed: 3 };

    #[test]
    fn simulated_observers_have_the_accuracies_and_kappas_that_were_asked_for() {
        let plan = KappaPlan {
            people_accuracy: 0.7,
            people: 3,
            ceiling: 0.45,
            accuracies: [0.6, 0.3],
            kappas: [0.25, 0.08],
            effort: EFFORT,
        };
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let correct = Correct::of(&plan.study(200_000, &plan.chances().unwrap(), &mut random)).unwrap();
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 0.01, "{found} {wanted}");
        for person in 2..5 {
            near(correct.agreement(person, person).accuracies[0], 0.7);
            near(correct.agreement(0, person).kappa.unwrap(), 0.25);
            near(correct.agreement(1, person).kappa.unwrap(), 0.08);
        }
        near(correct.agreement(2, 4).kappa.unwrap(), 0.45);
        near(correct.agreement(0, 0).accuracies[0], 0.6);
        assert!(KappaPlan { kappas: [0.9, 0.1], ..plan }.power(&[10]).is_err(), "more than people share");
    }

    #[test]
    fn without_a_difference_the_power_is_the_level_and_with_one_it_grows() {
        let none = KappaPlan { kappas: [0.2, 0.2], effort: EFFORT, ..KappaPlan::default() };
        let level = &none.power(&[200]).unwrap()[0];
        assert!(level.power < 0.11, "{level:?}");
        let some = KappaPlan { kappas: [0.3, 0.1], effort: EFFORT, ..KappaPlan::default() };
        let rows = some.power(&[60, 250, 1000]).unwrap();
        assert!(rows.windows(2).all(|two| two[1].power > two[0].power && two[1].width < two[0].width), "{rows:?}");
        assert!(rows[2].power > 0.9 && rows[2].low < rows[2].power, "{rows:?}");
        assert_eq!(rows, some.power(&[60, 250, 1000]).unwrap(), "the same seed, the same rows");
    }

    #[test]
    fn simulated_networks_have_the_shape_biases_that_were_asked_for() {
        let plan = BiasPlan { biases: [0.1, 0.35], pictures_of_a_shape: 2, textures: 20_000, ..BiasPlan::default() };
        let (_, decided) = plan.study(100_000, &mut ChaCha8Rng::seed_from_u64(5));
        for (network, bias) in plan.biases.into_iter().enumerate() {
            let own: Vec<bool> = decided.iter().filter_map(|one| one[network]).collect();
            let found = own.iter().filter(|shape| **shape).count() as f64 / own.len() as f64;
            assert!((found - bias).abs() < 0.01, "{found} {bias}");
            assert!((own.len() as f64 / 100_000.0 - plan.cue_accuracy).abs() < 0.01);
        }
    }

    #[test]
    fn shape_biases_take_fewer_pictures_the_further_apart_they_are() {
        let plan = |biases: [f64; 2]| BiasPlan { biases, effort: EFFORT, ..BiasPlan::default() };
        let level = &plan([0.3, 0.3]).power(&[320]).unwrap()[0];
        assert!(level.power < 0.11, "{level:?}");
        let (near, far) = (plan([0.25, 0.35]).power(&[320]).unwrap(), plan([0.2, 0.5]).power(&[320]).unwrap());
        assert!(far[0].power > near[0].power && far[0].power > 0.9, "{near:?} {far:?}");
        assert!(plan([0.0, 0.5]).power(&[10]).is_err());
    }
}
