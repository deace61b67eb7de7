//! In how many bits networks compute.

use serde::{Deserialize, Serialize};
use tch::Kind;

/// In how many bits a network computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    Single,
    /// 16-bit floating point, IEEE: half the memory, and faster on a GPU.
    Half,
    /// 16-bit floating point with the range of 32 bits.
    BFloat16,
    /// 64-bit floating point: to see what rounding does.
    Double,
}

impl std::fmt::Display for Precision {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self {
            Precision::Single => "single",
            Precision::Half => "half",
            Precision::BFloat16 => "bfloat16",
            Precision::Double => "double",
        })
    }
}

impl Precision {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Precision::Single => Kind::Float,
            Precision::Half => Kind::Half,
            Precision::BFloat16 => Kind::BFloat16,
            Precision::Double => Kind::Double,
        }
    }
}
