//! A sheet of marks: lines, areas, discs, texts and pictures, in CSS pixels.

use image::{Rgb, RgbImage};

use crate::error::{Code, Error, Result};

pub(super) const INK: Rgb<u8> = Rgb([0x1A, 0x1A, 0x1A]);
pub(super) const FAINT: Rgb<u8> = Rgb([0xD4, 0xD4, 0xD4]);
pub(super) const WHITE: Rgb<u8> = Rgb([0xFF, 0xFF, 0xFF]);

/// A colour with its opacity, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ink(pub Rgb<u8>, pub f64);

impl From<Rgb<u8>> for Ink {
    fn from(color: Rgb<u8>) -> Self {
        Ink(color, 1.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Align {
    Left,
    Middle,
    Right,
}

/// The shapes that tell series apart beside their colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Down,
    Cross,
}

pub(super) fn marker(place: usize) -> Marker {
    const ALL: [Marker; 6] =
        [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Down, Marker::Cross];
    // Not in step with the eight colours, so that a colour that comes again has another shape.
    ALL[place % ALL.len()]
}

pub(super) type At = (f64, f64);

pub(super) enum Mark {
    Line { points: Vec<At>, ink: Ink, width: f64 },
    Fill { points: Vec<At>, ink: Ink },
    Disc { at: At, radius: f64, ink: Ink },
    Text(Text),
}

/// A text on one line: `at` is its left end, middle or right end, half way up; a turned one runs upward.
pub(super) struct Text {
    pub at: At,
    pub text: String,
    pub size: f64,
    pub align: Align,
    pub turned: bool,
}

/// Marks in CSS pixels from the top left corner, painted in the order they are added, pictures below them all.
pub(super) struct Sheet {
    pub size: (u32, u32),
    pub marks: Vec<Mark>,
    pub pictures: Vec<(At, At, RgbImage)>,
}

impl Sheet {
    /// An empty white sheet of (width, height) CSS pixels.
    pub fn new(size: (u32, u32)) -> Result<Self> {
        let fits = |length: u32| (1..=4_000).contains(&length);
        if !fits(size.0) || !fits(size.1) {
            return Err(Error::new(
                Code::Parameter,
                format!("a figure of {} x {} px, expected 1 to 4,000 either way", size.0, size.1),
            ));
        }
        Ok(Sheet { size, marks: Vec::new(), pictures: Vec::new() })
    }

    pub fn line(&mut self, points: impl Into<Vec<At>>, ink: impl Into<Ink>, width: f64) {
        self.marks.push(Mark::Line { points: points.into(), ink: ink.into(), width });
    }

    /// A line of dots, so that the markers on it stand out.
    pub fn dots(&mut self, from: At, to: At, ink: impl Into<Ink>) {
        let (ink, length) = (ink.into(), (to.0 - from.0).hypot(to.1 - from.1));
        let steps = (length / 5.0).floor().max(1.0);
        for step in 1..steps as usize {
            let share = step as f64 / steps;
            let at = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            self.marks.push(Mark::Disc { at, radius: 1.0, ink });
        }
    }

    pub fn fill(&mut self, points: impl Into<Vec<At>>, ink: impl Into<Ink>) {
        self.marks.push(Mark::Fill { points: points.into(), ink: ink.into() });
    }

    pub(crate) fn rect(&mut self, from: At, to: At, ink: impl Into<Ink>) {
        self.fill([from, (to.0, from.1), to, (from.0, to.1)], ink);
    }

    pub fn frame(&mut self, from: At, to: At, ink: impl Into<Ink>, width: f64) {
        self.line([from, (to.0, from.1), to, (from.0, to.1), from], ink, width);
    }

    pub fn marker(&mut self, (x, y): At, marker: Marker, radius: f64, ink: impl Into<Ink>) {
        let ink = ink.into();
        let r = radius;
        match marker {
            Marker::Circle => self.marks.push(Mark::Disc { at: (x, y), radius, ink }),
            Marker::Square => self.rect((x - 0.86 * r, y - 0.86 * r), (x + 0.86 * r, y + 0.86 * r), ink),
            Marker::Triangle => {
                self.fill([(x, y - 1.2 * r), (x + 1.15 * r, y + 0.9 * r), (x - 1.15 * r, y + 0.9 * r)], ink)
            }
            Marker::Down => {
                self.fill([(x, y + 1.2 * r), (x + 1.15 * r, y - 0.9 * r), (x - 1.15 * r, y - 0.9 * r)], ink)
            }
            Marker::Diamond => self.fill([(x, y - 1.3 * r), (x + 1.1 * r, y), (x, y + 1.3 * r), (x - 1.1 * r, y)], ink),
            Marker::Cross => {
                self.line([(x - r, y - r), (x + r, y + r)], ink, 2.0);
                self.line([(x - r, y + r), (x + r, y - r)], ink, 2.0);
            }
        }
    }

    /// Text on one line; `at` is its left end, middle or right end, half way up.
    pub fn text(&mut self, at: At, text: &str, size: f64, align: Align) {
        self.write(at, text, size, align, false);
    }

    /// Text that runs upward.
    pub fn turned(&mut self, at: At, text: &str, size: f64, align: Align) {
        self.write(at, text, size, align, true);
    }

    fn write(&mut self, at: At, text: &str, size: f64, align: Align, turned: bool) {
        // XML has no place for control characters.
        let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        if !text.trim().is_empty() {
            self.marks.push(Mark::Text(Text { at, text, size, align, turned }));
        }
    }

    /// Puts a picture between two corners, below all marks.
    pub fn picture(&mut self, from: At, to: At, picture: RgbImage) {
        self.pictures.push((from, to, picture));
    }
}
