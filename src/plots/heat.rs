//! Heat maps and masks over their pictures.

use image::{Rgb, RgbImage};

use super::draft::Draft;
use super::font::{LINE, TEXT, widest, wrapped};
use super::look::{Look, SIZE, same_length};
use super::sheet::{Align, INK, Sheet, WHITE};
use crate::error::{Code, Error, Result};
use crate::notebook::{Figure, format_number};
use crate::pixels::{Frame, HeatMap, PixelMask};

const EDGE: f64 = 10.0;

/// What lies under a heat map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Background {
    /// The picture in pale grey, so that the map's colours cannot be taken for its own.
    #[default]
    Grey,
    /// The picture as it is.
    Color,
    /// White: the map alone.
    White,
}

/// How a heat map is laid over its picture.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatStyle {
    /// The percentile of the absolute values that has the full colour, over 0 to 100; what is beyond has it too.
    pub percentile: f64,
    /// The opacity of the full colour, 0 to 1.
    pub opacity: f64,
    /// What lies under it.
    pub background: Background,
    /// The colour of edges, where a mask of them is given.
    pub edge: Rgb<u8>,
}

impl Default for HeatStyle {
    fn default() -> Self {
        HeatStyle { percentile: 99.0, opacity: 0.9, background: Background::Grey, edge: Rgb([0, 0, 0]) }
    }
}

/// Blue over white to red for -1 over 0 to 1: ColorBrewer's RdBu, linear between its steps.
pub(super) fn diverging(value: f32) -> Rgb<u8> {
    const RED: [[f32; 3]; 5] =
        [[247., 247., 247.], [253., 219., 199.], [244., 165., 130.], [214., 96., 77.], [178., 24., 43.]];
    const BLUE: [[f32; 3]; 5] =
        [[247., 247., 247.], [209., 229., 240.], [146., 197., 222.], [67., 147., 195.], [33., 102., 172.]];
    let steps = if value < 0.0 { BLUE } else { RED };
    let place = value.abs().min(1.0) * 4.0;
    let step = (place as usize).min(3);
    let share = place - step as f32;
    let mix = |channel: usize| {
        (steps[step][channel] + (steps[step + 1][channel] - steps[step][channel]) * share).round() as u8
    };
    Rgb([mix(0), mix(1), mix(2)])
}

/// The absolute value that has the full colour.
pub(super) fn scale(map: &[f32], percentile: f64) -> Result<f32> {
    if !(percentile > 0.0 && percentile <= 100.0) {
        return Err(Error::new(Code::Parameter, format!("percentile {percentile}, expected over 0 to 100")));
    }
    let mut sizes: Vec<f32> = map.iter().map(|value| value.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let place = ((percentile / 100.0) * sizes.len() as f64).ceil() as usize;
    let at = sizes.get(place.clamp(1, sizes.len().max(1)) - 1).copied().unwrap_or(0.0);
    // A map with a few values only has zero at its percentile: then its greatest value is the scale.
    Ok(if at > 0.0 { at } else { sizes.last().copied().unwrap_or(0.0) })
}

fn blend(under: Rgb<u8>, over: Rgb<u8>, share: f64) -> Rgb<u8> {
    let mix = |channel: usize| {
        (f64::from(under.0[channel]) * (1.0 - share) + f64::from(over.0[channel]) * share).round() as u8
    };
    Rgb([mix(0), mix(1), mix(2)])
}

fn laid(under: Rgb<u8>, value: f32, style: &HeatStyle) -> Rgb<u8> {
    // The square root lets weak relevance be seen, where a straight share would leave only its peaks.
    let share = style.opacity.clamp(0.0, 1.0) * f64::from(value.abs().min(1.0)).sqrt();
    blend(under, diverging(value), share)
}

/// A map in blue (negative) and red (positive) over its picture, centred on zero; edges on top if a mask is given.
///
/// The picture, the map and the mask are of one size, and so is the result.
///
/// # Errors
/// [`Code::Parameter`] for a map or mask of another size or a percentile out of range.
///
/// ```
/// use image::RgbImage;
/// use lgf::pixels::{Crop, HeatMap};
/// use lgf::plots::{HeatStyle, heat_on};
///
/// let map = HeatMap::<Crop>::from_values(1, 2, vec![1.0, -1.0])?;
/// let picture = heat_on(&RgbImage::new(2, 1), &map, None, &HeatStyle::default())?;
/// let (red, blue) = (picture.get_pixel(0, 0), picture.get_pixel(1, 0));
/// assert!(red[0] > red[2] && blue[2] > blue[0]);
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn heat_on<F: Frame>(
    image: &RgbImage,
    map: &HeatMap<F>,
    edges: Option<&PixelMask<F>>,
    style: &HeatStyle,
) -> Result<RgbImage> {
    let count = image.width() as usize * image.height() as usize;
    same_length("values of the map", map.values().len(), count)?;
    if let Some(edges) = edges {
        same_length("values of the edge mask", edges.values().len(), count)?;
    }
    let map = map.values();
    let scale = scale(map, style.percentile)?;
    let mut out = image.clone();
    for (place, pixel) in out.pixels_mut().enumerate() {
        let under = match style.background {
            Background::Color => *pixel,
            Background::White => WHITE,
            Background::Grey => {
                let Rgb([red, green, blue]) = *pixel;
                // Rec. 601 luma, then half way to white.
                let luma = 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue);
                let pale = (127.5 + luma / 2.0).round() as u8;
                Rgb([pale, pale, pale])
            }
        };
        let value = if scale > 0.0 { map[place] / scale } else { 0.0 };
        *pixel = laid(under, value, style);
        if edges.is_some_and(|edges| edges.values()[place]) {
            *pixel = style.edge;
        }
    }
    Ok(out)
}

