//! Pictures inside a page.

use base64::Engine as _;
use image::{ImageEncoder as _, RgbImage};
use maud::{Markup, html};

use crate::error::{Code, Error, Result};

/// A picture as PNG bytes; the same picture always gives the same bytes.
///
/// # Errors
/// [`Code::Image`] for a picture without pixels.
pub fn png(image: &RgbImage) -> Result<Vec<u8>> {
    encoded(image.as_raw(), image.dimensions(), image::ExtendedColorType::Rgb8)
}

/// PNG bytes of values, row by row, in a size of (width, height).
pub(super) fn encoded(values: &[u8], (width, height): (u32, u32), colour: image::ExtendedColorType) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes).write_image(values, width, height, colour).map_err(|cause| {
        Error::new(Code::Image, format!("a picture of {width} x {height} cannot be encoded")).because(cause)
    })?;
    Ok(bytes)
}

/// Bytes as text, as pages and the kernel's protocol carry them.
pub(super) fn as_text(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Bytes as the `data:` address of an embedded picture.
pub(crate) fn data_uri(mime: &str, bytes: &[u8]) -> String {
    format!("data:{mime};base64,{}", as_text(bytes))
}

/// An `<img>` of a picture, shown `width` pixels wide; a sentence where it cannot be encoded.
pub(super) fn img(image: &RgbImage, width: u32, alt: &str) -> Markup {
    // Small pictures are shown enlarged: with squares for pixels, as they are.
    let style = if width > image.width() { "image-rendering:pixelated" } else { "" };
    match png(image) {
        Ok(bytes) => html! { img width=(width) style=(style) alt=(alt) src=(data_uri("image/png", &bytes)); },
        Err(error) => html! { i { (error.message()) } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_survives_its_encoding() {
        let image = RgbImage::from_fn(3, 2, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let back = image::load_from_memory(&png(&image).unwrap()).unwrap().to_rgb8();
        assert_eq!(back, image);
        assert_eq!(png(&RgbImage::new(0, 0)).unwrap_err().code(), Code::Image);
    }
}
