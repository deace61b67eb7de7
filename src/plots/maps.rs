//! Pictures with something on them: heat maps, masks, boxes, and grids of pictures as one figure.

use image::{Rgb, RgbImage};

use super::sheet::{Align, FAINT, INK, Sheet, WHITE, width_of, wrapped};
use super::{Look, color, same_length};
use crate::error::{Code, Error, Result};
use crate::notebook::{Figure, Grid, format_number};

const TEXT: f64 = 12.0;
const LINE: f64 = TEXT * 1.3;
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
pub fn diverging(value: f32) -> Rgb<u8> {
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
fn scale(map: &[f32], percentile: f64) -> Result<f32> {
    if !(percentile > 0.0 && percentile <= 100.0) {
        return Err(Error::new(Code::Parameter, format!("percentile {percentile}, expected over 0 to 100")));
    }
    if let Some(place) = map.iter().position(|value| !value.is_finite()) {
        return Err(Error::new(Code::Numeric, format!("the map has {} at place {place}, expected finite", map[place])));
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
/// `map` and `edges` have height x width values, row by row; the result has the picture's size.
///
/// # Errors
/// [`Code::Parameter`] for a map or mask of another length or a percentile out of range, [`Code::Numeric`] for a value
/// that is not finite.
///
/// ```
/// use image::RgbImage;
/// use lgf::plots::{HeatStyle, heatmap_on_image};
///
/// let picture = heatmap_on_image(&RgbImage::new(2, 1), &[1.0, -1.0], None, &HeatStyle::default()).unwrap();
/// let (red, blue) = (picture.get_pixel(0, 0), picture.get_pixel(1, 0));
/// assert!(red[0] > red[2] && blue[2] > blue[0]);
/// ```
pub fn heatmap_on_image(image: &RgbImage, map: &[f32], edges: Option<&[bool]>, style: &HeatStyle) -> Result<RgbImage> {
    let count = image.width() as usize * image.height() as usize;
    same_length("values of the map", map.len(), count)?;
    if let Some(edges) = edges {
        same_length("values of the edge mask", edges.len(), count)?;
    }
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
        if edges.is_some_and(|edges| edges[place]) {
            *pixel = style.edge;
        }
    }
    Ok(out)
}

/// [`heatmap_on_image`] as a figure with its colour bar; the shorter side of `look.size` decides the size.
///
/// # Errors
/// As there, and [`Code::Parameter`] if the size is too small.
pub fn heatmap_figure(
    image: &RgbImage,
    map: &[f32],
    edges: Option<&[bool]>,
    style: &HeatStyle,
    look: &Look,
) -> Result<Figure> {
    let picture = heatmap_on_image(image, map, edges, style)?;
    let scale = scale(map, style.percentile)?;
    // Three digits are enough beside a colour.
    let label = |value: f64| format_number(format!("{value:.2e}").parse().unwrap_or(value));
    let full = label(f64::from(scale));
    let beyond = map.iter().any(|value| value.abs() > scale);
    let high = if beyond { format!("≥ {full}") } else { full.clone() };
    let low = if beyond { format!("≤ -{full}") } else { format!("-{full}") };
    let labels = [high.as_str(), "0", low.as_str()];
    let room =
        labels.iter().map(|text| width_of(text, TEXT)).collect::<Result<Vec<_>>>()?.into_iter().fold(0.0, f64::max);
    let beside = 12.0 + 14.0 + 6.0 + room;
    let what = format!("values from -{full} (blue) to {full} (red)");
    framed(picture, look, beside, "heat map", &what, |sheet, (left, top), bottom| {
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
    })
}

/// A picture as a figure with a title; it fills `look.size` as far as its shape allows.
///
/// # Errors
/// [`Code::Parameter`] if the size is too small, [`Code::Image`] for a picture without pixels.
pub fn picture_figure(image: &RgbImage, look: &Look) -> Result<Figure> {
    let what = format!("{} x {} px", image.width(), image.height());
    framed(image.clone(), look, 0.0, "picture", &what, |_, _, _| {})
}

/// A picture under its title, with room beside it for something more.
fn framed(
    picture: RgbImage,
    look: &Look,
    beside: f64,
    kind: &str,
    what: &str,
    more: impl FnOnce(&mut Sheet, (f64, f64), f64),
) -> Result<Figure> {
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
    sheet.picture((EDGE, top), (EDGE + wide, top + high), picture);
    more(&mut sheet, (EDGE + wide, top), top + high);
    sheet.finish(look, look.alt(kind, what))
}

fn widest(lines: &[String]) -> Result<f64> {
    lines.iter().try_fold(0.0_f64, |most, line| Ok(most.max(width_of(line, TEXT)?)))
}

/// A mask over its picture in one colour, `opacity` 0 to 1; `mask` has height x width values, row by row.
///
/// # Errors
/// [`Code::Parameter`] for a mask of another length.
pub fn overlay_mask(image: &RgbImage, mask: &[bool], color: Rgb<u8>, opacity: f64) -> Result<RgbImage> {
    same_length("values of the mask", mask.len(), image.width() as usize * image.height() as usize)?;
    let mut out = image.clone();
    for (pixel, _) in out.pixels_mut().zip(mask).filter(|(_, set)| **set) {
        *pixel = blend(*pixel, color, opacity.clamp(0.0, 1.0));
    }
    Ok(out)
}

/// A box to be drawn: its first row and column, and the row and column after its last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// The first row.
    pub row_min: usize,
    /// The first column.
    pub col_min: usize,
    /// The row after the last.
    pub row_max: usize,
    /// The column after the last.
    pub col_max: usize,
    /// What is written at its corner, by [`overlay_boxes`]; may be empty.
    pub label: String,
}

/// A picture as a figure, with boxes around its objects, a colour and a label each.
///
/// # Errors
/// [`Code::Box`] for a box that is empty or reaches over the picture, and as for [`picture_figure`].
pub fn overlay_boxes(image: &RgbImage, boxes: &[Outline], look: &Look) -> Result<Figure> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    for outline in boxes {
        let Outline { row_min, col_min, row_max, col_max, .. } = outline;
        if row_min >= row_max || col_min >= col_max || *row_max > height || *col_max > width {
            return Err(Error::new(
                Code::Box,
                format!(
                    "rows {row_min} to {row_max}, columns {col_min} to {col_max} in a picture of {height} x {width} (height x width)"
                ),
            ));
        }
    }
    let names: Vec<&str> = boxes.iter().map(|outline| outline.label.as_str()).collect();
    let what = format!("{} boxes {}", boxes.len(), names.join(", "));
    let tags: Vec<f64> = names.iter().map(|name| width_of(name, TEXT)).collect::<Result<_>>()?;
    framed(image.clone(), look, 0.0, "boxes", what.trim(), |sheet, (right, top), bottom| {
        let unit = (bottom - top) / height as f64;
        for (place, (outline, tag)) in boxes.iter().zip(&tags).enumerate() {
            let from = (EDGE + outline.col_min as f64 * unit, top + outline.row_min as f64 * unit);
            let to = (EDGE + outline.col_max as f64 * unit, top + outline.row_max as f64 * unit);
            sheet.frame(from, to, WHITE, 4.0);
            sheet.frame(from, to, color(place), 2.0);
            if *tag > 0.0 {
                // Above the box where there is room, else inside it; moved left where it would leave the picture.
                let y = if from.1 - LINE >= top { from.1 - LINE } else { from.1 };
                let x = from.0.min(right - tag - 8.0).max(EDGE);
                sheet.rect((x, y), (x + tag + 8.0, y + LINE), WHITE);
                sheet.rect((x, y), (x + 3.0, y + LINE), color(place));
                sheet.text((x + 5.0, y + LINE / 2.0), &outline.label, TEXT, Align::Left);
            }
        }
    })
}

