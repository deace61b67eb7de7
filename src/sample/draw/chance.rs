//! Random numbers and noise, from integer arithmetic, `+ - * /` and square roots alone: the same bits on every machine.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A number in `low..high`, uniform, with 24 random bits.
pub(in crate::sample) fn between(rng: &mut ChaCha8Rng, low: f32, high: f32) -> f32 {
    const UNIT: f32 = 1.0 / (1u32 << 24) as f32;
    low + (high - low) * ((rng.next_u32() >> 8) as f32 * UNIT)
}

/// A whole number in `low..=high`.
pub(in crate::sample) fn count(rng: &mut ChaCha8Rng, low: u32, high: u32) -> u32 {
    low + ((u64::from(rng.next_u32()) * u64::from(high - low + 1)) >> 32) as u32
}

/// True for one draw in two.
pub(in crate::sample) fn coin(rng: &mut ChaCha8Rng) -> bool {
    rng.next_u32() >> 31 == 1
}

/// A generator of its own, seeded by the next 32 bytes: what it draws never shifts what the others draw.
pub(in crate::sample) fn branch(rng: &mut ChaCha8Rng) -> ChaCha8Rng {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    ChaCha8Rng::from_seed(seed)
}

/// (cosine, sine) of an angle within ± `2 atan(reach)`; `reach` 1 gives ± 90 degrees, 0.176 gives ± 20 degrees.
///
/// From the tangent of half the angle, so that no platform's own sine decides a bit.
pub(in crate::sample) fn turn(rng: &mut ChaCha8Rng, reach: f32) -> (f32, f32) {
    let half_tangent = between(rng, -reach, reach);
    let square = half_tangent * half_tangent;
    ((1.0 - square) / (1.0 + square), 2.0 * half_tangent / (1.0 + square))
}

/// The largest whole number not above `x`; `f32::floor` is a library call on plain x86-64.
pub(in crate::sample) fn floor(x: f32) -> i32 {
    let whole = x as i32;
    whole - i32::from(x < whole as f32)
}

/// `x` split into whole part and remainder in `0..1`.
pub(in crate::sample) fn split(x: f32) -> (i32, f32) {
    let whole = floor(x);
    (whole, x - whole as f32)
}

/// A number in `0..1` that belongs to the lattice point (`row`, `col`) of the field `seed`.
pub(in crate::sample) fn hash(seed: u32, row: i32, col: i32) -> f32 {
    // Odd multipliers and shifts of the "lowbias32" hash (C. Wellons, 2018).
    let mut x = seed ^ (row as u32).wrapping_mul(0x9e37_79b1) ^ (col as u32).wrapping_mul(0x85eb_ca77);
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    ((x ^ (x >> 16)) >> 8) as f32 * (1.0 / (1u32 << 24) as f32)
}

/// Smooth value noise in `0..1` with features about one unit wide.
pub(in crate::sample) fn noise(seed: u32, row: f32, col: f32) -> f32 {
    let ((i, y), (j, x)) = (split(row), split(col));
    let (y, x) = (y * y * (3.0 - 2.0 * y), x * x * (3.0 - 2.0 * x));
    let above = mix(hash(seed, i, j), hash(seed, i, j + 1), x);
    let below = mix(hash(seed, i + 1, j), hash(seed, i + 1, j + 1), x);
    mix(above, below, y)
}

/// `a` at share 0, `b` at share 1, straight between.
pub(in crate::sample) fn mix(a: f32, b: f32, share: f32) -> f32 {
    a + (b - a) * share
}

/// 0 well below `edge`, 1 well above, a straight ramp of the width `soft` around it.
pub(in crate::sample) fn step(x: f32, edge: f32, soft: f32) -> f32 {
    ((x - edge) / soft + 0.5).clamp(0.0, 1.0)
}
