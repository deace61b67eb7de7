//! 3 x 3 convolutions of stride 1 with a quarter of the multiplications: Winograd's minimal filtering F(4 x 4, 3 x 3)
//! (Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016).
//!
//! A tile of 6 x 6 inputs and the 3 x 3 kernel are each transformed to 36 numbers, multiplied one by one and summed over the
//! channels, and transformed back to 4 x 4 outputs: `A'[(G g G') . (B' d B)]A`, 36 multiplications a pair of channels
//! where the plain sum has 144. The transforms evaluate polynomials at 0, 3/4, -3/4, 3/2, -3/2 and infinity: the constants
//! of inputs and outputs are exact in 32 bits, and a result is about twice as far from the exact one as the plain sum is (the usual points
//! 0, 1, -1, 2, -2 make it 4.5 times). The sums over the channels are 36 products of matrices: for oneDNN, one convolution of
//! 36 groups whose pixels are the tiles.
//!
//! Of an infinite input the transforms make NaN for the whole tile, where plain sums are infinite, or finite beside it; and of
//! products that overflow, too. What is right is what the plain sum gives, number by number. So this is for inputs, kernels and
//! sums that are known to be finite on the way ([`Gain`](super::kernels::Gain)), and where that is not known the plain sum is
//! taken. What is finite is near the plain sum by the size of the largest number of its tile.

use std::ops::Range;

use tch::{Kind, Tensor};

use super::fused::{self, Convolution, End};
use super::lanes::{Lanes, Work, numbers, numbers_mut, widest};
use crate::error::{Code, Error, Result};
use crate::models::{Layer, Padding};

/// Outputs and inputs of a tile along a side.
const OUT: usize = 4;
const IN: usize = 6;
/// Numbers of a transformed tile.
const POINTS: usize = IN * IN;
/// Tiles that are transformed and multiplied together, at most: fewer are slower to multiply, and more leave the cache.
const TILES: usize = 128;
/// Channels come in groups that every register divides.
const GROUP: i64 = 16;

/// The points that are not 0 or infinity, and their squares.
const P: f32 = 0.75;
const Q: f32 = 1.5;
const PP: f32 = P * P;
const QQ: f32 = Q * Q;

/// Whether a layer is a convolution that is faster so: enough channels, in whole groups.
///
/// That was measured with one thread. The transforms are made by the thread that asks; where libtorch shares a convolution out
/// among several, the plain sum is the better one.
pub(super) fn suits(layer: &Layer) -> bool {
    let wide = |channels: i64| channels >= 64 && channels % GROUP == 0;
    match layer {
        Layer::Conv { inputs, outputs, kernel: 3, stride: 1, padding: Padding::Zeros(1), groups: 1, .. } => {
            wide(*inputs) && wide(*outputs)
        }
        _ => false,
    }
}

/// The transform of a kernel `[outputs, inputs, 3, 3]`, computed in double precision, for [`convolve`] of inputs of a size.
pub(super) fn kernel_transform(kernel: &Tensor, size: &[i64]) -> Result<Tensor> {
    let (p, q) = (f64::from(P), f64::from(Q));
    let (pp, qq) = (p * p, q * q);
    let at = |x: f64, scale: f64| [1.0 / scale, x / scale, x * x / scale];
    let (near, far) = (2.0 * pp * (pp - qq), 2.0 * qq * (qq - pp));
    let g = [at(0.0, pp * qq), at(p, near), at(-p, near), at(q, far), at(-q, far), [0.0, 0.0, 1.0]];
    let g = Tensor::from_slice2(&g);
    let both = g.f_matmul(&kernel.to_kind(Kind::Double))?.f_matmul(&g.tr())?;
    let [outputs, inputs] = [kernel.size()[0], kernel.size()[1]];
    if outputs % GROUP != 0 || inputs % GROUP != 0 {
        return Err(Error::new(Code::Model, format!("{inputs} to {outputs} channels, expected multiples of {GROUP}")));
    }
    let groups = both.permute([2, 3, 0, 1]).reshape([POINTS as i64 * outputs, inputs, 1, 1]).to_kind(Kind::Float);
    let tiles = Grid::new(size).tiles_at_once();
    fused::packed(products(&groups, &no_bias(outputs)?), &[1, POINTS as i64 * inputs, tiles as i64, 1])
}

