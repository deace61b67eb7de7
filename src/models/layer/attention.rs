//! Self-attention: of all tokens (Dosovitskiy et al. 2021), or of the places of windows (Liu et al. 2021, "Swin").

use tch::Tensor;

use crate::error::Result;
use crate::models::refused::TchResult;
use crate::models::weights::{Weights, named};

/// What each of some places takes of the others' values: shares by the softmax of query times key over the root of a head's
/// features.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Heads, each of an equal part of the features.
    pub heads: i64,
    /// Windows that do not see each other; none where all tokens do.
    pub windows: Option<Windows>,
}

/// Square windows of a grid of places, moved by some places to the upper left in every other layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    /// Places along a side.
    pub side: i64,
    /// By how many they are moved; what is moved around the edge does not see what it comes to lie beside.
    pub shift: i64,
    /// The name of the table of relative positions, `[(2 side - 1)^2, heads]`, added before the softmax.
    pub table: String,
    /// The name of the bias of the layer before: what stands where a window reaches beyond the grid.
    pub beyond: String,
}

/// The parts of an attention for one input: `[windows, heads, places, features of a head]` each; and what is added to the
/// scores before the softmax.
#[derive(Debug)]
pub struct Signals {
    /// What each place looks for.
    pub query: Tensor,
    /// What it is found by.
    pub key: Tensor,
    /// What is taken of it.
    pub value: Tensor,
    offset: Option<Tensor>,
}

impl Signals {
    /// What scores are multiplied with: one over the root of a head's features.
    pub fn scale(&self) -> f64 {
        1.0 / (self.query.size()[3] as f64).sqrt()
    }

    /// The shares of each place, `[windows, heads, places, places]`, which sum to 1.
    ///
    /// # Errors
    /// [`Code::Memory`](crate::error::Code::Memory) without the memory.
    pub fn shares(&self) -> Result<Tensor> {
        let mut scores = (&self.query * self.scale()).f_matmul(&self.key.transpose(2, 3))?;
        if let Some(offset) = &self.offset {
            // The same for every picture: windows by heads.
            let size = scores.size();
            let windows = offset.size()[0];
            scores =
                (scores.f_view([size[0] / windows, windows, size[1], size[2], size[3]])? + offset).f_view(&size[..])?;
        }
        Ok(scores.f_softmax(3, None)?)
    }

    fn mixed(&self) -> Result<Tensor> {
        Ok(match self.offset {
            Some(_) => self.shares()?.f_matmul(&self.value)?,
            None => Tensor::f_scaled_dot_product_attention(
                &self.query,
                &self.key,
                &self.value,
                None::<&Tensor>,
                0.0,
                false,
                None,
                false,
            )?,
        })
    }
}

impl Attention {
    /// The table of relative positions, by name, with its shape.
    pub(super) fn table(&self) -> Option<(&str, [i64; 2])> {
        let windows = self.windows.as_ref()?;
        Some((&windows.table, [(2 * windows.side - 1).pow(2), self.heads]))
    }

    /// Two products of all pairs of places, for one picture's output of a shape.
    pub(super) fn multiply_adds(&self, output: &[i64]) -> i64 {
        let places: i64 = output[..output.len() - 1].iter().product();
        let seen = self.windows.as_ref().map_or(places, |windows| windows.side.pow(2));
        2 * places * seen * output[output.len() - 1]
    }

    pub(super) fn forward(&self, weights: &Weights, x: &Tensor) -> Result<TchResult> {
        let signals = self.signals(weights, x)?;
        Ok(self.joined(&signals.mixed()?, &x.size()))
    }

    /// Query, key and value of an input `[n, tokens, 3 features]` or `[n, h, w, 3 features]`.
    ///
    /// # Errors
    /// [`Code::Checkpoint`](crate::error::Code::Checkpoint) if a tensor is missing; what libtorch refuses.
    pub fn signals(&self, weights: &Weights, x: &Tensor) -> Result<Signals> {
        let (x, offset) = match &self.windows {
            None => (x.shallow_clone(), None),
            Some(windows) => {
                let grid = Grid::of(windows, &x.size());
                let beyond = named(weights, &windows.beyond)?;
                (grid.parted(x, Some(beyond))?, Some(grid.offset(named(weights, &windows.table)?)?))
            }
        };
        let size = x.size();
        let parts =
            x.f_reshape([size[0], size[1], 3, self.heads, size[2] / 3 / self.heads])?.f_permute([2, 0, 3, 1, 4])?;
        let part = |number: i64| parts.f_select(0, number);
        Ok(Signals { query: part(0)?, key: part(1)?, value: part(2)?, offset })
    }

    /// What lies on heads and windows, at its places: of `[windows, heads, places, features]` for an input of a size.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn joined(&self, parts: &Tensor, size: &[i64]) -> TchResult {
        let of = parts.size();
        let together = parts.f_transpose(1, 2)?.f_reshape([of[0], of[2], of[1] * of[3]])?;
        match &self.windows {
            None => Ok(together),
            Some(windows) => Grid::of(windows, size).whole(&together),
        }
    }

    /// What lies at places, on heads and windows: the way back of [`Attention::joined`].
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn parted(&self, whole: &Tensor) -> TchResult {
        let x = match &self.windows {
            None => whole.shallow_clone(),
            Some(windows) => Grid::of(windows, &whole.size()).parted(whole, None)?,
        };
        let size = x.size();
        x.f_reshape([size[0], size[1], self.heads, size[2] / self.heads])?.f_transpose(1, 2)
    }

    /// [`Attention::joined`] for query, key and value together: the way back of [`Attention::signals`].
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn gathered(&self, parts: [&Tensor; 3], size: &[i64]) -> TchResult {
        let each: std::result::Result<Vec<Tensor>, _> = parts.iter().map(|part| self.joined(part, size)).collect();
        Tensor::f_cat(&each?, -1)
    }
}

