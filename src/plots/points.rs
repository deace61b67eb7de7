//! Points: means over levels with their intervals, and single values beside each other.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::axes::{Axis, Key, Plot};
use super::sheet::{INK, Ink, Marker, marker};
use super::{Look, color, nothing, same_length};
use crate::error::Result;
use crate::notebook::Figure;

/// A mean at one level, with its interval if there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The level, as it is written under the axis.
    pub level: String,
    /// The mean; one that is not finite leaves a gap.
    pub mean: f64,
    /// The ends of the interval: (low, high).
    pub interval: Option<(f64, f64)>,
}

/// A line of a [`point_plot`]: one network over the levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The name in the legend.
    pub name: String,
    /// Its points, in the order of the levels.
    pub points: Vec<Point>,
}

impl Curve {
    /// A series of means over levels: `levels` and `means` have one length.
    ///
    /// # Errors
    /// [`Code::Parameter`](crate::error::Code::Parameter) if they have not.
    pub fn new<L: ToString>(name: impl Into<String>, levels: &[L], means: &[f64]) -> Result<Self> {
        same_length("means", means.len(), levels.len())?;
        let points = levels
            .iter()
            .zip(means)
            .map(|(level, &mean)| Point { level: level.to_string(), mean, interval: None })
            .collect();
        Ok(Curve { name: name.into(), points })
    }

    /// Gives each point its interval; one whose ends are not finite has none.
    ///
    /// # Errors
    /// [`Code::Parameter`](crate::error::Code::Parameter) if there are not as many as points.
    pub fn intervals(mut self, low: &[f64], high: &[f64]) -> Result<Self> {
        same_length("lower ends", low.len(), self.points.len())?;
        same_length("upper ends", high.len(), self.points.len())?;
        for (point, ends) in self.points.iter_mut().zip(low.iter().zip(high)) {
            point.interval = (ends.0.is_finite() && ends.1.is_finite()).then_some((*ends.0, *ends.1));
        }
        Ok(self)
    }
}

/// Means over levels, a colour and a marker for each series, its intervals as whiskers, a legend at the right.
///
/// Levels stand in the order in which they first come; series that meet at a level stand a little apart. A point that
/// is outside `look.range` is left out.
///
/// # Errors
/// [`Code::Parameter`](crate::error::Code::Parameter) without a finite mean, or if the size is too small for the text.
pub fn point_plot(series: &[Curve], look: &Look) -> Result<Figure> {
    let mut levels: Vec<String> = Vec::new();
    for point in series.iter().flat_map(|line| &line.points) {
        if !levels.contains(&point.level) {
            levels.push(point.level.clone());
        }
    }
    if !series.iter().flat_map(|line| &line.points).any(|point| point.mean.is_finite()) {
        return Err(nothing("no series has a finite mean"));
    }
    let values = series.iter().flat_map(|line| &line.points).flat_map(|point| {
        let (low, high) = point.interval.unwrap_or((point.mean, point.mean));
        [point.mean, low, high]
    });
    let keys: Vec<Key> = series
        .iter()
        .enumerate()
        .map(|(place, line)| Key { name: line.name.clone(), color: color(place), marker: marker(place) })
        .collect();
    let mut plot = Plot::new(look, Axis::names(&levels), Axis::numbers(values, look.range)?, &keys)?;
    // At most 9 px between neighbours, and all of them within half a slot.
    let apart = (plot.slot() * 0.5 / series.len() as f64).min(9.0);
    for (place, line) in series.iter().enumerate() {
        let shift = (place as f64 - (series.len() as f64 - 1.0) / 2.0) * apart;
        let mut seen = Vec::new();
        for point in &line.points {
            let level = levels.iter().position(|level| *level == point.level).unwrap_or(0);
            seen.push(plot.shows(point.mean).then(|| {
                let (x, y) = plot.at(level as f64, point.mean);
                ((x + shift, y), point.interval.map(|(low, high)| (plot.at(0.0, low), plot.at(0.0, high))))
            }));
        }
        for pair in seen.windows(2) {
            if let (Some((from, _)), Some((to, _))) = (pair[0], pair[1]) {
                plot.sheet.dots(from, to, color(place));
            }
        }
        for (at, interval) in seen.into_iter().flatten() {
            if let Some((low, high)) = interval {
                plot.whisker(at.0, low, high, 2.5, color(place));
            }
            plot.sheet.marker(at, marker(place), 4.5, color(place));
        }
    }
    let names: Vec<&str> = series.iter().map(|line| line.name.as_str()).collect();
    plot.sheet.finish(look, look.alt("means over levels", &format!("series {}", names.join(", "))))
}