/// The convolution whose groups are the 36 products.
fn products<'a>(kernel: &'a Tensor, bias: &'a Tensor) -> Convolution<'a> {
    Convolution { kernel, bias, stride: 1, padding: 0, groups: POINTS as i64 }
}

fn no_bias(outputs: i64) -> Result<Tensor> {
    Ok(Tensor::f_zeros([POINTS as i64 * outputs], (Kind::Float, tch::Device::Cpu))?)
}

/// The convolution of `x` `[n, inputs, h, w]`, with its channels last in memory, by a kernel as [`kernel_transform`] gives it;
/// added to `other` where there is one. The result has its channels last in memory.
///
/// # Errors
/// [`Code::Model`] for shapes that do not fit, [`Code::Memory`] without the memory.
pub(super) fn convolve(x: &Tensor, other: Option<&Tensor>, kernel: &Tensor, bias: &Tensor, end: End) -> Result<Tensor> {
    let _no_grad = tch::no_grad_guard();
    let options = (Kind::Float, tch::Device::Cpu);
    let inputs = kernel.size()[1];
    let (grid, size) = match x.size()[..] {
        [n, channels, height, width] if channels == inputs => {
            (Grid::new(&x.size()), [n, height, width, bias.size()[0]])
        }
        _ => {
            let found = format!("the input has shape {:?}, expected [n, {inputs}, height, width]", x.size());
            return Err(Error::new(Code::Model, found));
        }
    };
    let (x, bias, other) = (last(x), bias.contiguous(), other.map(last));
    if let Some(other) = other.as_ref().filter(|other| other.size() != size) {
        return Err(Error::new(Code::Model, format!("a sum of shapes {:?} and {size:?}", other.size())));
    }
    let (mut output, other, no_bias) =
        (Tensor::f_empty(size, options)?, other.as_ref().map(numbers), no_bias(size[3])?);
    // The last tiles may be fewer: what stands in their place is multiplied all the same, and not looked at.
    let at_once = grid.tiles_at_once();
    let mut spread = Tensor::f_zeros([1, at_once as i64, 1, POINTS as i64 * inputs], options)?;
    for first in (0..grid.tiles()).step_by(at_once) {
        let tiles = first..grid.tiles().min(first + at_once);
        widest(InputTransform { grid: &grid, tiles: tiles.clone(), x: numbers(&x), into: numbers_mut(&mut spread) });
        let product = fused::convolve(&spread.permute([0, 3, 1, 2]), None, products(kernel, &no_bias), End::Plain)?;
        let (product, bias, into) = (last(&product), numbers(&bias), numbers_mut(&mut output));
        widest(OutputTransform { grid: &grid, tiles, product: numbers(&product), bias, other, end, into });
    }
    Ok(output.permute([0, 3, 1, 2]))
}

/// `B'` times a column of six.
#[inline(always)]
fn input_line<L: Lanes>([a, b, c, d, e, f]: [L; IN]) -> [L; IN] {
    let times = |factor: f32, value: L| L::all(factor).times(value);
    let (near, far) = (e.less(times(QQ, c)), e.less(times(PP, c)));
    let (near_odd, far_odd) = (times(P, d.less(times(QQ, b))), times(Q, d.less(times(PP, b))));
    [
        times(PP * QQ, a).less(times(PP + QQ, c)).plus(e),
        near.plus(near_odd),
        near.less(near_odd),
        far.plus(far_odd),
        far.less(far_odd),
        times(PP * QQ, b).less(times(PP + QQ, d)).plus(f),
    ]
}