/// A grid of pictures as one figure, labels and captions drawn; its size follows from the grid.
///
/// # Errors
/// [`Code::Parameter`] for a grid without pictures or one over 4,000 px, [`Code::Image`] for a picture without pixels.
pub fn grid_figure(grid: &Grid, look: &Look) -> Result<Figure> {
    let columns = grid.rows.iter().map(|(_, pictures)| pictures.len()).max().unwrap_or(0);
    if columns == 0 {
        return Err(super::nothing("the grid has no pictures"));
    }
    let gap = 8.0;
    let wide = f64::from(grid.width.max(24));
    let labels: Vec<Vec<String>> =
        grid.rows.iter().map(|(label, _)| wrapped(label, TEXT, 150.0)).collect::<Result<_>>()?;
    let heads: Vec<Vec<String>> =
        grid.columns.iter().take(columns).map(|label| wrapped(label, TEXT, wide)).collect::<Result<_>>()?;
    let beside = labels.iter().map(|lines| widest(lines)).collect::<Result<Vec<_>>>()?.into_iter().fold(0.0, f64::max);
    let left = EDGE + if beside > 0.0 { beside + gap } else { 0.0 };
    let width = left + columns as f64 * (wide + gap) - gap + EDGE;
    let title = wrapped(&look.title, TEXT, width - 2.0 * EDGE)?;
    let head_height = heads.iter().map(Vec::len).max().unwrap_or(0) as f64 * LINE;
    let mut top = EDGE + title.len() as f64 * LINE + if title.is_empty() { 0.0 } else { gap };
    let title_top = EDGE;
    let head_top = top;
    top += head_height + if head_height > 0.0 { 4.0 } else { 0.0 };

    // Heights first, for the sheet needs its size.
    let mut rows = Vec::new();
    for ((_, pictures), label) in grid.rows.iter().zip(&labels) {
        let mut captions = Vec::new();
        let (mut high, mut under) = (label.len() as f64 * LINE, 0.0_f64);
        for picture in pictures {
            if picture.image.width() == 0 || picture.image.height() == 0 {
                return Err(Error::new(Code::Image, "a picture without pixels"));
            }
            let lines = wrapped(&picture.caption, TEXT, wide)?;
            high = high.max((wide * f64::from(picture.image.height()) / f64::from(picture.image.width())).round());
            under = under.max(lines.len() as f64 * LINE + 4.0);
            captions.push(lines);
        }
        rows.push((top, high, captions));
        top += high + under + gap;
    }
    let mut sheet = Sheet::new((width.ceil() as u32, (top - gap + EDGE).ceil() as u32))?;
    for (place, text) in title.iter().enumerate() {
        sheet.text((EDGE, title_top + LINE * (place as f64 + 0.5)), text, TEXT, Align::Left);
    }
    let middle = |column: usize| left + column as f64 * (wide + gap) + wide / 2.0;
    for (column, lines) in heads.iter().enumerate() {
        let from = head_top + head_height - lines.len() as f64 * LINE;
        for (place, text) in lines.iter().enumerate() {
            sheet.text((middle(column), from + LINE * (place as f64 + 0.5)), text, TEXT, Align::Middle);
        }
    }
    for (((_, pictures), label), (top, high, captions)) in grid.rows.iter().zip(&labels).zip(&rows) {
        for (place, text) in label.iter().enumerate() {
            let shift = (place as f64 - (label.len() as f64 - 1.0) / 2.0) * LINE;
            sheet.text((left - gap, top + high / 2.0 + shift), text, TEXT, Align::Right);
        }
        for (column, (picture, caption)) in pictures.iter().zip(captions).enumerate() {
            let from = (middle(column) - wide / 2.0, *top);
            let tall = (wide * f64::from(picture.image.height()) / f64::from(picture.image.width())).round();
            sheet.picture(from, (from.0 + wide, top + tall), picture.image.clone());
            sheet.frame(from, (from.0 + wide, top + tall), FAINT, 0.5);
            for (place, text) in caption.iter().enumerate() {
                sheet.text((middle(column), top + tall + 3.0 + LINE * (place as f64 + 0.5)), text, TEXT, Align::Middle);
            }
        }
    }
    let what = format!("{} rows of up to {columns} pictures", grid.rows.len());
    sheet.finish(look, look.alt("grid", &what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::Picture;

    #[test]
    fn the_map_is_centred_on_zero_and_scaled_by_its_percentile() {
        let mut map = vec![0.1_f32; 100];
        map[0] = -50.0;
        map[1] = 0.0;
        assert_eq!(scale(&map, 99.0).unwrap(), 0.1);
        assert_eq!(scale(&map, 100.0).unwrap(), 50.0);
        assert_eq!(scale(&[0.0; 4], 99.0).unwrap(), 0.0);
        let mut sparse = vec![0.0_f32; 1000];
        sparse[3] = 2.0;
        assert_eq!(scale(&sparse, 99.0).unwrap(), 2.0);
        let style = HeatStyle { background: Background::Color, opacity: 1.0, ..HeatStyle::default() };
        let picture = heatmap_on_image(&RgbImage::from_pixel(10, 10, Rgb([9, 9, 9])), &map, None, &style).unwrap();
        assert_eq!(*picture.get_pixel(0, 0), diverging(-1.0));
        assert_eq!(*picture.get_pixel(1, 0), Rgb([9, 9, 9]));
        assert_eq!(*picture.get_pixel(2, 0), diverging(1.0));
    }

    #[test]
    fn wrong_maps_are_errors() {
        let image = RgbImage::new(2, 2);
        let draw = |map: &[f32]| heatmap_on_image(&image, map, None, &HeatStyle::default());
        assert_eq!(draw(&[0.0; 3]).unwrap_err().code(), Code::Parameter);
        assert_eq!(draw(&[0.0, f32::NAN, 0.0, 0.0]).unwrap_err().code(), Code::Numeric);
        assert!(heatmap_on_image(&image, &[0.0; 4], Some(&[true]), &HeatStyle::default()).is_err());
        assert!(
            heatmap_on_image(&image, &[0.0; 4], None, &HeatStyle { percentile: 0.0, ..HeatStyle::default() }).is_err()
        );
        assert_eq!(picture_figure(&RgbImage::new(0, 4), &Look::default()).unwrap_err().code(), Code::Image);
        let over = Outline { row_max: 3, col_max: 1, ..Outline::default() };
        assert_eq!(overlay_boxes(&image, &[over], &Look::default()).unwrap_err().code(), Code::Box);
        assert!(overlay_mask(&image, &[true; 3], color(0), 0.5).is_err());
    }

    #[test]
    fn masks_change_only_what_they_cover() {
        let out = overlay_mask(&RgbImage::new(2, 1), &[true, false], Rgb([200, 0, 0]), 0.5).unwrap();
        assert_eq!((out.get_pixel(0, 0), out.get_pixel(1, 0)), (&Rgb([100, 0, 0]), &Rgb([0, 0, 0])));
    }

    #[test]
    fn figures_of_pictures_carry_their_labels_and_fit_their_pictures() {
        let grid = Grid::new("g", &["original", "28 px"])
            .row("church", [Picture::new(RgbImage::new(10, 20), "0.98"), RgbImage::new(10, 10).into()]);
        let figure = grid_figure(&grid, &Look { title: "Scrambled".into(), ..Look::named("g") }).unwrap();
        for text in ["original", "28 px", "church", "0.98", "Scrambled"] {
            assert!(figure.svg().contains(&format!(">{text}</text>")), "{text}");
        }
        let (width, height) = image::load_from_memory(figure.png()).unwrap().to_rgb8().dimensions();
        assert_eq!((width, height), (figure.size.0 * 2, figure.size.1 * 2));
        assert!(grid_figure(&Grid::new("g", &[]), &Look::default()).is_err());
        let map: Vec<f32> = (0..64).map(|n| n as f32 / 64.0 - 0.5).collect();
        let figure =
            heatmap_figure(&RgbImage::new(8, 8), &map, None, &HeatStyle::default(), &Look::named("heat")).unwrap();
        assert!(figure.svg().contains(">0</text>") && figure.svg().matches("<image").count() == 2);
    }
}
