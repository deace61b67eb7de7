//! Outlines as data: lists of rounded lines and areas, added or cut, and the one engine that places and fills them.

use rand_chacha::ChaCha8Rng;

use super::chance::{between, coin, turn};

/// (row, col); in a shape's own frame about -1..1, after [`place`] in pixels.
pub(super) type Point = [f32; 2];

/// Whether a part covers a line or all that the line encloses.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    Line,
    Area,
}

/// Whether a part belongs to the figure or is taken out of what the parts before it cover.
#[derive(Clone, Copy, PartialEq)]
enum Effect {
    Add,
    Cut,
}

/// All points within `radius` of a line through `points`, or of the area it encloses.
#[derive(Clone)]
pub(super) struct Part {
    points: Vec<Point>,
    radius: f32,
    extent: Extent,
    effect: Effect,
}

/// A disc around (`row`, `col`).
pub(super) fn disc(row: f32, col: f32, radius: f32) -> Part {
    line(&[[row, col]], radius)
}

/// A stroke through `points`, `2 * radius` wide, with round ends.
pub(super) fn line(points: &[Point], radius: f32) -> Part {
    Part { points: points.to_vec(), radius, extent: Extent::Line, effect: Effect::Add }
}

/// The polygon `points`, grown by `radius`, which rounds its corners.
pub(super) fn area(points: &[Point], radius: f32) -> Part {
    Part { points: points.to_vec(), radius, extent: Extent::Area, effect: Effect::Add }
}

/// An upright rectangle from corner to corner, with corners rounded by `radius`.
pub(super) fn slab(row_min: f32, col_min: f32, row_max: f32, col_max: f32, radius: f32) -> Part {
    let (top, left, bottom, right) = (row_min + radius, col_min + radius, row_max - radius, col_max - radius);
    area(&[[top, left], [top, right], [bottom, right], [bottom, left]], radius)
}

impl Part {
    /// The same part, taken out instead of added.
    pub(super) fn cut(mut self) -> Part {
        self.effect = Effect::Cut;
        self
    }
}

/// The closed line through `points` with its corners cut twice (Chaikin 1974): a smooth curve.
pub(super) fn smooth(points: &[Point]) -> Vec<Point> {
    let mut curve = points.to_vec();
    for _ in 0..2 {
        let next = curve.iter().cycle().skip(1);
        curve = curve
            .iter()
            .zip(next)
            .flat_map(|(a, b)| [0.25, 0.75].map(|t| [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]))
            .collect();
    }
    curve
}

/// Points on a circle, a sixteenth of a turn apart; sixteenth 0 is to the right, 4 below, 8 to the left, 12 above.
pub(super) fn arc(center: Point, radius: f32, sixteenths: std::ops::RangeInclusive<u32>) -> Vec<Point> {
    /// Cosines of 0, 22.5, ..., 90 degrees.
    const COSINES: [f32; 5] = [1.0, 0.923_879_5, 0.707_106_77, 0.382_683_43, 0.0];
    let cosine = |k: u32| match k % 16 {
        k @ 0..=4 => COSINES[k as usize],
        k @ 5..=8 => -COSINES[8 - k as usize],
        k @ 9..=12 => -COSINES[k as usize - 8],
        k => COSINES[16 - k as usize],
    };
    sixteenths.map(|k| [center[0] + radius * cosine(k + 12), center[1] + radius * cosine(k)]).collect()
}

/// An upright rectangle of the picture, in pixels, that a figure is fitted into.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) row: f32,
    pub(super) col: f32,
    pub(super) height: f32,
    pub(super) width: f32,
}

/// Turns, mirrors, stretches and scales a shape so that it takes `share` of `frame`, at a random place within it.
pub(super) fn place(parts: &mut [Part], frame: Frame, share: f32, rng: &mut ChaCha8Rng) {
    /// Tangent of half of 45 degrees: the most that a figure is turned.
    const TURN: f32 = 0.414;
    /// Longest stretch of one axis against the other.
    const STRETCH: f32 = 1.25;

    let (cosine, sine) = turn(rng, TURN);
    let wide = between(rng, 1.0 / STRETCH, STRETCH);
    let mirror = if coin(rng) { -wide } else { wide };
    for point in parts.iter_mut().flat_map(|part| &mut part.points) {
        let [row, col] = [point[0], point[1] * mirror];
        *point = [row * cosine + col * sine, col * cosine - row * sine];
    }
    let mut low = [f32::MAX; 2];
    let mut high = [f32::MIN; 2];
    for part in parts.iter().filter(|part| part.effect == Effect::Add) {
        for axis in 0..2 {
            low[axis] = part.points.iter().fold(low[axis], |low, p| low.min(p[axis] - part.radius));
            high[axis] = part.points.iter().fold(high[axis], |high, p| high.max(p[axis] + part.radius));
        }
    }
    let extent = [high[0] - low[0], high[1] - low[1]];
    let scale = share * (frame.height / extent[0]).min(frame.width / extent[1]);
    let shift = [
        frame.row + between(rng, 0.0, frame.height - scale * extent[0]) - scale * low[0],
        frame.col + between(rng, 0.0, frame.width - scale * extent[1]) - scale * low[1],
    ];
    for part in parts {
        part.radius *= scale;
        for point in &mut part.points {
            *point = [point[0] * scale + shift[0], point[1] * scale + shift[1]];
        }
    }
}

