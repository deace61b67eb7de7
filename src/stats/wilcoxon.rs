use statrs::function::erf::erfc;

use super::{Alternative, Test, check_pairs, differences};
use crate::error::{Code, Error, Result};

/// Largest number of pairs for which the exact distribution is taken, without and with ties or pairs that do not differ
/// (SciPy 1.17; with them it goes through all signs one by one).
const EXACT_UP_TO: usize = 50;
const EXACT_UP_TO_WITH_TIES: usize = 13;

/// Wilcoxon's signed-rank test of paired samples, as `scipy.stats.wilcoxon` (1.17) with its defaults: pairs without a
/// difference are dropped; the exact distribution up to 50 pairs, or up to 13 where values are tied or a pair was dropped,
/// else the normal approximation without continuity correction. The statistic is the sum of the ranks of the positive
/// differences, or for the two-sided test the smaller of the two sums.
///
/// # Errors
/// [`Code::Parameter`] for samples of two lengths, none, or no difference at all; [`Code::Numeric`] if a value is not
/// finite, or a difference is more than a number can hold.
pub fn wilcoxon(a: &[f64], b: &[f64], alternative: Alternative) -> Result<Test> {
    check_pairs(a, b, 1, "Wilcoxon's test")?;
    let (plus, minus, ranks, tie_sizes) = signed_ranks(&differences(a, b, "Wilcoxon's test")?);
    let n = ranks.len();
    if n == 0 {
        return Err(Error::new(Code::Parameter, "Wilcoxon's test of samples that do not differ anywhere"));
    }
    let statistic = if alternative == Alternative::TwoSided { plus.min(minus) } else { plus };
    let plain = n == a.len() && tie_sizes.is_empty();
    let exact = a.len() <= if plain { EXACT_UP_TO } else { EXACT_UP_TO_WITH_TIES };
    let p = if exact { exact_p(plus, &ranks, alternative) } else { normal_p(plus, n, &tie_sizes, alternative) };
    Ok(Test { statistic, p, n })
}

/// The same by the normal approximation at every n, as SciPy computed it by default before 1.5, and so the thesis.
///
/// # Errors
/// As [`wilcoxon`].
pub(crate) fn wilcoxon_approximate(a: &[f64], b: &[f64], alternative: Alternative) -> Result<Test> {
    let Test { statistic, n, .. } = wilcoxon(a, b, alternative)?;
    let (plus, _, _, ties) = signed_ranks(&differences(a, b, "Wilcoxon's test")?);
    Ok(Test { statistic, p: normal_p(plus, n, &ties, alternative), n })
}

/// The sums of the ranks of the positive and of the negative differences.
pub(super) fn signed_rank_sums(differences: &[f64]) -> (f64, f64) {
    let (plus, minus, ..) = signed_ranks(differences);
    (plus, minus)
}

/// Those sums, the ranks themselves and the sizes of the groups of equal ones; pairs that do not differ are left out.
fn signed_ranks(differences: &[f64]) -> (f64, f64, Vec<f64>, Vec<usize>) {
    let differences: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    let (ranks, ties) = ranks(&differences.iter().map(|difference| difference.abs()).collect::<Vec<_>>());
    let sum = |keep: fn(f64) -> bool| -> f64 {
        differences.iter().zip(&ranks).filter(|(difference, _)| keep(**difference)).map(|(_, rank)| rank).sum::<f64>()
            + 0.0
    };
    (sum(|difference| difference > 0.0), sum(|difference| difference < 0.0), ranks, ties)
}

/// Ranks from 1, equal values sharing the mean of theirs; and the sizes of the groups of equal values.
pub(super) fn ranks(values: &[f64]) -> (Vec<f64>, Vec<usize>) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut ties = Vec::new();
    let mut from = 0;
    while from < order.len() {
        let size = order[from..].iter().take_while(|&&index| values[index] == values[order[from]]).count();
        let rank = from as f64 + (size as f64 + 1.0) / 2.0;
        order[from..from + size].iter().for_each(|&index| ranks[index] = rank);
        if size > 1 {
            ties.push(size);
        }
        from += size;
    }
    (ranks, ties)
}

/// Of the 2^n equally likely signs, the share whose sum of positive ranks is as extreme.
fn exact_p(plus: f64, ranks: &[f64], alternative: Alternative) -> f64 {
    // Shared ranks are halves, so everything is counted in halves.
    let halves = |rank: f64| (2.0 * rank).round() as usize;
    let largest: usize = ranks.iter().map(|&rank| halves(rank)).sum();
    // counts[s]: number of choices of ranks that sum to s halves; at most 2^50, exact in f64.
    let mut counts = vec![0.0; largest + 1];
    counts[0] = 1.0;
    for rank in ranks.iter().map(|&rank| halves(rank)) {
        for sum in (rank..=largest).rev() {
            counts[sum] += counts[sum - rank];
        }
    }
    let all = 2f64.powi(ranks.len() as i32);
    let at_least: f64 = counts[halves(plus)..].iter().sum::<f64>() / all;
    let at_most: f64 = counts[..=halves(plus)].iter().sum::<f64>() / all;
    match alternative {
        Alternative::Greater => at_least,
        Alternative::Less => at_most,
        Alternative::TwoSided => (2.0 * at_least.min(at_most)).min(1.0),
    }
}

fn normal_p(plus: f64, n: usize, ties: &[usize], alternative: Alternative) -> f64 {
    let n = n as f64;
    let mean = n * (n + 1.0) / 4.0;
    let tied: f64 = ties.iter().map(|&size| (size as f64).powi(3) - size as f64).sum();
    let deviation = ((n * (n + 1.0) * (2.0 * n + 1.0) - tied / 2.0) / 24.0).sqrt();
    let z = (plus - mean) / deviation;
    let above = |z: f64| 0.5 * erfc(z / std::f64::consts::SQRT_2);
    match alternative {
        Alternative::Greater => above(z),
        Alternative::Less => above(-z),
        Alternative::TwoSided => (2.0 * above(z.abs())).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_ties_are_shared() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), (vec![3.5, 1.0, 3.5, 2.0], vec![2]));
    }

    #[test]
    fn samples_that_do_not_differ_are_refused() {
        assert!(wilcoxon(&[1.0, 2.0], &[1.0, 2.0], Alternative::Less).is_err());
        assert!(wilcoxon(&[1.0, f64::NAN], &[1.0, 2.0], Alternative::Less).is_err());
        assert!(wilcoxon(&[1.0], &[1.0, 2.0], Alternative::Less).is_err());
    }
}