/// `A'` times a column of six.
#[inline(always)]
fn output_line<L: Lanes>([a, b, c, d, e, f]: [L; IN]) -> [L; OUT] {
    let times = |factor: f32, value: L| L::all(factor).times(value);
    let (near, near_odd, far, far_odd) = (b.plus(c), b.less(c), d.plus(e), d.less(e));
    [
        a.plus(near).plus(far),
        times(P, near_odd).plus(times(Q, far_odd)),
        times(PP, near).plus(times(QQ, far)),
        times(P * PP, near_odd).plus(times(Q * QQ, far_odd)).plus(f),
    ]
}

/// `[n, h, w, channels]`, contiguous.
fn last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous()
}

/// The tiles of all images, row by row.
struct Grid {
    images: usize,
    height: usize,
    width: usize,
    down: usize,
    across: usize,
}

impl Grid {
    /// The tiles of inputs `[n, channels, h, w]`.
    fn new(size: &[i64]) -> Self {
        let [images, height, width] = [size[0], size[2], size[3]].map(|side| side as usize);
        Grid { images, height, width, down: height.div_ceil(OUT), across: width.div_ceil(OUT) }
    }

    fn tiles(&self) -> usize {
        self.images * self.down * self.across
    }

    /// As many as are transformed together, evenly shared out.
    fn tiles_at_once(&self) -> usize {
        self.tiles().div_ceil(self.tiles().div_ceil(TILES))
    }

    /// The image of a tile, and the row and column of its first output.
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (image, tile) = (tile / (self.down * self.across), tile % (self.down * self.across));
        (image, tile / self.across * OUT, tile % self.across * OUT)
    }
}

/// Transforms the inputs of some tiles to `[tiles, 36, channels]`. Beyond the picture there are zeros.
struct InputTransform<'a> {
    grid: &'a Grid,
    tiles: Range<usize>,
    x: &'a [f32],
    into: &'a mut [f32],
}

impl Work for InputTransform<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let InputTransform { grid, tiles, x, into } = self;
        let channels = x.len() / (grid.images * grid.height * grid.width);
        for (tile, into) in tiles.zip(into.chunks_exact_mut(POINTS * channels)) {
            let (image, top, left) = grid.place(tile);
            for channel in (0..channels).step_by(L::COUNT) {
                let mut columns = [[L::all(0.0); IN]; IN];
                for (col, column) in columns.iter_mut().enumerate() {
                    // One pixel of padding: the tile begins one before its first output.
                    if let Some(x_at) = (left + col).checked_sub(1).filter(|&at| at < grid.width) {
                        for (row, value) in column.iter_mut().enumerate() {
                            if let Some(y_at) = (top + row).checked_sub(1).filter(|&at| at < grid.height) {
                                let pixel = (image * grid.height + y_at) * grid.width + x_at;
                                *value = L::of(&x[pixel * channels + channel..]);
                            }
                        }
                    }
                    *column = input_line(*column);
                }
                for row in 0..IN {
                    let line = input_line(columns.map(|column| column[row]));
                    for (col, value) in line.into_iter().enumerate() {
                        value.put(&mut into[(row * IN + col) * channels + channel..]);
                    }
                }
            }
        }
    }
}

/// Transforms some tiles' products, `[tiles, 36, channels]`, back to `[n, h, w, channels]`, and does what comes at the end.
struct OutputTransform<'a> {
    grid: &'a Grid,
    tiles: Range<usize>,
    product: &'a [f32],
    bias: &'a [f32],
    other: Option<&'a [f32]>,
    end: End,
    into: &'a mut [f32],
}

