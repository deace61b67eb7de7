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
    /// Scans of a progressive JPEG; a usual one has ten.
    pub scans: usize,
    /// What to do with a JPEG whose last part is missing.
    pub cut: Cut,
}

/// What to do with a JPEG whose last part is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// It is no picture.
    #[default]
    Refuse,
    /// It is what there is of it, grey below, as libjpeg-turbo fills it in; [`is_cut`] tells such a file.
    Fill,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { side: 16_384, pixels: 100_000_000, file_bytes: 512 << 20, scans: 500, cut: Cut::Refuse }
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
    decode_bytes(&read(path)?, &Limits::default()).map_err(|error| error.or_path(path))
}

/// The bytes of a picture's file, if it is one and not too large.
///
/// # Errors
/// As [`decode`].
pub fn read(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    let path = path.as_ref();
    let limits = Limits::default();
    let facts = std::fs::metadata(path).map_err(|cause| Error::io("reading", path, cause))?;
    if facts.is_dir() {
        return Err(Error::new(Code::Image, "this is a folder, expected a picture").path(path));
    }
    if facts.len() > limits.file_bytes {
        return Err(Error::new(Code::Limit, format!("{} bytes, over the limit", facts.len())).path(path));
    }
    std::fs::read(path).map_err(|cause| Error::io("reading", path, cause))
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
    if bytes.starts_with(&[0xFF, 0xD8]) {
        guarded(|| decode_jpeg(bytes, limits))
    } else {
        guarded(|| decode_other(bytes, limits))
    }
}

/// A panic of a decoder stays in its picture.
fn guarded(decode: impl FnOnce() -> Result<RgbImage> + std::panic::UnwindSafe) -> Result<RgbImage> {
    let decoded = catch_unwind(decode);
    decoded.unwrap_or_else(|cause| Err(Error::new(Code::Decoder, "the decoder panicked").because(panic_text(&*cause))))
}

