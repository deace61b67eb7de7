//! Reading and writing pictures: JPEG through libjpeg-turbo's own code, everything else through the image crate.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, GrayImage, ImageEncoder, ImageError, ImageFormat, ImageReader, Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use super::kind::not_read;
use super::markers::markers;
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

/// Pixels that a byte of a JPEG holds at most: one bit for each block of 8 x 8.
const JPEG_PIXELS: u64 = 8 * 64;
/// Pixels that a byte of another picture holds at most: deflate packs 1032 bytes into one, of eight pixels each.
const OTHER_PIXELS: u64 = 1032 * 8;

impl Limits {
    /// Nothing if a picture may be so large, and its file, of which a byte holds at most so many pixels, can hold it.
    fn check(&self, height: u64, width: u64, (bytes, of_a_byte): (usize, u64)) -> Result<()> {
        let side = u64::from(self.side);
        if height == 0 || width == 0 {
            return Err(Error::new(Code::Image, format!("the picture says that it is {height} x {width} pixels")));
        }
        if height > side || width > side || height * width > self.pixels {
            let found =
                format!("the picture says that it is {height} x {width} pixels, over the limit of {side} a side");
            return Err(Error::new(Code::Limit, found).hint("shrink the picture, or leave it out"));
        }
        if height * width > (bytes as u64).saturating_mul(of_a_byte) {
            let found =
                format!("the picture says that it is {height} x {width} pixels, more than its {bytes} bytes can hold");
            return Err(Error::new(Code::Image, found).hint("fetch the picture again, or leave it out"));
        }
        Ok(())
    }
}

/// Reads a picture as RGB, one byte a channel, whatever its name says it is. Grey is copied to the three channels, of
/// 16 bits the high ones are kept, alpha is left out; EXIF orientation is not applied (as Pillow). JPEG equals
/// libjpeg-turbo (and so Pillow and OpenCV) to the byte.
///
/// # Errors
/// [`Code::Io`] if the file cannot be read, [`Code::Image`] if it is empty, cut, of a kind that is not read (which it
/// names) or no picture, [`Code::Limit`] if it says that it is too large, [`Code::Decoder`] if its decoder panicked.
/// Each names the file.
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
    if !facts.is_file() {
        return Err(Error::new(Code::Image, "no regular file, expected a picture").path(path));
    }
    if facts.len() > limits.file_bytes {
        return Err(Error::new(Code::Limit, format!("{} bytes, over the limit", facts.len())).path(path));
    }
    std::fs::read(path).map_err(|cause| Error::io("reading", path, cause))
}

/// Height and width of a picture, from its header alone.
///
/// # Errors
/// As [`decode`].
pub(crate) fn size_of(path: impl AsRef<Path>) -> Result<(u32, u32)> {
    let path = path.as_ref();
    size_in(&read(path)?).map_err(|error| error.or_path(path))
}

/// The same for bytes already in memory.
pub(super) fn size_in(bytes: &[u8]) -> Result<(u32, u32)> {
    guarded(|| {
        if is_jpeg(bytes) {
            markers(bytes, 0).check_process()?;
            let (width, height) = mozjpeg::Decompress::builder().from_mem(bytes).map_err(broken)?.size();
            return Ok((height as u32, width as u32));
        }
        let (width, height) = open(bytes)?.into_dimensions().map_err(unreadable)?;
        Ok((height, width))
    })
}

/// As [`decode`], for bytes already in memory.
///
/// # Errors
/// As [`decode`], without a path.
pub fn decode_bytes(bytes: &[u8], limits: &Limits) -> Result<RgbImage> {
    guarded(|| if is_jpeg(bytes) { decode_jpeg(bytes, limits) } else { decode_other(bytes, limits) })
}

fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, 0xD8])
}

/// How mozjpeg begins what libjpeg says when it gives up; it leaves by unwinding, as a panic does.
const GIVEN_UP: &str = "libjpeg fatal error: ";

