use polars::prelude::*;

use crate::error::Result;
use crate::stats::power;

/// Power of a paired two-sided t test by effect (`d_z`, the mean difference over its standard deviation) and number of
/// pairs: `model` (`effect 0.5`), `level` (pairs), `power`.
///
/// # Errors
/// As [`power`].
///
/// ```
/// let table = lgf::analysis::power_by_size(&[0.5], 0.05, &[30, 34])?;
/// assert!(lgf::table::floats(&table, "power")?[1] > 0.8);
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn power_by_size(effects: &[f64], alpha: f64, sizes: &[usize]) -> Result<DataFrame> {
    let pairs = || effects.iter().flat_map(|&effect| sizes.iter().map(move |&size| (effect, size)));
    let powers: Result<Vec<f64>> = pairs().map(|(effect, size)| power(size, effect, alpha)).collect();
    Ok(df!(
        "model" => pairs().map(|(effect, _)| format!("effect {effect}")).collect::<Vec<_>>(),
        "level" => pairs().map(|(_, size)| size as i64).collect::<Vec<_>>(),
        "power" => powers?,
    )?)
}
