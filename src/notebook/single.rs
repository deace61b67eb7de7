//! Pictures that a cell ends in, one or a list of them.

use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};
use maud::{PreEscaped, html};

use super::grid::{Grid, Picture};
use super::picture::{as_text, data_uri, encoded};
use super::show::Show;
use super::table::format_count;
use crate::error::Result;

/// Pixels of the longer side of a picture that ends a cell, at least and at most; in between it is shown as it is.
const SMALL: u32 = 224;
const WIDE: u32 = 900;
/// Pictures of a list that are shown, and in a row of them.
const MOST: usize = 24;
const ROW: usize = 6;

/// One picture that ends a cell, with what it is in words: small ones enlarged, with squares for pixels, wide ones reduced.
pub(crate) struct Single {
    png: Result<Vec<u8>>,
    words: String,
}

impl Single {
    /// Of a picture, and what is said instead of it where there are no pictures.
    pub(crate) fn new(image: DynamicImage, words: String) -> Self {
        let fitted = fitted(image).into_rgba8();
        let png = encoded(fitted.as_raw(), fitted.dimensions(), image::ExtendedColorType::Rgba8);
        Single { png, words }
    }

    /// Of a picture, in words its type and its size, height first.
    fn of(kind: &str, image: DynamicImage) -> Self {
        let words = format!("{kind} of {}", size_in_words(image.height(), image.width()));
        Single::new(image, words)
    }
}

impl Show for Single {
    fn html(&self) -> String {
        match &self.png {
            Ok(bytes) => html! { img alt=(self.words) src=(data_uri("image/png", bytes)); }.into_string(),
            Err(error) => html! { i { (error.message()) } }.into_string(),
        }
    }

    fn text(&self) -> String {
        self.words.clone()
    }

    // As a PNG file, not as HTML: a notebook that is not trusted shows it, too.
    fn contents(&self) -> Vec<(&'static str, String)> {
        let picture = self.png.iter().map(|bytes| as_text(bytes));
        let mut contents: Vec<(&'static str, String)> = picture.map(|text| ("image/png", text)).collect();
        contents.push(("text/plain", self.words.clone()));
        contents
    }
}

/// A size in words, `224 x 224`; of unequal sides it says which is which.
pub(crate) fn size_in_words(height: u32, width: u32) -> String {
    let note = if height == width { "" } else { " (height x width)" };
    format!("{height} x {width}{note}")
}

fn fitted(image: DynamicImage) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let longer = width.max(height);
    if longer > 0 && longer < SMALL {
        let times = SMALL.div_ceil(longer);
        image.resize_exact(width * times, height * times, FilterType::Nearest)
    } else if width > WIDE {
        image.resize(WIDE, u32::MAX, FilterType::Triangle)
    } else {
        image
    }
}

/// Pictures that end a cell as such are all shown in one way.
macro_rules! shown_as_a_picture {
    ($($kind:ident),*) => {
        $(impl Show for $kind {
            fn html(&self) -> String {
                Single::of(stringify!($kind), self.clone().into()).html()
            }

            fn text(&self) -> String {
                format!("{} of {}", stringify!($kind), size_in_words(self.height(), self.width()))
            }

            fn contents(&self) -> Vec<(&'static str, String)> {
                Single::of(stringify!($kind), self.clone().into()).contents()
            }
        })*
    };
}

shown_as_a_picture!(RgbImage, GrayImage, RgbaImage, DynamicImage);

/// A list of pictures as a grid of the first 24.
impl Show for &[RgbImage] {
    fn html(&self) -> String {
        let first: Vec<_> = self.iter().take(MOST).enumerate().collect();
        let grid = first.chunks(ROW).fold(Grid::new("pictures", &[]), |grid, row| {
            grid.row("", row.iter().map(|(place, image)| Picture::new((*image).clone(), place.to_string())))
        });
        html! { (PreEscaped(grid.html())) small { (self.text()) } }.into_string()
    }

    fn text(&self) -> String {
        let first =
            self.first().map(|image| format!("; the first is {}", size_in_words(image.height(), image.width())));
        let shown = self.len().min(MOST);
        format!("{shown} of {} pictures{}", format_count(self.len()), first.unwrap_or_default())
    }
}

impl Show for Vec<RgbImage> {
    fn html(&self) -> String {
        self.as_slice().html()
    }

    fn text(&self) -> String {
        self.as_slice().text()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    #[test]
    fn small_pictures_are_enlarged_and_wide_ones_reduced() {
        let size = |width, height| {
            let contents = RgbImage::new(width, height).contents();
            let bytes = base64::engine::general_purpose::STANDARD.decode(&contents[0].1).unwrap();
            let image = image::load_from_memory(&bytes).unwrap();
            (image.width(), image.height())
        };
        assert_eq!(size(8, 8), (224, 224));
        assert_eq!(size(100, 30), (300, 90));
        assert_eq!(size(500, 375), (500, 375));
        assert_eq!(size(1800, 600), (900, 300));
        let image = RgbImage::from_fn(2, 1, |x, _| image::Rgb([200 * x as u8, 0, 0]));
        let enlarged = fitted(image.into()).into_rgb8();
        assert_eq!((enlarged.get_pixel(111, 9).0[0], enlarged.get_pixel(112, 9).0[0]), (0, 200), "squares stay sharp");
    }

    #[test]
    fn pictures_say_what_they_are() {
        assert_eq!(RgbImage::new(224, 224).text(), "RgbImage of 224 x 224");
        assert_eq!(GrayImage::new(500, 375).text(), "GrayImage of 375 x 500 (height x width)");
        let empty = RgbaImage::new(0, 0);
        assert_eq!(empty.contents(), [("text/plain", "RgbaImage of 0 x 0".to_string())]);
        assert!(empty.html().contains("cannot be encoded"));
        let many = vec![RgbImage::new(8, 8); 30];
        assert_eq!(many.html().matches("<img").count(), 24);
        assert_eq!(many.text(), "24 of 30 pictures; the first is 8 x 8");
    }
}
