use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::function::beta::beta_reg;

use super::{Alternative, Test, check_pairs, differences, mean, scaled, unit_of, wilcoxon::signed_rank_sums};
use crate::error::{Code, Error, Result};

/// Sign changes that a permutation test draws where it cannot go through all of them.
const PERMUTATIONS: usize = 9_999;

/// Student's t test of paired samples, as `scipy.stats.ttest_rel` (1.17). The statistic is t, with one degree of freedom
/// less than there are pairs.
///
/// # Errors
/// [`Code::Parameter`] for samples of two lengths, fewer than two pairs, or differences that are all the same but for
/// rounding; [`Code::Numeric`] if a value is not finite, or a difference is more than a number can hold.
pub fn paired_t(a: &[f64], b: &[f64], alternative: Alternative) -> Result<Test> {
    let t = standardised(a, b, "the paired t test")?;
    let n = a.len();
    let t = t * (n as f64).sqrt();
    Ok(Test { statistic: t, p: student(t, n as f64 - 1.0, alternative), n })
}

/// Probability of a more extreme value of Student's t.
pub(super) fn student(t: f64, freedom: f64, alternative: Alternative) -> f64 {
    let tail = 0.5 * beta_reg(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    match alternative {
        Alternative::TwoSided => (2.0 * tail).min(1.0),
        Alternative::Greater => {
            if t > 0.0 {
                tail
            } else {
                1.0 - tail
            }
        }
        Alternative::Less => {
            if t < 0.0 {
                tail
            } else {
                1.0 - tail
            }
        }
    }
}

/// The mean difference of pairs over the standard deviation (n - 1) of the differences.
fn standardised(a: &[f64], b: &[f64], test: &str) -> Result<f64> {
    check_pairs(a, b, 2, test)?;
    let differences = differences(a, b, test)?;
    let unit = unit_of(&differences);
    let differences = scaled(&differences, unit);
    let center = mean(&differences);
    let squares: f64 = differences.iter().map(|difference| (difference - center).powi(2)).sum();
    let deviation = (squares / (a.len() as f64 - 1.0)).sqrt();
    // What rounding leaves of no deviation is none.
    let largest = a.iter().chain(b).fold(0.0f64, |most, value| most.max(value.abs()));
    if deviation / unit <= 1e-13 * largest {
        return Err(Error::new(Code::Parameter, format!("{test} of differences that are all the same")));
    }
    Ok(center / deviation)
}

/// The paired permutation test of the mean difference: under the null hypothesis each pair could as well be the other way
/// round. Up to 13 pairs all 2^n ways are counted, as `scipy.stats.permutation_test` (1.17, `permutation_type="samples"`)
/// does; beyond that 9,999 are drawn from the seed, and p is (1 + as extreme) / 10,000. Two-sided: twice the smaller tail.
/// The statistic is the mean difference.
///
/// # Errors
/// [`Code::Parameter`] for samples of two lengths or fewer than two pairs; [`Code::Numeric`] if a value is not finite, or a
/// difference is more than a number can hold.
pub fn permutation(a: &[f64], b: &[f64], alternative: Alternative, seed: u64) -> Result<Test> {
    check_pairs(a, b, 2, "the permutation test")?;
    let differences = differences(a, b, "the permutation test")?;
    let unit = unit_of(&differences);
    let differences = scaled(&differences, unit);
    let n = differences.len();
    let observed: f64 = differences.iter().sum();
    // Sums that differ by rounding alone are the same sum.
    let slack = 1e-14 * differences.iter().map(|difference| difference.abs()).sum::<f64>();
    let (mut above, mut below, mut count) = (0usize, 0usize, 0usize);
    let mut judge = |sum: f64| {
        above += usize::from(sum >= observed - slack);
        below += usize::from(sum <= observed + slack);
        count += 1;
    };
    let all = n < usize::BITS as usize && 1 << n <= PERMUTATIONS;
    if all {
        for signs in 0..1usize << n {
            judge(differences.iter().enumerate().map(|(i, d)| if signs >> i & 1 == 1 { -d } else { *d }).sum());
        }
    } else {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..PERMUTATIONS {
            judge(differences.iter().map(|d| if rng.random::<bool>() { -d } else { *d }).sum());
        }
    }
    // The pairs as they are count among those that were drawn.
    let own = usize::from(!all);
    let share = |extreme: usize| (extreme + own) as f64 / (count + own) as f64;
    let p = match alternative {
        Alternative::Greater => share(above),
        Alternative::Less => share(below),
        Alternative::TwoSided => (2.0 * share(above.min(below))).min(1.0),
    };
    Ok(Test { statistic: observed / n as f64 / unit, p, n })
}

/// Cohen's `d_z`: the mean difference of pairs over the standard deviation of the differences.
///
/// # Errors
/// As [`paired_t`].
pub(crate) fn cohens_dz(a: &[f64], b: &[f64]) -> Result<f64> {
    standardised(a, b, "Cohen's d_z")
}

/// The matched-pairs rank-biserial correlation (Kerby 2014): the sum of the ranks of the positive differences less that of
/// the negative ones, over both; -1 to 1. It goes with [`wilcoxon`](super::wilcoxon()).
///
/// # Errors
/// As [`wilcoxon`](super::wilcoxon()).
pub(crate) fn rank_biserial(a: &[f64], b: &[f64]) -> Result<f64> {
    check_pairs(a, b, 1, "the rank-biserial correlation")?;
    let (plus, minus) = signed_rank_sums(&differences(a, b, "the rank-biserial correlation")?);
    if plus + minus == 0.0 {
        return Err(Error::new(
            Code::Parameter,
            "the rank-biserial correlation of samples that do not differ anywhere",
        ));
    }
    Ok((plus - minus) / (plus + minus))
}

/// Holm's correction of several p-values (1979), as `statsmodels.stats.multitest.multipletests(method="holm")` (0.15): the
/// adjusted values, in the order given. The chance that any of them is below alpha without an effect is at most alpha.
///
/// ```
/// assert_eq!(lgf::stats::holm(&[0.01, 0.04, 0.03])?, [0.03, 0.06, 0.06]);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Numeric`] if a value is not between 0 and 1.
pub fn holm(ps: &[f64]) -> Result<Vec<f64>> {
    if let Some(p) = ps.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(Error::new(Code::Numeric, format!("a p-value of {p}, expected 0 to 1")));
    }
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|&a, &b| ps[a].total_cmp(&ps[b]));
    let mut adjusted = vec![0.0; ps.len()];
    let mut most = 0.0f64;
    for (place, &index) in order.iter().enumerate() {
        most = most.max(((ps.len() - place) as f64 * ps[index]).min(1.0));
        adjusted[index] = most;
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_permutations_come_near_all_of_them() {
        let a: Vec<f64> = (0..40).map(|i| f64::from(i * 7 % 40) / 40.0 + 0.08).collect();
        let b: Vec<f64> = (0..40).map(|i| f64::from(i * 11 % 40) / 40.0).collect();
        let p = |seed| permutation(&a, &b, Alternative::Greater, seed).unwrap().p;
        let t = paired_t(&a, &b, Alternative::Greater).unwrap().p;
        assert_eq!(p(1), p(1));
        assert!((p(1) - t).abs() < 0.02, "{} {t}", p(1));
    }

    #[test]
    fn differences_all_the_same_are_refused() {
        assert!(paired_t(&[1.0, 2.0], &[0.0, 1.0], Alternative::Less).is_err());
        assert!(cohens_dz(&[1.0, 2.0], &[0.0, 1.0]).is_err());
        let rising: Vec<f64> = (0..30).map(|i| f64::from(i) / 7.0).collect();
        let moved: Vec<f64> = rising.iter().map(|value| value + 0.1).collect();
        assert!(cohens_dz(&rising, &moved).is_err() && paired_t(&rising, &moved, Alternative::Less).is_err());
        assert!(rank_biserial(&[1.0, 2.0], &[1.0, 2.0]).is_err());
        assert_eq!(rank_biserial(&[2.0, 3.0], &[1.0, 2.5]).unwrap(), 1.0);
        assert!(holm(&[0.5, f64::NAN]).is_err());
        assert!(holm(&[]).unwrap().is_empty());
    }
}