impl Work for OutputTransform<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let OutputTransform { grid, tiles, product, bias, other, end, into } = self;
        let channels = bias.len();
        for (tile, product) in tiles.zip(product.chunks_exact(POINTS * channels)) {
            let (image, top, left) = grid.place(tile);
            let (height, width) = (OUT.min(grid.height - top), OUT.min(grid.width - left));
            for channel in (0..channels).step_by(L::COUNT) {
                let mut columns = [[L::all(0.0); OUT]; IN];
                for (col, column) in columns.iter_mut().enumerate() {
                    let mut six = [L::all(0.0); IN];
                    for (row, value) in six.iter_mut().enumerate() {
                        *value = L::of(&product[(row * IN + col) * channels + channel..]);
                    }
                    *column = output_line(six);
                }
                let bias = L::of(&bias[channel..]);
                for row in 0..height {
                    let first = (image * grid.height + top + row) * grid.width + left;
                    let line = output_line(columns.map(|column| column[row]));
                    for (col, value) in line.into_iter().enumerate().take(width) {
                        let at = (first + col) * channels + channel;
                        let mut value = value.plus(bias);
                        if let Some(other) = other {
                            value = value.plus(L::of(&other[at..]));
                        }
                        if end == End::Relu {
                            value = value.not_below_zero();
                        }
                        value.put(&mut into[at..]);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn they_are_the_plain_convolution() {
        tch::manual_seed(4);
        let exact = (Kind::Double, Device::Cpu);
        for (images, height, width, inputs, outputs) in [
            (1, 1, 1, 64, 64),
            (2, 3, 9, 64, 80),
            (1, 4, 8, 96, 64),
            (3, 14, 13, 64, 64),
            (5, 7, 7, 128, 64),
            (1, 43, 50, 64, 64),
        ] {
            let x = Tensor::randn([images, inputs, height, width], exact).relu().to_kind(Kind::Float);
            let kernel =
                (Tensor::randn([outputs, inputs, 3, 3], exact) / (3.0 * (inputs as f64).sqrt())).to_kind(Kind::Float);
            let bias = Tensor::randn([outputs], exact).to_kind(Kind::Float);
            let double = |tensor: &Tensor| tensor.to_kind(Kind::Double);
            let plain = double(&x).conv2d(&double(&kernel), Some(&double(&bias)), [1; 2], [1; 2], [1; 2], 1);
            let other = Tensor::randn_like(&plain).to_kind(Kind::Float);
            let x = super::super::fused::channels_last(x);
            let kernel = kernel_transform(&kernel, &x.size()).unwrap();
            let near = |found: Tensor, expected: &Tensor| {
                assert_eq!(found.size(), expected.size());
                let apart = (double(&found) - expected).abs().max().double_value(&[]);
                assert!(apart < 1e-5 * expected.abs().max().double_value(&[]), "{apart}");
            };
            near(convolve(&x, None, &kernel, &bias, End::Plain).unwrap(), &plain);
            near(convolve(&x, None, &kernel, &bias, End::Relu).unwrap(), &plain.relu());
            let summed = &plain + double(&other);
            near(convolve(&x, Some(&other), &kernel, &bias, End::Plain).unwrap(), &summed);
            near(convolve(&x, Some(&other), &kernel, &bias, End::Relu).unwrap(), &summed.relu());
            // The same bytes again.
            let twice = [(); 2].map(|()| convolve(&x, None, &kernel, &bias, End::Plain).unwrap());
            assert!(twice[0].equal(&twice[1]));
        }
    }

    #[test]
    fn another_number_of_channels_is_refused() {
        let options = (Kind::Float, Device::Cpu);
        let kernel = kernel_transform(&Tensor::zeros([64, 64, 3, 3], options), &[1, 64, 8, 8]).unwrap();
        let error =
            convolve(&Tensor::zeros([1, 32, 8, 8], options), None, &kernel, &Tensor::zeros([64], options), End::Plain);
        assert!(error.unwrap_err().to_string().contains("[1, 32, 8, 8], expected [n, 64,"));
    }
}
