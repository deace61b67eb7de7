//! What networks say of some photographs: each with bars of the likeliest classes under it.

use image::Rgb;

use super::draft::Draft;
use super::font::width_of;
use super::look::{Look, distinct, nothing};
use super::sheet::{Align, Sheet};
use crate::error::Result;
use crate::notebook::Figure;
use crate::study::Seen;
use crate::table::TopRow;

/// Blue for the true class, grey for the others; both light enough for text on them.
const RIGHT: Rgb<u8> = Rgb([0x8C, 0xC6, 0xEC]);
const OTHER: Rgb<u8> = Rgb([0xDD, 0xDD, 0xDD]);
const TEXT: f64 = 11.0;
const LINE: f64 = 17.0;
const GAP: f64 = 14.0;
const HEAD: f64 = 20.0;

/// Photographs side by side, and under each the likeliest classes by network, as bars with their softmax; the true class in
/// blue. `top` is what `inference::top_classes` gives for the same photographs. The width is shared out among the photographs; the height follows.
pub fn predictions(photographs: &[Seen], top: &[TopRow]) -> Draft {
    let (photographs, top) = (photographs.to_vec(), top.to_vec());
    Draft::new((980, 0), move |look| drawn(&photographs, &top, look))
}

fn drawn(images: &[Seen], top: &[TopRow], look: &Look) -> Result<Figure> {
    if images.is_empty() {
        return Err(nothing("no photograph"));
    }
    let names = distinct(top.iter().map(|row| &row.model));
    let rows_of = |file: &str, model: &str| -> Vec<&TopRow> {
        top.iter().filter(|row| row.file == file && row.model == model).collect()
    };
    let most = names.iter().map(|model| rows_of(&images[0].id, model).len()).max().unwrap_or(0) as f64;
    let width = (f64::from(look.size.0) - GAP) / images.len() as f64 - GAP;
    let side = width.min(180.0);
    let panel = HEAD + most * LINE + GAP;
    let height = GAP + side + HEAD + names.len() as f64 * panel;
    let mut sheet = Sheet::new((look.size.0, height.ceil() as u32))?;
    for (place, image) in images.iter().enumerate() {
        let left = GAP + place as f64 * (width + GAP);
        let inset = left + (width - side) / 2.0;
        sheet.picture((inset, GAP), (inset + side, GAP + side), image.picture.clone());
        sheet.text((left + width / 2.0, GAP + side + HEAD / 2.0), &fitted(&image.name, width)?, TEXT, Align::Middle);
        let mut y = GAP + side + HEAD;
        for model in &names {
            sheet.text((left, y + HEAD / 2.0), &fitted(model, width)?, TEXT + 1.0, Align::Left);
            y += HEAD;
            for row in rows_of(&image.id, model) {
                let share = row.softmax.clamp(0.0, 1.0);
                let color = if row.is_true { RIGHT } else { OTHER };
                sheet.rect((left, y + 1.0), (left + (width * share).max(1.0), y + LINE - 1.0), color);
                let value = format!("{:.2}", row.softmax);
                let room = width - width_of(&value, TEXT)? - 12.0;
                sheet.text((left + 4.0, y + LINE / 2.0), &fitted(&row.class, room)?, TEXT, Align::Left);
                sheet.text((left + width - 2.0, y + LINE / 2.0), &value, TEXT, Align::Right);
                y += LINE;
            }
            y += GAP;
        }
        if place > 0 {
            sheet.line([(left - GAP / 2.0, GAP), (left - GAP / 2.0, height - GAP)], Rgb([0xEE, 0xEE, 0xEE]), 1.0);
        }
    }
    let what = format!("{} photographs, {}", images.len(), names.join(", "));
    sheet.finish(look, look.alt("likeliest classes", &what))
}

/// The text, or as much of it as fits, and dots.
fn fitted(text: &str, room: f64) -> Result<String> {
    if width_of(text, TEXT)? <= room {
        return Ok(text.to_string());
    }
    let mut kept: String = text.to_string();
    while !kept.is_empty() && width_of(&format!("{kept}…"), TEXT)? > room {
        kept.pop();
    }
    Ok(format!("{}…", kept.trim_end()))
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    #[test]
    fn every_class_stands_under_its_photograph() {
        let seen = Seen { id: "a".into(), name: "a".into(), picture: RgbImage::new(224, 224) };
        let row = |class: &str, softmax, is_true| TopRow {
            file: "a".into(),
            model: "resnet50".into(),
            class: class.into(),
            softmax,
            is_true,
        };
        let long = "a class with a name that is much too long for its place under the photograph";
        let top = [row("tench", 0.75, true), row(long, 0.2, true)];
        let figure = predictions(&[seen], &top).size(240, 100).draw("p").unwrap();
        for text in ["resnet50", "tench", "0.75", "0.20", "…"] {
            assert!(figure.svg().contains(text), "{text}");
        }
        assert!(predictions(&[], &top).draw("p").is_err());
    }
}