/// One straight piece of a part's line.
struct Segment {
    start: Point,
    along: Point,
    /// 1 over the squared length; 0 for a single point.
    inverse: f32,
}

/// A part made ready for measuring.
struct Measured {
    segments: Vec<Segment>,
    radius: f32,
    extent: Extent,
    effect: Effect,
}

impl Measured {
    fn new(part: &Part) -> Measured {
        let n = part.points.len();
        let pieces = if part.extent == Extent::Area { n } else { (n - 1).max(1) };
        let segments = (0..pieces)
            .map(|i| {
                let (start, end) = (part.points[i], part.points[(i + 1) % n]);
                let along = [end[0] - start[0], end[1] - start[1]];
                let square = along[0] * along[0] + along[1] * along[1];
                Segment { start, along, inverse: if square > 0.0 { 1.0 / square } else { 0.0 } }
            })
            .collect();
        Measured { segments, radius: part.radius, extent: part.extent, effect: part.effect }
    }

    /// Signed distance in pixels, negative within the part.
    fn distance(&self, [row, col]: Point) -> f32 {
        let mut least = f32::MAX;
        let mut inside = false;
        for Segment { start, along, inverse } in &self.segments {
            let to = [row - start[0], col - start[1]];
            let t = ((to[0] * along[0] + to[1] * along[1]) * inverse).clamp(0.0, 1.0);
            let off = [to[0] - along[0] * t, to[1] - along[1] * t];
            least = least.min(off[0] * off[0] + off[1] * off[1]);
            // Even-odd rule: a ray to the right crosses this piece.
            let crosses = (to[0] >= 0.0) != (to[0] >= along[0]);
            inside ^= crosses && (to[1] * along[0] < to[0] * along[1]) == (along[0] > 0.0);
        }
        let distance = least.sqrt();
        (if self.extent == Extent::Area && inside { -distance } else { distance }) - self.radius
    }
}

/// Calls `paint(row, col, distance)` for each pixel nearer than `margin` to the figure or within it.
///
/// `distance` is signed, in pixels, negative inside; deeper than `margin` it is only a bound. At most 64 parts.
/// Square blocks are halved down to 4 pixels only where the outline runs, and carry only the parts that reach them.
pub(super) fn fill(parts: &[Part], (height, width): (u32, u32), margin: f32, mut paint: impl FnMut(u32, u32, f32)) {
    /// Sides of the largest and of the smallest block, in pixels.
    const BLOCKS: (u32, u32) = (32, 4);
    /// Half the diagonal of a square, for each pixel of its side.
    const HALF_DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;

    let parts: Vec<Measured> = parts.iter().map(Measured::new).collect();
    assert!(parts.len() <= 64, "an outline has at most 64 parts, not {}", parts.len());
    let measure = |point: Point, reach: f32, among: u64| {
        let (mut distance, mut near, mut left) = (f32::MAX, 0, among);
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            let own = parts[index].distance(point);
            if own > reach {
                continue;
            }
            near |= 1 << index;
            distance = if parts[index].effect == Effect::Add { distance.min(own) } else { distance.max(-own) };
        }
        (distance, near)
    };
    let all = if parts.len() == 64 { u64::MAX } else { (1 << parts.len()) - 1 };
    let mut blocks: Vec<(u32, u32, u32, u64)> = Vec::new();
    for row in (0..height).step_by(BLOCKS.0 as usize) {
        for col in (0..width).step_by(BLOCKS.0 as usize) {
            blocks.push((row, col, BLOCKS.0, all));
        }
    }
    while let Some((top, left, side, among)) = blocks.pop() {
        if top >= height || left >= width {
            continue;
        }
        let half = side as f32 / 2.0;
        let reach = side as f32 * HALF_DIAGONAL + margin;
        let (distance, near) = measure([top as f32 + half, left as f32 + half], reach, among);
        if distance > reach {
            continue;
        }
        let pixels = (top..height.min(top + side)).flat_map(|r| (left..width.min(left + side)).map(move |c| (r, c)));
        if distance < -reach {
            pixels.for_each(|(row, col)| paint(row, col, distance));
        } else if side > BLOCKS.1 {
            let half = side / 2;
            blocks.extend([(0, 0), (0, half), (half, 0), (half, half)].map(|(r, c)| (top + r, left + c, half, near)));
        } else {
            for (row, col) in pixels {
                let (distance, _) = measure([row as f32 + 0.5, col as f32 + 0.5], f32::MAX, near);
                if distance < margin {
                    paint(row, col, distance);
                }
            }
        }
    }
}
