//! From a picture to its edges: denoise, grey, Canny.
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use lgf::edges::{Parameters, detect};
//! use lgf::pixels::Crop;
//!
//! let picture = RgbImage::from_fn(224, 224, |x, _| if x < 112 { Rgb([40; 3]) } else { Rgb([200; 3]) });
//! let found = detect::<Crop>(&picture, &Parameters::default())?;
//! assert_eq!(found.mask.count(), 224, "one upright edge");
//! # Ok::<(), lgf::Error>(())
//! ```

mod canny;
mod coordinates;
mod detect;
mod lab;
mod look;
mod masks;
#[allow(unsafe_code)] // AVX2, for which nlm/vector.rs has the proof
mod nlm;
mod stage;

pub use crate::table::{BoxEdgeRow, EdgeRow};
pub use canny::{Aperture, GradientNorm, canny};
pub use coordinates::{mistaken_box, write_text};
pub use detect::{Denoise, Detected, Detector, Order, Parameters, Thresholds, contours, denoise, detect, thresholds};
pub use lab::to_gray;
pub use look::{Boxed, density, h_slider, panel, sigma_slider, with_boxes};
pub(crate) use masks::outlines_in;
pub use masks::{mask_in, mask_of, objects};
pub use nlm::{non_local_means, non_local_means_color};
pub(crate) use stage::detect_in_view;
pub use stage::{EdgeTables, detect_all, keep_found};
