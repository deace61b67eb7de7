//! Reading and writing pictures: JPEG through libjpeg-turbo's own code, everything else through the image crate.

use std::io::Cursor;
use std::panic::catch_unwind;
use std::path::Path;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{GrayImage, ImageEncoder, ImageReader, RgbImage};
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

/// How large a picture may be before anything is allocated for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Longest side in pixels.
    pub side: u32,
    /// Height times width.
    pub pixels: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { side: 16_384, pixels: 100_000_000, file_bytes: 512 << 20 }
    }
}

impl Limits {
    fn check(&self, height: u64, width: u64) -> Result<()> {
        let side = u64::from(self.side);
        if height == 0 || width == 0 {
            return Err(Error::new(Code::Image, format!("the picture says that it is {height} x {width} pixels")));
        }
        if height > side || width > side || height * width > self.pixels {
            let found =
                format!("the picture says that it is {height} x {width} pixels, over the limit of {side} a side");
            return Err(Error::new(Code::Limit, found).hint("shrink the picture, or leave it out"));
        }
        Ok(())
    }
}

/// Reads a picture as RGB, one byte a channel, whatever its name says it is. Grey is copied to the three channels;
/// EXIF orientation is not applied (as Pillow). JPEG equals libjpeg-turbo (and so Pillow and OpenCV) to the byte.
///
/// # Errors
/// [`Code::Io`] if the file cannot be read, [`Code::Image`] if it is empty, cut or no picture, [`Code::Limit`] if it
/// says that it is too large, [`Code::Decoder`] if its decoder panicked. Each names the file.
pub fn decode(path: impl AsRef<Path>) -> Result<RgbImage> {
    let path = path.as_ref();
    let limits = Limits::default();
    let facts = std::fs::metadata(path).map_err(|cause| Error::io("reading", path, cause))?;
    if facts.is_dir() {
        return Err(Error::new(Code::Image, "this is a folder, expected a picture").path(path));
    }
    if facts.len() > limits.file_bytes {
        return Err(Error::new(Code::Limit, format!("{} bytes, over the limit", facts.len())).path(path));
    }
    let bytes = std::fs::read(path).map_err(|cause| Error::io("reading", path, cause))?;
    decode_bytes(&bytes, &limits).map_err(|error| error.or_path(path))
}

/// Height and width of a picture, from its first bytes alone.
///
/// # Errors
/// As [`decode`].
pub fn size_of(path: impl AsRef<Path>) -> Result<(u32, u32)> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|cause| Error::io("reading", path, cause))?;
    let size = if bytes.starts_with(&[0xFF, 0xD8]) {
        let header = catch_unwind(|| mozjpeg::Decompress::builder().from_mem(&bytes).map(|jpeg| jpeg.size()));
        header.ok().and_then(|header| header.ok()).map(|(width, height)| (height as u32, width as u32))
    } else {
        let reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().ok();
        reader.and_then(|reader| reader.into_dimensions().ok()).map(|(width, height)| (height, width))
    };
    size.ok_or_else(|| Error::new(Code::Image, "not a picture that can be read").path(path))
}

/// The same for bytes already in memory.
///
/// # Errors
/// As [`decode`], without a path.
pub fn decode_bytes(bytes: &[u8], limits: &Limits) -> Result<RgbImage> {
    if bytes.is_empty() {
        return Err(Error::new(Code::Image, "the file is empty"));
    }
    let decoded = if bytes.starts_with(&[0xFF, 0xD8]) {
        catch_unwind(|| decode_jpeg(bytes, limits))
    } else {
        catch_unwind(|| decode_other(bytes, limits))
    };
    decoded.unwrap_or_else(|cause| Err(Error::new(Code::Decoder, "the decoder panicked").because(panic_text(&*cause))))
}