/// [`heat_on`] as a figure with its colour bar; the shorter side of the size decides.
///
/// ```
/// use lgf::pixels::{Crop, HeatMap, RgbImage};
/// use lgf::plots::{HeatStyle, heatmap};
///
/// let map: HeatMap<Crop> = HeatMap::from_values(224, 224, (0..224 * 224).map(|place| place as f32 - 9_000.0).collect())?;
/// let heat = heatmap(&RgbImage::new(224, 224), &map, None, &HeatStyle::default())?;
/// assert!(heat.title("tench, vgg16").draw("heat")?.svg().contains("tench, vgg16"));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// As there.
pub fn heatmap<F: Frame>(
    image: &RgbImage,
    map: &HeatMap<F>,
    edges: Option<&PixelMask<F>>,
    style: &HeatStyle,
) -> Result<Draft> {
    let picture = heat_on(image, map, edges, style)?;
    let scale = scale(map.values(), style.percentile)?;
    let beyond = map.values().iter().any(|value| value.abs() > scale);
    let style = style.clone();
    Ok(Draft::new(SIZE, move |look| drawn(&picture, &Scale { full: scale, beyond }, &style, look)))
}

/// What stands beside the colours.
struct Scale {
    /// The value that has the full colour.
    full: f32,
    /// Whether there are values beyond it.
    beyond: bool,
}

fn drawn(picture: &RgbImage, scale: &Scale, style: &HeatStyle, look: &Look) -> Result<Figure> {
    // Three digits are enough beside a colour.
    let label = |value: f64| format_number(format!("{value:.2e}").parse().unwrap_or(value));
    let full = label(f64::from(scale.full));
    let beyond = scale.beyond;
    let high = if beyond { format!("≥ {full}") } else { full.clone() };
    let low = if beyond { format!("≤ -{full}") } else { format!("-{full}") };
    let labels = [high.as_str(), "0", low.as_str()];
    let room = widest(labels)?;
    let beside = 12.0 + 14.0 + 6.0 + room;
    let what = format!("values from -{full} (blue) to {full} (red)");
    let (mut sheet, (left, top), bottom) = framed(picture, look, beside)?;
    let steps = ((bottom - top) * 2.0).round() as u32;
    let mut bar = RgbImage::new(1, steps.max(2));
    let last = (bar.height() - 1) as f32;
    for (_, y, pixel) in bar.enumerate_pixels_mut() {
        *pixel = laid(WHITE, 1.0 - 2.0 * y as f32 / last, style);
    }
    let (from, to) = ((left + 12.0, top), (left + 26.0, bottom));
    sheet.picture(from, to, bar);
    sheet.frame(from, to, INK, 0.5);
    for (text, y) in labels.iter().zip([top + TEXT / 2.0, (top + bottom) / 2.0, bottom - TEXT / 2.0]) {
        sheet.text((left + 32.0, y), text, TEXT, Align::Left);
    }
    sheet.finish(look, look.alt("heat map", &what))
}

/// A picture under its title, with room beside it for something more: its right upper corner, and where it ends below.
fn framed(picture: &RgbImage, look: &Look, beside: f64) -> Result<(Sheet, (f64, f64), f64)> {
    if picture.width() == 0 || picture.height() == 0 {
        return Err(Error::new(Code::Image, "a picture without pixels"));
    }
    let (width, height) = (f64::from(look.size.0), f64::from(look.size.1));
    // The title first, in the widest form; then once more in the width that the picture turns out to have.
    let shape = f64::from(picture.width()) / f64::from(picture.height());
    let fit = |lines: usize| {
        let top = EDGE + lines as f64 * LINE + if lines > 0 { 4.0 } else { 0.0 };
        let high = (height - top - EDGE).min((width - 2.0 * EDGE - beside) / shape);
        (top, high)
    };
    let mut lines = wrapped(&look.title, TEXT, width - 2.0 * EDGE)?;
    let (mut top, mut high) = fit(lines.len());
    for _ in 0..3 {
        let room = (high * shape + beside).max(1.0);
        lines = wrapped(&look.title, TEXT, room)?;
        (top, high) = fit(lines.len());
    }
    if high < 24.0 || high * shape < 24.0 || (high * shape + beside) < widest(&lines)? {
        return Err(Error::new(
            Code::Parameter,
            format!("{width} x {height} px is too small for this picture and its title"),
        ));
    }
    let (wide, high) = ((high * shape).round(), high.round());
    let size = ((wide + beside + 2.0 * EDGE).ceil() as u32, (top + high + EDGE).ceil() as u32);
    let mut sheet = Sheet::new(size)?;
    for (place, text) in lines.iter().enumerate() {
        sheet.text((EDGE, EDGE + LINE * (place as f64 + 0.5)), text, TEXT, Align::Left);
    }
    sheet.picture((EDGE, top), (EDGE + wide, top + high), picture.clone());
    Ok((sheet, (EDGE + wide, top), top + high))
}