/// A panic of a decoder stays in its picture.
fn guarded<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|cause| {
        let text = panic_text(&*cause);
        Err(match text.strip_prefix(GIVEN_UP) {
            Some(why) => Error::new(Code::Image, "not a whole JPEG").because(why),
            None => Error::new(Code::Decoder, "the decoder panicked").because(text),
        })
    })
}

fn panic_text(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().cloned();
    text.or_else(|| cause.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_else(|| "no message".into())
}

fn broken(cause: std::io::Error) -> Error {
    Error::new(Code::Image, "not a whole JPEG").because(cause)
}

fn decode_jpeg(bytes: &[u8], limits: &Limits) -> Result<RgbImage> {
    let markers = markers(bytes, limits.scans);
    markers.check_process()?;
    // Each scan of a progressive JPEG passes over the whole picture, however few bytes it has.
    if markers.scans > limits.scans {
        let found = format!("the JPEG has more than {} scans", limits.scans);
        return Err(Error::new(Code::Limit, found).hint("save the picture again, or leave it out"));
    }
    // libjpeg-turbo fills in the missing part of a cut scan and goes on; such a picture is not the photograph.
    if limits.cut == Cut::Refuse && !markers.ends {
        return Err(Error::new(Code::Image, "the JPEG is cut: its end marker is missing")
            .hint("fetch the picture again, or leave it out"));
    }
    let decompress = mozjpeg::Decompress::builder().from_mem(bytes).map_err(broken)?;
    let (width, height) = decompress.size();
    limits.check(height as u64, width as u64, (bytes.len(), JPEG_PIXELS))?;
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

/// Whether a JPEG's last part is missing: its decoder does not come to an end-of-image marker. One inside a segment,
/// as in a thumbnail, or of another picture behind it is not its own; bytes after its own are harmless. One that was
/// cut and then given an end marker cannot be told so: it is read as Pillow and OpenCV read it, grey where it ends.
pub fn is_cut(jpeg: &[u8]) -> bool {
    !markers(jpeg, usize::MAX).ends
}

fn unreadable(cause: ImageError) -> Error {
    match &cause {
        ImageError::IoError(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::new(Code::Image, "the picture is cut: its end is missing")
                .hint("fetch the picture again, or leave it out")
        }
        _ => Error::new(Code::Image, "not a picture that can be read").because(cause),
    }
}

/// A PNG or BMP, by its first bytes.
fn open(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>> {
    if bytes.is_empty() {
        return Err(Error::new(Code::Image, "the file is empty"));
    }
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Bmp)) => Ok(ImageReader::with_format(Cursor::new(bytes), format)),
        _ => Err(not_read(bytes)),
    }
}

fn decode_other(bytes: &[u8], limits: &Limits) -> Result<RgbImage> {
    let (width, height) = open(bytes)?.into_dimensions().map_err(unreadable)?;
    limits.check(u64::from(height), u64::from(width), (bytes.len(), OTHER_PIXELS))?;
    Ok(rgb_of(open(bytes)?.decode().map_err(unreadable)?))
}

/// One byte a channel. Of 16 bits the high ones are kept, as OpenCV does and Pillow where it reads colours; alpha is
/// left out, and what is below it shows.
fn rgb_of(picture: DynamicImage) -> RgbImage {
    let high = |value: u16| (value >> 8) as u8;
    let of = |(width, height): (u32, u32), pixel: &dyn Fn(u32, u32) -> [u16; 3]| {
        RgbImage::from_fn(width, height, |col, row| Rgb(pixel(col, row).map(high)))
    };
    match &picture {
        DynamicImage::ImageLuma16(grey) => of(grey.dimensions(), &|col, row| [grey.get_pixel(col, row)[0]; 3]),
        DynamicImage::ImageLumaA16(grey) => of(grey.dimensions(), &|col, row| [grey.get_pixel(col, row)[0]; 3]),
        DynamicImage::ImageRgb16(colour) => of(colour.dimensions(), &|col, row| colour.get_pixel(col, row).0),
        DynamicImage::ImageRgba16(colour) => {
            of(colour.dimensions(), &|col, row| [0, 1, 2].map(|channel| colour.get_pixel(col, row)[channel]))
        }
        _ => picture.into_rgb8(),
    }
}

