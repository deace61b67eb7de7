//! Variants as files.

use std::cell::OnceCell;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::canvas::Drawn;
use super::rearrange::put;
use crate::error::Result;
use crate::pixels::{self, Area, JpegBase};

/// Pillow's default quality of JPEG.
pub(super) const QUALITY: f32 = 75.0;

/// How the files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As Pillow writes JPEG by default: quality 75, chroma halved both ways (fault B7: seams ring).
    Jpeg,
    /// Without loss.
    Png,
}

impl Encoding {
    /// What a changed crop of a photograph takes on the disk, in bytes; measured on photographs, rounded up.
    pub(super) fn typical_bytes(self) -> u64 {
        match self {
            Encoding::Jpeg => 20_000,
            Encoding::Png => 100_000,
        }
    }

    /// The ending of the files' names.
    pub fn ending(self) -> &'static str {
        match self {
            Encoding::Jpeg => "JPEG",
            Encoding::Png => "png",
        }
    }
}

/// Encodes the variants of one crop. As JPEG, what they share with the crop is coded once.
pub(super) struct Encoder<'a> {
    crop: &'a RgbImage,
    encoding: Encoding,
    base: OnceCell<JpegBase>,
    /// The crop, on which boxes are put and taken off again: to copy it each time would cost more than to code it.
    patched: Option<RgbImage>,
}

impl<'a> Encoder<'a> {
    pub fn new(crop: &'a RgbImage, encoding: Encoding) -> Self {
        Encoder { crop, encoding, base: OnceCell::new(), patched: None }
    }

    /// The bytes of a variant's file.
    pub fn encode(&mut self, drawn: &Drawn) -> Result<Vec<u8>> {
        match (self.encoding, drawn) {
            (Encoding::Png, _) => pixels::encode_png(&*drawn.picture(self.crop)?),
            (Encoding::Jpeg, Drawn::Picture(picture)) => pixels::encode_jpeg(picture, QUALITY),
            (Encoding::Jpeg, Drawn::Crop) => self.base()?.encode(self.crop, &[]),
            (Encoding::Jpeg, Drawn::Blocks { block, order }) => {
                self.base()?.encode_moved(&*drawn.picture(self.crop)?, *block, order)
            }
            (Encoding::Jpeg, Drawn::Sources(_)) => {
                let all = (0, 0, self.crop.height(), self.crop.width());
                self.base()?.encode(&*drawn.picture(self.crop)?, &[all])
            }
            (Encoding::Jpeg, Drawn::Boxes { boxes, filling }) => {
                let mut picture = self.patched.take().unwrap_or_else(|| self.crop.clone());
                put(&mut picture, boxes, filling);
                let areas: Vec<Area> = boxes.iter().map(|area| (area.row, area.col, area.height, area.width)).collect();
                let bytes = self.base()?.encode(&picture, &areas)?;
                put(&mut picture, boxes, self.crop);
                self.patched = Some(picture);
                Ok(bytes)
            }
        }
    }

    fn base(&self) -> Result<&JpegBase> {
        if let Some(base) = self.base.get() {
            return Ok(base);
        }
        let made = JpegBase::new(self.crop, QUALITY)?;
        Ok(self.base.get_or_init(|| made))
    }
}