/// A mask over its picture, both of one size, in one colour of which `opacity` is from 0 to 1.
///
/// # Errors
/// [`Code::Parameter`] for a mask of another size.
pub fn mask_on<F: Frame>(image: &RgbImage, mask: &PixelMask<F>, color: Rgb<u8>, opacity: f64) -> Result<RgbImage> {
    same_length("values of the mask", mask.values().len(), image.width() as usize * image.height() as usize)?;
    let mut out = image.clone();
    for (pixel, _) in out.pixels_mut().zip(mask.values()).filter(|(_, set)| **set) {
        *pixel = blend(*pixel, color, opacity.clamp(0.0, 1.0));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Crop;

    fn map(height: u32, width: u32, values: Vec<f32>) -> HeatMap<Crop> {
        HeatMap::from_values(height, width, values).unwrap()
    }

    #[test]
    fn the_map_is_centred_on_zero_and_scaled_by_its_percentile() {
        let mut values = vec![0.1_f32; 100];
        values[0] = -50.0;
        values[1] = 0.0;
        assert_eq!(scale(&values, 99.0).unwrap(), 0.1);
        assert_eq!(scale(&values, 100.0).unwrap(), 50.0);
        assert_eq!(scale(&[0.0; 4], 99.0).unwrap(), 0.0);
        let mut sparse = vec![0.0_f32; 1000];
        sparse[3] = 2.0;
        assert_eq!(scale(&sparse, 99.0).unwrap(), 2.0);
        let style = HeatStyle { background: Background::Color, opacity: 1.0, ..HeatStyle::default() };
        let image = RgbImage::from_pixel(10, 10, Rgb([9, 9, 9]));
        let picture = heat_on(&image, &map(10, 10, values), None, &style).unwrap();
        assert_eq!(*picture.get_pixel(0, 0), diverging(-1.0));
        assert_eq!(*picture.get_pixel(1, 0), Rgb([9, 9, 9]));
        assert_eq!(*picture.get_pixel(2, 0), diverging(1.0));
    }

    #[test]
    fn wrong_maps_are_errors() {
        let (image, style) = (RgbImage::new(2, 2), HeatStyle::default());
        let (flat, mask) = (map(2, 2, vec![0.0; 4]), PixelMask::<Crop>::empty(1, 1));
        let code = |drawn: Result<RgbImage>| drawn.unwrap_err().code();
        assert_eq!(code(heat_on(&image, &map(1, 3, vec![0.0; 3]), None, &style)), Code::Parameter);
        assert_eq!(code(heat_on(&image, &flat, Some(&mask), &style)), Code::Parameter);
        assert_eq!(code(heat_on(&image, &flat, None, &HeatStyle { percentile: 0.0, ..style })), Code::Parameter);
        assert_eq!(code(mask_on(&image, &mask, WHITE, 0.5)), Code::Parameter);
        let none = heatmap(&RgbImage::new(0, 4), &map(4, 0, vec![]), None, &HeatStyle::default()).unwrap();
        assert_eq!(none.draw("none").unwrap_err().code(), Code::Image);
    }

    #[test]
    fn masks_change_only_what_they_cover() {
        let mask = PixelMask::<Crop>::from_values(1, 2, vec![true, false]).unwrap();
        let out = mask_on(&RgbImage::new(2, 1), &mask, Rgb([200, 0, 0]), 0.5).unwrap();
        assert_eq!((out.get_pixel(0, 0), out.get_pixel(1, 0)), (&Rgb([100, 0, 0]), &Rgb([0, 0, 0])));
    }

    #[test]
    fn a_heat_map_has_its_bar_beside_it() {
        let map = map(8, 8, (0..64).map(|n| n as f32 / 64.0 - 0.5).collect());
        let draft = heatmap(&RgbImage::new(8, 8), &map, None, &HeatStyle::default()).unwrap();
        let figure = draft.draw("heat").unwrap();
        assert!(figure.svg().contains(">0</text>") && figure.svg().matches("<image").count() == 2);
    }
}