/// Windows on a grid of one size.
struct Grid {
    /// Height and width of the input, and those rounded up to whole windows.
    inner: [i64; 2],
    outer: [i64; 2],
    side: i64,
    /// By how many rows and columns windows are moved: not along a side that one window covers.
    shift: [i64; 2],
}

impl Grid {
    fn of(windows: &Windows, size: &[i64]) -> Self {
        let inner = [size[1], size[2]];
        let outer = inner.map(|side| (side + windows.side - 1) / windows.side * windows.side);
        let shift = outer.map(|side| if side <= windows.side { 0 } else { windows.shift });
        Grid { inner, outer, side: windows.side, shift }
    }

    /// How many windows there are.
    fn count(&self) -> i64 {
        self.outer[0] / self.side * (self.outer[1] / self.side)
    }

    /// `[n, h, w, c]` as `[n windows, places, c]`; `beyond` is what stands beyond the input.
    fn parted(&self, x: &Tensor, beyond: Option<&Tensor>) -> TchResult {
        let size = x.size();
        let more = [self.outer[0] - self.inner[0], self.outer[1] - self.inner[1]];
        let mut x = x.shallow_clone();
        if more != [0, 0] {
            x = x.f_constant_pad_nd([0, 0, 0, more[1], 0, more[0]])?;
            if let Some(beyond) = beyond {
                let inside = Tensor::f_ones([1, self.inner[0], self.inner[1], 1], (x.kind(), x.device()))?;
                let outside = inside.f_constant_pad_nd([0, 0, 0, more[1], 0, more[0]])?.f_neg()?.f_add_scalar(1.0)?;
                x = x.f_add(&(outside * beyond))?;
            }
        }
        if self.shift != [0, 0] {
            x = x.f_roll([-self.shift[0], -self.shift[1]], [1, 2])?;
        }
        let (s, [h, w]) = (self.side, self.outer);
        let squares = x.f_reshape([size[0], h / s, s, w / s, s, size[3]])?.f_permute([0, 1, 3, 2, 4, 5])?;
        squares.f_reshape([size[0] * self.count(), s * s, size[3]])
    }

    /// The way back of [`Grid::parted`]; what lies beyond the input is dropped.
    fn whole(&self, x: &Tensor) -> TchResult {
        let size = x.size();
        let (s, [h, w], n) = (self.side, self.outer, size[0] / self.count());
        let squares = x.f_reshape([n, h / s, w / s, s, s, size[2]])?.f_permute([0, 1, 3, 2, 4, 5])?;
        let mut x = squares.f_reshape([n, h, w, size[2]])?;
        if self.shift != [0, 0] {
            x = x.f_roll(self.shift, [1, 2])?;
        }
        x.f_narrow(1, 0, self.inner[0])?.f_narrow(2, 0, self.inner[1])
    }

    /// What is added to scores, `[windows or 1, heads, places, places]`: a number by relative position, and -100 between
    /// places that only the shift has brought together (torchvision's `shifted_window_attention`).
    fn offset(&self, table: &Tensor) -> Result<Tensor> {
        let (s, places) = (self.side, self.side * self.side);
        let at = |place: i64| (place / s, place % s);
        let of = |(a, b): (i64, i64)| {
            let ((row, col), (other_row, other_col)) = (at(a), at(b));
            (row - other_row + s - 1) * (2 * s - 1) + col - other_col + s - 1
        };
        let numbers: Vec<i64> = (0..places * places).map(|pair| of((pair / places, pair % places))).collect();
        let numbers = Tensor::from_slice(&numbers).to_device(table.device());
        let relative = table.f_index_select(0, &numbers)?.f_view([1, places, places, -1])?.f_permute([0, 3, 1, 2])?;
        if self.shift == [0, 0] {
            return Ok(relative.f_contiguous()?);
        }
        // Which of three bands of rows and columns a place is of.
        let band = |place: i64, axis: usize| match self.shift[axis] {
            0 => 0,
            _ if place < self.outer[axis] - s => 0,
            shift if place < self.outer[axis] - shift => 1,
            _ => 2,
        };
        let [h, w] = self.outer;
        let bands: Vec<f32> = (0..h * w).map(|place| (band(place / w, 0) * 3 + band(place % w, 1)) as f32).collect();
        let bands = Tensor::from_slice(&bands).view([1, h, w, 1]).to_device(table.device());
        let unmoved = Grid { shift: [0, 0], inner: self.outer, ..*self };
        let bands = unmoved.parted(&bands, None)?.f_view([-1, 1, places])?;
        let apart = bands.f_ne_tensor(&bands.transpose(1, 2))?.to_kind(table.kind()) * -100.0;
        Ok((relative + apart.f_unsqueeze(1)?).f_contiguous()?)
    }
}
