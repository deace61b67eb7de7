//! Zeros around the input of a convolution.

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// So many on every side.
    Zeros(i64),
    /// As many as make the output's side the input's over the step, rounded up; of an odd number the larger half at the lower
    /// and right ends (TensorFlow's `SAME`).
    Same,
}

impl Padding {
    /// Zeros before and behind one side of an input, for a kernel and a step.
    pub fn of(self, side: i64, kernel: i64, stride: i64) -> [i64; 2] {
        match self {
            Padding::Zeros(zeros) => [zeros; 2],
            Padding::Same => {
                let outputs = (side + stride - 1).div_euclid(stride);
                let all = ((outputs - 1) * stride + kernel - side).max(0);
                [all / 2, all - all / 2]
            }
        }
    }

    /// Zeros at the left, right, top and bottom of an input `[n, c, h, w]`, in the order of torch's `pad`.
    pub fn around(self, input: &[i64], kernel: i64, stride: i64) -> [i64; 4] {
        let ([top, bottom], [left, right]) = (self.of(input[2], kernel, stride), self.of(input[3], kernel, stride));
        [left, right, top, bottom]
    }

    /// Whether nothing is around any input.
    pub(crate) fn is_none(self) -> bool {
        self == Padding::Zeros(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_is_uneven_where_it_must_be() {
        // TensorFlow's rule for kernels of 3 and 5 on sides of 224, 240, 15 and 7.
        assert_eq!(Padding::Same.of(224, 3, 2), [0, 1]);
        assert_eq!(Padding::Same.of(112, 5, 2), [1, 2]);
        assert_eq!(Padding::Same.of(15, 3, 2), [1, 1]);
        assert_eq!(Padding::Same.of(7, 5, 1), [2, 2]);
        assert_eq!(Padding::Same.of(8, 1, 2), [0, 0]);
        assert_eq!(Padding::Zeros(3).around(&[1, 3, 9, 8], 7, 2), [3; 4]);
    }
}