/// Values of one category and hue.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The name under the axis.
    pub category: String,
    /// The name in the legend; the same for all groups for no legend.
    pub hue: String,
    /// The values; those that are not finite are left out.
    pub values: Vec<f64>,
    /// Where a bar is drawn across them: their mean, or their median.
    pub center: Option<f64>,
}

impl Group {
    /// Values of one category.
    pub fn new(category: impl Into<String>, values: impl Into<Vec<f64>>) -> Self {
        Group { category: category.into(), hue: String::new(), values: values.into(), center: None }
    }

    /// Names the hue.
    pub fn hue(mut self, hue: impl Into<String>) -> Self {
        self.hue = hue.into();
        self
    }

    /// Draws a bar at a value: the mean, or the median.
    pub fn center(mut self, value: f64) -> Self {
        self.center = Some(value);
        self
    }
}

/// The different texts, in the order in which they first come.
pub(super) fn distinct<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for text in texts {
        if !seen.contains(text) {
            seen.push(text.clone());
        }
    }
    seen
}

/// Every value as a point beside the others of its category, hues next to each other, a bar at the centre of each.
///
/// Points are moved sideways at random within their lane; the same `seed` gives the same bytes.
///
/// # Errors
/// [`Code::Parameter`](crate::error::Code::Parameter) without a finite value, or if the size is too small for the text.
pub fn strip_plot(groups: &[Group], seed: u64, look: &Look) -> Result<Figure> {
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
    let mut plot = Plot::new(look, Axis::names(&categories), Axis::numbers(values(), look.range)?, &keys)?;
    let lane = plot.slot() * 0.8 / hues.len() as f64;
    let spread = (lane * 0.36).min(28.0);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
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
    use crate::error::Code;

    fn networks() -> Vec<Curve> {
        ["vgg16", "resnet50", "sin-resnet50", "se-resnet50", "resnext50", "se-resnext50"]
            .iter()
            .enumerate()
            .map(|(n, name)| {
                let means: Vec<f64> =
                    (0..5).map(|level| 0.9 / (1.0 + (n as f64 + 1.0) * f64::from(level) / 3.0)).collect();
                let low: Vec<f64> = means.iter().map(|mean| mean - 0.04).collect();
                let high: Vec<f64> = means.iter().map(|mean| mean + 0.05).collect();
                Curve::new(*name, &[224, 112, 56, 32, 28], &means).unwrap().intervals(&low, &high).unwrap()
            })
            .collect()
    }

    #[test]
    fn every_label_is_in_the_figure_and_the_bytes_repeat() {
        let look = Look {
            title: "Scrambled".into(),
            x_label: "block size (px)".into(),
            y_label: "softmax of the true class".into(),
            ..Look::named("scrambled")
        };
        let figure = point_plot(&networks(), &look).unwrap();
        for text in
            ["Scrambled", "block size (px)", "softmax of the true class", "vgg16", "se-resnext50", "224", "28", "0.4"]
        {
            assert!(figure.svg().contains(&format!(">{text}</text>")), "{text}");
        }
        assert_eq!(figure, point_plot(&networks(), &look).unwrap());
        assert_eq!(image::load_from_memory(figure.png()).unwrap().to_rgb8().dimensions(), (1280, 800));
    }

    #[test]
    fn a_missing_mean_is_a_gap_and_none_at_all_an_error() {
        let gap = Curve::new("a", &["x", "y", "z"], &[1.0, f64::NAN, 2.0]).unwrap();
        let figure = point_plot(&[gap], &Look::default()).unwrap();
        assert_eq!(figure.svg().matches("<circle").count(), 2 + 1);
        assert_eq!(point_plot(&[], &Look::default()).unwrap_err().code(), Code::Parameter);
        assert!(Curve::new("a", &[1, 2], &[1.0]).is_err());
    }

    #[test]
    fn a_figure_too_small_for_its_text_is_an_error() {
        assert!(point_plot(&networks(), &Look { size: (120, 60), ..Look::default() }).is_err());
    }

    #[test]
    fn the_seed_decides_the_jitter() {
        let groups = [Group::new("pos.", [1.0, 2.0, 3.0]).hue("a").center(2.0), Group::new("neg.", [2.0]).hue("b")];
        let draw = |seed| strip_plot(&groups, seed, &Look::default()).unwrap();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1).svg(), draw(2).svg());
        assert!(strip_plot(&[Group::new("a", [f64::NAN])], 1, &Look::default()).is_err());
    }
}
