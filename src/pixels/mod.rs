//! Pictures, coordinate frames and what lives in them: boxes, masks and heat maps.
//!
//! Order is always `(row, col)` and `(height, width)`. A box, a mask or a map carries its frame in its type
//! ([`Original`], [`Resized`] or [`Crop`]), so that an edge pixel of the full photograph cannot be compared with a
//! relevance pixel of the crop by accident; [`Geometry`] is the one place that converts.
//!
//! ```
//! use lgf::pixels::{Geometry, Original, PixelBox};
//!
//! // A 375 x 500 photograph (height x width), as ImageNet networks see it.
//! let geometry = Geometry::imagenet(375, 500)?;
//! let object = PixelBox::<Original>::at(127, 79).of_size(213, 216);
//! let in_crop = geometry.box_to_crop(&object).expect("the object is visible");
//! assert_eq!((in_crop.row, in_crop.col), (70, 0));
//! # Ok::<(), lgf::Error>(())
//! ```

mod decode;
mod frame;
mod jpeg;
mod kind;
mod map;
mod markers;
mod mask;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod probe;
mod resize;
mod view;

pub(crate) use decode::size_of;
pub use decode::{Cut, Limits, decode, decode_bytes, encode_gray_png, encode_jpeg, encode_png, is_cut, read};
pub use frame::{Crop, Frame, Geometry, Original, Pixel, PixelBox, Resized};
pub use image::{GrayImage, Rgb, RgbImage};
pub use jpeg::{Area, JpegBase};
pub use map::HeatMap;
pub(crate) use map::npy_header;
pub use mask::PixelMask;
pub use resize::{Kernel, resize_bilinear};
pub use view::{Sight, View, crop_of, imagenet_crop};
