//! Places of grids: zeros around them, and squares of them as one.

use tch::Tensor;

use crate::models::refused::TchResult;

/// Zeros around an input: at the left, right, top and bottom.
pub(crate) fn padded(x: &Tensor, around: [i64; 4]) -> TchResult {
    if around == [0; 4] { Ok(x.shallow_clone()) } else { x.f_constant_pad_nd(around) }
}

/// Two by two places as one: upper left, lower left, upper right, lower right.
pub(super) fn merged(x: &Tensor) -> TchResult {
    let size = x.size();
    let x = x.f_constant_pad_nd([0, 0, 0, size[2] % 2, 0, size[1] % 2])?;
    let size = x.size();
    let squares = x.f_reshape([size[0], size[1] / 2, 2, size[2] / 2, 2, size[3]])?;
    squares.f_permute([0, 1, 3, 4, 2, 5])?.f_reshape([size[0], size[1] / 2, size[2] / 2, 4 * size[3]])
}

/// What lies on merged places, where it was: the way back of [`Layer::MergePatches`] for an input of a size.
pub(crate) fn unmerged(x: &Tensor, size: &[i64]) -> TchResult {
    let merged = x.size();
    let squares = x.f_reshape([merged[0], merged[1], merged[2], 2, 2, size[3]])?.f_permute([0, 1, 4, 2, 3, 5])?;
    let whole = squares.f_reshape([merged[0], merged[1] * 2, merged[2] * 2, size[3]])?;
    whole.f_narrow(1, 0, size[1])?.f_narrow(2, 0, size[2])
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn merged_places_come_back() {
        let x = Tensor::arange(2 * 3 * 5 * 4, (Kind::Float, tch::Device::Cpu)).view([2, 3, 5, 4]);
        let together = merged(&x).unwrap();
        assert_eq!(together.size(), [2, 2, 3, 16]);
        assert_eq!(unmerged(&together, &x.size()).unwrap(), x);
        // Row 1, column 0 is the second of the four; column 5 is beyond.
        assert_eq!(together.double_value(&[0, 0, 0, 4]), x.double_value(&[0, 1, 0, 0]));
        assert_eq!(together.double_value(&[0, 0, 2, 8]), 0.0);
    }
}