fn panic_text(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().cloned();
    text.or_else(|| cause.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_else(|| "no message".into())
}

fn decode_jpeg(bytes: &[u8], limits: &Limits) -> Result<RgbImage> {
    let broken = |cause: std::io::Error| Error::new(Code::Image, "not a whole JPEG").because(cause);
    // libjpeg-turbo fills in the missing part of a cut scan and goes on; such a picture is not the photograph.
    if limits.cut == Cut::Refuse && is_cut(bytes) {
        return Err(Error::new(Code::Image, "the JPEG is cut: its end marker is missing")
            .hint("fetch the picture again, or leave it out"));
    }
    let decompress = mozjpeg::Decompress::builder().from_mem(bytes).map_err(broken)?;
    let (width, height) = decompress.size();
    limits.check(height as u64, width as u64)?;
    // Each scan of a progressive JPEG passes over the whole picture, however few bytes it has.
    let scans = bytes.windows(2).filter(|pair| *pair == [0xFF, 0xDA]).count();
    if scans > limits.scans {
        let found = format!("the JPEG has {scans} scans, at most {} are read", limits.scans);
        return Err(Error::new(Code::Limit, found).hint("save the picture again, or leave it out"));
    }
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

/// Whether a JPEG's last part is missing: no end-of-image marker stands in it. Bytes after one are harmless.
pub fn is_cut(jpeg: &[u8]) -> bool {
    !jpeg.windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
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

    fn jpeg() -> Vec<u8> {
        encode_jpeg(&picture(), 75.0).unwrap()
    }

    fn decoded(bytes: &[u8]) -> Result<RgbImage> {
        decode_bytes(bytes, &Limits::default())
    }

    #[test]
    fn bad_input_29_png_named_jpeg_is_sniffed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n01440764_1.JPEG");
        std::fs::write(&path, encode_png(&picture()).unwrap()).unwrap();
        assert_eq!(decode(&path).unwrap(), picture());
        assert_eq!(size_of(&path).unwrap(), (17, 31));
    }

    #[test]
    fn bad_input_31_grey_is_copied_to_three_channels() {
        let gray = GrayImage::from_fn(9, 9, |x, y| image::Luma([(x * y * 3) as u8]));
        let mut encoder = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_GRAYSCALE);
        encoder.set_size(9, 9);
        let mut started = encoder.start_compress(Vec::new()).unwrap();
        started.write_scanlines(gray.as_raw()).unwrap();
        for bytes in [started.finish().unwrap(), encode_gray_png(&gray).unwrap()] {
            let picture = decoded(&bytes).unwrap();
            assert!(picture.pixels().all(|pixel| pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2]));
        }
    }

    #[test]
    fn bad_input_32_exif_orientation_is_not_applied() {
        // After the start of the image: APP1 with "Exif", big-endian TIFF, one entry: orientation 6 (turned).
        let mut exif = vec![0xFF, 0xE1, 0, 34];
        exif.extend(b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
        let turned = [&jpeg()[..2], &exif, &jpeg()[2..]].concat();
        assert_eq!(decoded(&turned).unwrap(), decoded(&jpeg()).unwrap());
        exif[8..].fill(0xEE);
        assert_eq!(decoded(&[&jpeg()[..2], &exif, &jpeg()[2..]].concat()).unwrap().dimensions(), (31, 17));
    }

    #[test]
    fn bad_input_33_cut_scans_are_refused_or_filled() {
        let picture = RgbImage::from_fn(200, 200, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]));
        let bytes = encode_jpeg(&picture, 75.0).unwrap();
        let half = &bytes[..bytes.len() / 2];
        assert!(is_cut(half) && !is_cut(&bytes));
        assert_eq!(decoded(half).unwrap_err().code(), Code::Image);
        let filled = decode_bytes(half, &Limits { cut: Cut::Fill, ..Limits::default() }).unwrap();
        assert_eq!(filled.dimensions(), (200, 200));
        assert_eq!(filled.get_pixel(3, 3), decoded(&bytes).unwrap().get_pixel(3, 3));
    }

    #[test]
    fn bad_input_34_huge_claims_are_refused_before_anything_is_allocated() {
        let mut bytes = jpeg();
        let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        bytes[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
        let error = decoded(&bytes).unwrap_err();
        assert_eq!(error.code(), Code::Limit);
        assert!(error.to_string().contains("65500 x 65500"), "{error}");
    }

    #[test]
    fn bad_input_35_thousands_of_scans_are_refused() {
        let mut encoder = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
        encoder.set_progressive_mode();
        encoder.set_size(31, 17);
        let mut started = encoder.start_compress(Vec::new()).unwrap();
        started.write_scanlines(picture().as_raw()).unwrap();
        let bytes = started.finish().unwrap();
        assert!(decoded(&bytes).is_ok(), "a usual progressive one");
        // The last scan again and again.
        let last = bytes.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
        let end = bytes.len() - 2;
        let many = [&bytes[..last], &bytes[last..end].repeat(5_000), &bytes[end..]].concat();
        let began = std::time::Instant::now();
        assert_eq!(decoded(&many).unwrap_err().code(), Code::Limit);
        assert!(began.elapsed().as_secs_f64() < 1.0);
    }

    #[test]
    fn bad_input_36_empty_files_and_folders_with_a_pictures_name() {
        let folder = tempfile::tempdir().unwrap();
        let (empty, named) = (folder.path().join("empty.JPEG"), folder.path().join("folder.JPEG"));
        std::fs::write(&empty, b"").unwrap();
        std::fs::create_dir(&named).unwrap();
        for path in [&empty, &named] {
            let error = decode(path).unwrap_err();
            assert_eq!((error.code(), error.file()), (Code::Image, Some(path.as_path())));
        }
    }

    #[test]
    fn bad_input_39_a_panic_of_a_decoder_stays_in_its_picture() {
        let error = guarded(|| panic!("index out of bounds")).unwrap_err();
        assert_eq!(error.code(), Code::Decoder);
        assert!(error.to_string().contains("index out of bounds"), "{error}");
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
