//! Text: the embedded font, what a text measures, and its lines.

use std::fmt::Display;
use std::sync::OnceLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

use crate::error::{Code, Error, Result};

/// Dots of the PNG, and units of the SVG, for one CSS pixel: plotters places marks at whole numbers only.
pub(super) const SCALE: f64 = 2.0;
/// How far below the middle of a line its baseline lies, in ems.
pub(super) const BASELINE_DUE: f64 = 0.35;
/// Ascent minus descent of the embedded font for one em (932 + 189 of 1,000): what plotters takes for the size.
pub(super) const EM: f64 = 1.121;
/// The usual size of text, in CSS pixels.
pub(super) const TEXT: f64 = 12.0;
/// The height of a line of it.
pub(super) const LINE: f64 = TEXT * LEADING;
/// Height of a line of text, in sizes.
pub(super) const LEADING: f64 = 1.3;
const FONT: &str = "lgf";

/// Ubuntu Light: narrower than the monospaced Hack beside it, so that labels seldom need wrapping, and clear at the twofold
/// size that figures are painted at.
pub(super) fn font_file() -> &'static [u8] {
    epaint_default_fonts::UBUNTU_LIGHT
}

/// Hands the embedded font to plotters, once.
pub(super) fn font() -> Result<()> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    let known = KNOWN.get_or_init(|| register_font(FONT, FontStyle::Normal, font_file()).is_ok());
    if *known { Ok(()) } else { Err(fault("the embedded font cannot be read")) }
}

pub(super) fn font_at(size: f64) -> FontDesc<'static> {
    FontDesc::new(FontFamily::Name(FONT), size * SCALE * EM, FontStyle::Normal)
}

/// The width of a text in CSS pixels, as it will be painted.
pub(super) fn width_of(text: &str, size: f64) -> Result<f64> {
    font()?;
    let ((left, _), (right, _)) = font_at(size).layout_box(text).map_err(|cause| fault(cause.to_string()))?;
    Ok(f64::from(right - left) / SCALE)
}

/// The width of the widest of some texts of the usual size.
pub(super) fn widest(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Result<f64> {
    texts.into_iter().try_fold(0.0_f64, |most, text| Ok(most.max(width_of(text.as_ref(), TEXT)?)))
}

/// A text on as many lines as it takes to stay within a width; a word that is too long is broken.
pub(super) fn wrapped(text: &str, size: f64, room: f64) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
        if width_of(&longer, size)? <= room {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in word.chars() {
            line.push(letter);
            if width_of(&line, size)? > room && line.chars().count() > 1 {
                // After the last underscore or hyphen, else where the room ends.
                let joint = line.char_indices().rev().skip(1).find(|(_, letter)| matches!(letter, '_' | '-'));
                let keep = joint.map_or(line.len() - letter.len_utf8(), |(at, _)| at + 1);
                let rest = line.split_off(keep);
                lines.push(std::mem::replace(&mut line, rest));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    Ok(lines)
}

pub(super) fn fault(why: impl Display) -> Error {
    Error::new(Code::Parameter, format!("the figure cannot be drawn: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_keeps_every_letter_within_its_room() {
        let lines = wrapped("texture of a cassette player, Donaudampfschifffahrt", 12.0, 60.0).unwrap();
        assert!(lines.iter().all(|line| width_of(line, 12.0).unwrap() <= 60.0), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), "textureofacassetteplayer,Donaudampfschifffahrt");
        assert!(wrapped("", 12.0, 60.0).unwrap().is_empty());
    }
}
