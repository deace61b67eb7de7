//! Means over levels with their intervals.

use super::axes::{Axes, Axis, Key};
use super::draft::{Draft, Plot};
use super::look::{Look, SIZE, color, nothing, same_length};
use super::sheet::marker;
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

/// A line over levels: one network, a point a level. Several are drawn together by [`Plot::plot`].
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

impl Plot for [Curve] {
    /// Means over levels, a colour and a marker for each series, its intervals as whiskers, a legend at the right.
    ///
    /// Levels stand in the order in which they first come; series that meet at a level stand a little apart. A point that
    /// is outside the range is left out.
    fn plot(&self) -> Draft {
        let series = self.to_vec();
        Draft::new(SIZE, move |look| drawn(&series, look))
    }
}

fn drawn(series: &[Curve], look: &Look) -> Result<Figure> {
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
    let mut plot = Axes::new(look, Axis::names(&levels), Axis::numbers(values, look.range)?, &keys)?;
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
        let draft = networks().plot().title("Scrambled").x("block size (px)").y("softmax of the true class");
        let figure = draft.draw("scrambled").unwrap();
        for text in
            ["Scrambled", "block size (px)", "softmax of the true class", "vgg16", "se-resnext50", "224", "28", "0.4"]
        {
            assert!(figure.svg().contains(&format!(">{text}</text>")), "{text}");
        }
        assert_eq!(figure, draft.draw("scrambled").unwrap());
        assert_eq!(image::load_from_memory(figure.png()).unwrap().to_rgb8().dimensions(), (1280, 800));
    }

    #[test]
    fn a_missing_mean_is_a_gap_and_none_at_all_an_error() {
        let gap = Curve::new("a", &["x", "y", "z"], &[1.0, f64::NAN, 2.0]).unwrap();
        let figure = [gap].plot().draw("gap").unwrap();
        assert_eq!(figure.svg().matches("<circle").count(), 2 + 1);
        let empty: [Curve; 0] = [];
        assert_eq!(empty.plot().draw("none").unwrap_err().code(), Code::Parameter);
        assert!(Curve::new("a", &[1, 2], &[1.0]).is_err());
    }

    #[test]
    fn a_figure_too_small_for_its_text_is_an_error() {
        assert!(networks().plot().size(120, 60).draw("small").is_err());
    }
}