fn panic_text(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().cloned();
    text.or_else(|| cause.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_else(|| "no message".into())
}

fn decode_jpeg(bytes: &[u8], limits: &Limits) -> Result<RgbImage> {
    let broken = |cause: std::io::Error| Error::new(Code::Image, "not a whole JPEG").because(cause);
    // libjpeg-turbo fills in the missing part of a cut scan and goes on; such a picture is not the photograph.
    if !ends_with_marker(bytes) {
        return Err(Error::new(Code::Image, "the JPEG is cut: its end marker is missing")
            .hint("fetch the picture again, or leave it out"));
    }
    let decompress = mozjpeg::Decompress::builder().from_mem(bytes).map_err(broken)?;
    let (width, height) = decompress.size();
    limits.check(height as u64, width as u64)?;
    if matches!(decompress.color_space(), mozjpeg::ColorSpace::JCS_CMYK | mozjpeg::ColorSpace::JCS_YCCK) {
        let mut started = decompress.to_colorspace(mozjpeg::ColorSpace::JCS_CMYK).map_err(broken)?;
        let inks: Vec<[u8; 4]> = started.read_scanlines().map_err(broken)?;
        started.finish().map_err(broken)?;
        return from_rows(inks.into_iter().flat_map(from_inks).collect(), (height, width));
    }
    let mut started = decompress.rgb().map_err(broken)?;
    let pixels: Vec<[u8; 3]> = started.read_scanlines().map_err(broken)?;
    started.finish().map_err(broken)?;
    from_rows(pixels.into_iter().flatten().collect(), (height, width))
}

fn from_rows(raw: Vec<u8>, (height, width): (usize, usize)) -> Result<RgbImage> {
    RgbImage::from_raw(width as u32, height as u32, raw)
        .ok_or_else(|| Error::new(Code::Image, "the JPEG holds fewer rows than it says"))
}

/// Cyan, magenta, yellow and black, inverted as Adobe stores them, to RGB as Pillow 12 does.
fn from_inks(inverted: [u8; 4]) -> [u8; 3] {
    let light = u32::from(inverted[3]);
    [0, 1, 2].map(|ink| {
        let product = u32::from(255 - inverted[ink]) * light + 128;
        (light - (((product >> 8) + product) >> 8)) as u8
    })
}

/// Whether an end-of-image marker stands anywhere after the last scan began; bytes after it are harmless.
fn ends_with_marker(bytes: &[u8]) -> bool {
    bytes.windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
}

fn decode_other(bytes: &[u8], limits: &Limits) -> Result<RgbImage> {
    let unreadable =
        |cause: image::ImageError| Error::new(Code::Image, "not a picture that can be read").because(cause);
    let open = || ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let reader = open().map_err(|cause| Error::new(Code::Image, "not a picture").because(cause))?;
    if reader.format().is_none() {
        let begins = String::from_utf8_lossy(&bytes[..bytes.len().min(12)]).escape_debug().to_string();
        return Err(Error::new(Code::Image, format!("not a JPEG, PNG or BMP: it begins {begins:?}")));
    }
    let (width, height) = reader.into_dimensions().map_err(unreadable)?;
    limits.check(u64::from(height), u64::from(width))?;
    let reader = open().map_err(|cause| Error::new(Code::Image, "not a picture").because(cause))?;
    Ok(reader.decode().map_err(unreadable)?.into_rgb8())
}

/// A JPEG as Pillow writes it by default: quality 75, chroma halved both ways, the same bytes (libjpeg-turbo behind both).
///
/// # Errors
/// [`Code::Image`] if the encoder refuses (an empty picture).
pub fn encode_jpeg(image: &RgbImage, quality: f32) -> Result<Vec<u8>> {
    let refused =
        |cause: std::io::Error| Error::new(Code::Image, "the picture cannot be written as JPEG").because(cause);
    let mut encoder = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
    encoder.set_fastest_defaults();
    encoder.set_size(image.width() as usize, image.height() as usize);
    encoder.set_quality(quality);
    encoder.set_chroma_sampling_pixel_sizes((2, 2), (2, 2));
    let mut started = encoder.start_compress(Vec::new()).map_err(refused)?;
    started.write_scanlines(image.as_raw()).map_err(refused)?;
    started.finish().map_err(refused)
}

/// A grey PNG, lossless, compressed fast.
///
/// # Errors
/// [`Code::Image`] if the encoder refuses (an empty picture).
pub fn encode_gray_png(image: &GrayImage) -> Result<Vec<u8>> {
    png_bytes(image.as_raw(), image.dimensions(), image::ExtendedColorType::L8)
}

/// A PNG, lossless, compressed fast.
///
/// # Errors
/// [`Code::Image`] if the encoder refuses (an empty picture).
pub fn encode_png(image: &RgbImage) -> Result<Vec<u8>> {
    png_bytes(image.as_raw(), image.dimensions(), image::ExtendedColorType::Rgb8)
}

fn png_bytes(raw: &[u8], (width, height): (u32, u32), color: image::ExtendedColorType) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(raw, width, height, color)
        .map_err(|cause| Error::new(Code::Image, "the picture cannot be written as PNG").because(cause))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(31, 17, |x, y| image::Rgb([(x * 8) as u8, (y * 15) as u8, (x * y) as u8]))
    }

    #[test]
    fn png_comes_back_exactly() {
        let bytes = encode_png(&picture()).unwrap();
        assert_eq!(decode_bytes(&bytes, &Limits::default()).unwrap(), picture());
    }

    #[test]
    fn jpeg_comes_back_in_size_and_roughly_in_value() {
        let bytes = encode_jpeg(&picture(), 95.0).unwrap();
        let back = decode_bytes(&bytes, &Limits::default()).unwrap();
        assert_eq!(back.dimensions(), (31, 17));
        let worst = back.as_raw().iter().zip(picture().as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst < Some(120), "{worst:?}");
    }

    #[test]
    fn a_cut_jpeg_is_refused() {
        let bytes = encode_jpeg(&picture(), 75.0).unwrap();
        let error = decode_bytes(&bytes[..bytes.len() / 2], &Limits::default()).unwrap_err();
        assert_eq!(error.code(), Code::Image);
        assert!(error.to_string().contains("cut"), "{error}");
    }

    #[test]
    fn an_empty_file_and_a_text_are_refused() {
        assert!(decode_bytes(b"", &Limits::default()).is_err());
        let error = decode_bytes(b"<!DOCTYPE html>", &Limits::default()).unwrap_err();
        assert!(error.to_string().contains("<!DOCTYPE"), "{error}");
    }

    #[test]
    fn a_picture_over_the_limit_is_refused_before_it_is_decoded() {
        let bytes = encode_png(&picture()).unwrap();
        let limits = Limits { side: 20, ..Limits::default() };
        assert_eq!(decode_bytes(&bytes, &limits).unwrap_err().code(), Code::Limit);
    }
}
