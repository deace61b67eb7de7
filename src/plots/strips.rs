//! Single values beside each other.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::axes::{Axes, Axis, Key};
use super::draft::Draft;
use super::look::{Look, WIDE, color, distinct, nothing};
use super::sheet::{INK, Ink, Marker};
use crate::analysis::Group;
use crate::error::Result;
use crate::notebook::Figure;

/// Of the places of points within their lanes.
const SEED: u64 = 1;

/// Every value as a point beside the others of its category, hues next to each other, a bar at the centre of each.
///
/// Points are moved sideways at random within their lane, from one seed: the same groups give the same bytes.
///
/// ```
/// use lgf::analysis::Group;
///
/// let groups = [Group::new("tench", [3.0, 4.0, 5.0, 90.0]), Group::new("church", [1.0, 2.0])];
/// let strips = lgf::plots::strips(&groups);
/// assert_eq!(strips.draw("strips")?.svg(), strips.draw("strips")?.svg(), "the same bytes");
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn strips(groups: &[Group]) -> Draft {
    let groups = groups.to_vec();
    Draft::new(WIDE, move |look| drawn(&groups, look))
}

fn drawn(groups: &[Group], look: &Look) -> Result<Figure> {
    let categories = distinct(groups.iter().map(|group| &group.category));
    let hues = distinct(groups.iter().map(|group| &group.hue));
    let values = || groups.iter().flat_map(|group| group.values.iter().copied().chain(group.center));
    if !values().any(f64::is_finite) {
        return Err(nothing("no group has a finite value"));
    }
    let keys: Vec<Key> = if hues.len() < 2 {
        Vec::new()
    } else {
        let key =
            |(place, hue): (usize, &String)| Key { name: hue.clone(), color: color(place), marker: Marker::Circle };
        hues.iter().enumerate().map(key).collect()
    };
    let mut plot = Axes::new(look, Axis::names(&categories), Axis::numbers(values(), look.range)?, &keys)?;
    let lane = plot.slot() * 0.8 / hues.len() as f64;
    let spread = (lane * 0.36).min(28.0);
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    for group in groups {
        let category = categories.iter().position(|name| *name == group.category).unwrap_or(0);
        let hue = hues.iter().position(|name| *name == group.hue).unwrap_or(0);
        let shift = (hue as f64 - (hues.len() as f64 - 1.0) / 2.0) * lane;
        // Without hues, each category has its own colour.
        let tint = color(if hues.len() < 2 { category } else { hue });
        for &value in &group.values {
            let sideways = f64::from(random.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0;
            if plot.shows(value) {
                let (x, y) = plot.at(category as f64, value);
                plot.sheet.marker((x + shift + sideways * spread, y), Marker::Circle, 3.0, Ink(tint, 0.5));
            }
        }
        if let Some(center) = group.center.filter(|&center| plot.shows(center)) {
            let (x, y) = plot.at(category as f64, center);
            let half = spread + 5.0;
            plot.sheet.line([(x + shift - half, y), (x + shift + half, y)], INK, 2.5);
        }
    }
    let count = groups.iter().map(|group| group.values.len()).sum::<usize>();
    plot.sheet.finish(look, look.alt("single values", &format!("{count} values of {}", categories.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_groups_give_the_same_bytes() {
        let groups = [Group::new("pos.", [1.0, 2.0, 3.0]).hue("a").center(2.0), Group::new("neg.", [2.0]).hue("b")];
        let figure = strips(&groups).draw("s").unwrap();
        assert_eq!(figure, strips(&groups).draw("s").unwrap());
        assert_eq!(figure.svg().matches("<circle").count(), 4 + 2);
        assert!(strips(&[Group::new("a", [f64::NAN])]).draw("s").is_err());
    }
}