/// A JPEG as Pillow writes it by default: quality 75, chroma halved both ways, the same bytes (libjpeg-turbo behind
/// both).
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
    use base64::Engine;

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

    /// Odd JPEGs, PNGs and BMPs: each is what Pillow makes of it, or refused where Pillow refuses it.
    #[test]
    fn odd_pictures_equal_pillow_to_the_byte() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/pictures.json");
        let golden: serde_json::Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
        let different = golden["cases"].as_array().unwrap().iter().filter_map(|case| {
            let file = base64::engine::general_purpose::STANDARD.decode(case["file"].as_str()?).unwrap();
            let found = decoded(&file);
            let same = match &found {
                Ok(picture) => {
                    let size = (case["height"].as_u64(), case["width"].as_u64());
                    size == (Some(picture.height().into()), Some(picture.width().into()))
                        && case["rgb"] == crate::files::sha256_hex(picture.as_raw())
                }
                Err(error) => case["refused"] == true && error.code() != Code::Decoder,
            };
            let found = found.map(|picture| (picture.height(), picture.width()));
            (!same).then(|| format!("{}: {found:?}", case["name"]))
        });
        assert_eq!(different.collect::<Vec<String>>(), [""; 0]);
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
        // That no more of them are looked at than are allowed is shown beside the markers.
        assert_eq!(decoded(&many).unwrap_err().code(), Code::Limit);
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
        let error = guarded::<()>(|| panic!("index out of bounds")).unwrap_err();
        assert_eq!(error.code(), Code::Decoder);
        assert!(error.to_string().contains("index out of bounds"), "{error}");
    }

    /// The JPEG with another one in its EXIF segment, as cameras put it there.
    fn with_thumbnail(jpeg: &[u8]) -> Vec<u8> {
        let small = encode_jpeg(&RgbImage::new(8, 6), 75.0).unwrap();
        let length = (small.len() as u16 + 8).to_be_bytes();
        [&jpeg[..2], &[0xFF, 0xE1], &length[..], b"Exif\0\0", &small, &jpeg[2..]].concat()
    }

    #[test]
    fn bad_input_67_a_jpeg_is_cut_whatever_its_thumbnail_or_its_tail_says() {
        let whole = jpeg();
        let scan = whole.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
        let half = &whole[..(scan + whole.len()) / 2];
        let text = b"<html>moved</html>".repeat(9);
        for cut in [half.to_vec(), with_thumbnail(half), [half, &text].concat(), [half, &whole].concat()] {
            let error = decoded(&cut).unwrap_err();
            assert!(is_cut(&cut) && error.code() == Code::Image && error.message().contains("cut"), "{error}");
        }
        // Behind its end anything may stand: text, scans, whole pictures.
        let scans = whole[scan..].repeat(2_000);
        for tail in [text, scans, whole.clone(), vec![0xFF; 999]] {
            let longer = [&whole[..], &tail].concat();
            assert!(!is_cut(&longer));
            assert_eq!(decoded(&longer).unwrap(), decoded(&whole).unwrap());
            assert_eq!(decoded(&with_thumbnail(&longer)).unwrap(), decoded(&whole).unwrap());
        }
    }

    #[test]
    fn bad_input_68_jpegs_of_other_processes_are_named() {
        let frame = jpeg().windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        for (marker, bits, expected) in [
            (0xC9, 8, "arithmetic-coded"),
            (0xCA, 8, "arithmetic-coded"),
            (0xC3, 8, "lossless"),
            (0xCB, 8, "lossless arithmetic-coded"),
            (0xC5, 8, "hierarchical"),
            (0xCD, 8, "hierarchical arithmetic-coded"),
            (0xDE, 8, "hierarchical"),
            (0xF7, 8, "JPEG-LS"),
            (0xC0, 12, "12 bits"),
            (0xC1, 12, "12 bits"),
            (0xC9, 12, "12 bits"),
        ] {
            let mut other = jpeg();
            (other[frame + 1], other[frame + 4]) = (marker, bits);
            let error = decoded(&other).unwrap_err();
            assert_eq!(error.code(), Code::Image, "{error}");
            assert!(error.message().contains(expected) && error.advice().is_some(), "{error}");
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("other.JPEG");
            std::fs::write(&path, &other).unwrap();
            let error = size_of(&path).unwrap_err();
            assert!(error.message().contains(expected) && error.file() == Some(&path), "{error}");
        }
    }

    #[test]
    fn what_libjpeg_refuses_is_no_panic_of_a_decoder() {
        let mut broken = jpeg();
        let frame = broken.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        // Sampling factors that cannot be.
        broken[frame + 11] = 0;
        let error = decoded(&broken).unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::Image, "not a whole JPEG"));
        assert!(!error.causes().is_empty() && !error.to_string().contains("panicked"), "{error}");
    }

    /// A PNG of some colours of 16 bits, and the samples in it.
    fn png_of_16_bits(kind: image::ExtendedColorType) -> (Vec<u8>, Vec<u16>) {
        let channels = usize::from(kind.channel_count());
        let samples: Vec<u16> = (0..31 * 17 * channels).map(|at| (at * 7_919 % 65_536) as u16).collect();
        let raw: Vec<u8> = samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect();
        (png_bytes(&raw, (31, 17), kind).unwrap(), samples)
    }

    #[test]
    fn bad_input_69_of_16_bits_the_high_byte_is_kept() {
        use image::ExtendedColorType::{L16, La16, Rgb16, Rgba16};
        for (kind, channels) in [(L16, [0; 3]), (La16, [0; 3]), (Rgb16, [0, 1, 2]), (Rgba16, [0, 1, 2])] {
            let (bytes, samples) = png_of_16_bits(kind);
            let count = usize::from(kind.channel_count());
            let expected = samples.chunks_exact(count).flat_map(|pixel| channels.map(|at| (pixel[at] >> 8) as u8));
            assert_eq!(decoded(&bytes).unwrap().into_raw(), expected.collect::<Vec<u8>>(), "{kind:?}");
        }
    }

    #[test]
    fn alpha_is_left_out_and_what_is_below_it_shows() {
        let raw: Vec<u8> = picture().pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2], pixel[0] / 2]).collect();
        let bytes = png_bytes(&raw, picture().dimensions(), image::ExtendedColorType::Rgba8).unwrap();
        assert_eq!(decoded(&bytes).unwrap(), picture());
    }

    #[test]
    fn bad_input_70_a_picture_of_another_kind_is_named_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n01440764_1.JPEG");
        std::fs::write(&path, b"RIFF\x24\0\0\0WEBPVP8 ").unwrap();
        for error in [decode(&path).unwrap_err(), size_of(&path).unwrap_err()] {
            assert_eq!((error.code(), error.file()), (Code::Image, Some(path.as_path())));
            assert!(error.message().contains("this is a WebP") && error.advice().unwrap().contains("PNG"), "{error}");
        }
    }

    #[test]
    fn an_empty_file_and_a_text_are_refused() {
        assert!(decoded(b"").unwrap_err().message().contains("empty"));
        let error = decoded(b"hello, this is text").unwrap_err();
        assert!(error.message().contains("begins \"hello, this \""), "{error}");
        assert!(decoded(b"<!DOCTYPE html>").unwrap_err().message().contains("a web page"));
    }

    #[test]
    fn a_picture_over_the_limit_is_refused_before_it_is_decoded() {
        let bytes = encode_png(&picture()).unwrap();
        let limits = Limits { side: 20, ..Limits::default() };
        assert_eq!(decode_bytes(&bytes, &limits).unwrap_err().code(), Code::Limit);
    }
}
