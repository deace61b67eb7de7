//! Tensors: those that look like a picture as a picture, all of them as shape, kind, device and first values.

use image::{GrayImage, RgbImage};
use maud::html;
use tch::{Device, Kind, Tensor};

use super::show::Show;
use super::single::Single;
use super::table::format_number;

/// Values that are said.
const FIRST: i64 = 12;
/// Sides that a picture has, in pixels, and how much longer one is than the other at most.
const SIDES: std::ops::RangeInclusive<i64> = 8..=4096;
const LONGER: i64 = 4;

impl Show for Tensor {
    fn html(&self) -> String {
        let picture = picture(self, self.text()).map(|picture| maud::PreEscaped(picture.html()));
        html! { div { @if let Some(picture) = picture { (picture) } pre { (self.text()) } } }.into_string()
    }

    fn text(&self) -> String {
        if !self.defined() {
            return "Tensor without values".to_string();
        }
        let sides: Vec<String> = self.size().iter().map(i64::to_string).collect();
        let shape = if sides.is_empty() { "one number".to_string() } else { sides.join(" x ") };
        let kind = self.f_kind().map_or_else(|_| "?".to_string(), |kind| format!("{kind:?}"));
        let mut text = format!("Tensor of {shape}, {kind}, {:?}", self.device());
        if let Ok(values) = first_values(self) {
            let more = if self.numel() as i64 > FIRST { ", …" } else { "" };
            let values: Vec<String> = values.iter().map(|value| format_number(*value)).collect();
            text.push_str(&format!("\n{}{more}", values.join(", ")));
        }
        text
    }

    fn contents(&self) -> Vec<(&'static str, String)> {
        match picture(self, self.text()) {
            Some(picture) => picture.contents(),
            None => vec![("text/plain", self.text())],
        }
    }
}

fn first_values(tensor: &Tensor) -> Result<Vec<f64>, tch::TchError> {
    let flat = tensor.f_detach()?.f_reshape([-1])?;
    let count = flat.size1()?.min(FIRST);
    // Only what is shown leaves the device.
    Vec::try_from(&flat.f_narrow(0, 0, count)?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?)
}

/// The picture that a tensor looks like: two sides, colours before them, a batch of one around it; else `None`.
fn picture(tensor: &Tensor, words: String) -> Option<Single> {
    if !tensor.defined() {
        return None;
    }
    let (channels, height, width) = match tensor.size()[..] {
        [height, width] => (1, height, width),
        [channels, height, width] | [1, channels, height, width] => (channels, height, width),
        _ => return None,
    };
    let is_one = matches!(channels, 1 | 3)
        && [height, width].iter().all(|side| SIDES.contains(side))
        && height.max(width) <= LONGER * height.min(width);
    let kind = tensor
        .f_kind()
        .ok()
        .filter(|kind| !matches!(kind, Kind::ComplexHalf | Kind::ComplexFloat | Kind::ComplexDouble));
    let (true, Some(kind)) = (is_one, kind) else { return None };
    let values = tensor
        .f_detach()
        .and_then(|tensor| tensor.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_reshape([channels, -1]));
    // Row by row, the colours of a pixel side by side.
    let values: Vec<f32> = values.and_then(|values| Vec::try_from(&values.f_tr()?.f_reshape([-1])?)).ok()?;
    let (image, note) = painted(&values, kind);
    let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    let image = match channels {
        1 => GrayImage::from_raw(width, height, image)?.into(),
        _ => RgbImage::from_raw(width, height, image)?.into(),
    };
    Some(Single::new(image, format!("{words}{note}")))
}

/// Values as 0 to 255, and what black and white mean where that is not plain.
fn painted(values: &[f32], kind: Kind) -> (Vec<u8>, String) {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (least, most) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    let whole = matches!(kind, Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64);
    let (black, white, note) = match (whole, least >= 0.0) {
        (true, true) if most <= 255.0 => (0.0, 255.0, String::new()),
        (false, true) if most <= 1.0 => (0.0, 1.0, String::new()),
        _ => {
            let ends = [least, most].map(|value| format_number(f64::from(value)));
            (least, most, format!("\nblack is {}, white is {}", ends[0], ends[1]))
        }
    };
    let scale = 255.0 / (white - black).max(f32::MIN_POSITIVE);
    // A value that is not finite becomes black.
    (values.iter().map(|value| ((value - black) * scale).round() as u8).collect(), note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_picture_is_shown_as_one() {
        let shown = |size: &[i64]| Tensor::zeros(size, (Kind::Float, Device::Cpu)).contents()[0].0;
        for size in [&[16, 20][..], &[3, 16, 16], &[1, 16, 16], &[1, 3, 224, 224]] {
            assert_eq!(shown(size), "image/png", "{size:?}");
        }
        for size in [&[][..], &[7], &[4, 4], &[10, 512], &[64, 16, 16], &[2, 3, 16, 16], &[0, 0]] {
            assert_eq!(shown(size), "text/plain", "{size:?}");
        }
    }

    #[test]
    fn colours_stay_with_their_pixels() {
        let tensor = Tensor::zeros([3, 8, 8], (Kind::Uint8, Device::Cpu));
        let _ = tensor.get(2).fill_(200);
        let contents = tensor.contents();
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &contents[0].1).unwrap();
        assert_eq!(image::load_from_memory(&bytes).unwrap().to_rgb8().get_pixel(3, 3).0, [0, 0, 200]);
    }

    #[test]
    fn words_say_shape_kind_device_and_first_values() {
        assert_eq!(Tensor::from_slice(&[0.5f32, 2.0]).text(), "Tensor of 2, Float, Cpu\n0.5, 2");
        assert_eq!(Tensor::from(3i64).text(), "Tensor of one number, Int64, Cpu\n3");
        assert!(Tensor::arange(100, (Kind::Int64, Device::Cpu)).text().ends_with("10, 11, …"));
        assert_eq!(Tensor::new().text(), "Tensor without values");
        let signed = Tensor::arange(64, (Kind::Float, Device::Cpu)).reshape([8, 8]) - 32;
        assert!(signed.contents()[1].1.ends_with("black is -32, white is 31"));
    }
}
