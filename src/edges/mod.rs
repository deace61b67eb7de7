//! From a picture to its edges: denoise, grey, Canny.
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use lgf::edges::{Parameters, detect};
//!
//! let picture = RgbImage::from_fn(224, 224, |x, _| if x < 112 { Rgb([40; 3]) } else { Rgb([200; 3]) });
//! let found = detect(&picture, &Parameters::default());
//! assert!(found.mask.count() > 150, "one upright edge");
//! # Ok::<(), lgf::Error>(())
//! ```

mod detect;
mod look;
mod stage;

pub use detect::{Denoise, Detected, Parameters, Thresholds, denoise, detect, gradient_quantile};
pub use look::{panel, sigma_slider};
pub use stage::{EdgeTables, detect_all, mask_of};
