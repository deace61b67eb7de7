//! Masks and heat maps that a cell ends in, each as a picture of its own.

use image::RgbImage;

use super::heat::{HeatStyle, diverging, scale};
use crate::notebook::{Show, Single, format_count, format_number, size_in_words};
use crate::pixels::{Frame, HeatMap, PixelMask};

/// White on black.
impl<F: Frame> Show for PixelMask<F> {
    fn html(&self) -> String {
        picture_of_mask(self).html()
    }

    fn text(&self) -> String {
        picture_of_mask(self).text()
    }

    fn contents(&self) -> Vec<(&'static str, String)> {
        picture_of_mask(self).contents()
    }
}

/// Red above nothing, blue below, as [`heatmap`](super::heatmap) draws it over white.
impl<F: Frame> Show for HeatMap<F> {
    fn html(&self) -> String {
        picture_of_map(self).html()
    }

    fn text(&self) -> String {
        picture_of_map(self).text()
    }

    fn contents(&self) -> Vec<(&'static str, String)> {
        picture_of_map(self).contents()
    }
}

fn picture_of_mask<F: Frame>(mask: &PixelMask<F>) -> Single {
    let (height, width) = mask.size();
    let (size, count) = (size_in_words(height, width), format_count(mask.count() as usize));
    Single::new(mask.to_gray().into(), format!("PixelMask<{}> of {size}, {count} pixels inside", type_of::<F>()))
}

fn picture_of_map<F: Frame>(map: &HeatMap<F>) -> Single {
    let (height, width) = map.size();
    let full = scale(map.values(), HeatStyle::default().percentile).unwrap_or(0.0).max(f32::MIN_POSITIVE);
    let colours = map.values().iter().flat_map(|value| diverging(value / full).0).collect();
    let image = RgbImage::from_raw(width, height, colours).unwrap_or_default();
    let ends = [f32::min, f32::max].map(|end| map.values().iter().copied().reduce(end).unwrap_or(0.0));
    let [least, most] = ends.map(|value| format_number(f64::from(value)));
    let size = size_in_words(height, width);
    Single::new(image.into(), format!("HeatMap<{}> of {size}, {least} (blue) to {most} (red)", type_of::<F>()))
}

/// A frame's type without its path.
fn type_of<F>() -> &'static str {
    std::any::type_name::<F>().rsplit("::").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{Crop, Original, PixelBox};

    #[test]
    fn masks_and_maps_are_pictures_with_words() {
        let mask = PixelMask::from_box(4, 6, &PixelBox::<Original>::at(1, 1).of_size(2, 3));
        assert_eq!(mask.contents()[0].0, "image/png");
        assert_eq!(mask.text(), "PixelMask<Original> of 4 x 6 (height x width), 6 pixels inside");
        let map = HeatMap::<Crop>::from_values(1, 2, vec![-2.0, 1.0]).unwrap();
        assert_eq!(map.contents()[0].0, "image/png");
        assert_eq!(map.text(), "HeatMap<Crop> of 1 x 2 (height x width), -2 (blue) to 1 (red)");
    }
}
