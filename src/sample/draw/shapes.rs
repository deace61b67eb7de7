//! The ten shapes: what a person would cut out of paper, in (row, col) about -1..1, rows downwards.

use rand_chacha::ChaCha8Rng;

use super::chance::{between, count};
use super::outline::{Part, Point, arc, area, disc, line, slab, smooth};

/// The parts of shape `class` (0..10), with proportions of its own.
pub(super) fn parts(class: usize, rng: &mut ChaCha8Rng) -> Vec<Part> {
    const SHAPES: [fn(&mut ChaCha8Rng) -> Vec<Part>; 10] = [
        tench,
        english_springer,
        cassette_player,
        chain_saw,
        church,
        french_horn,
        garbage_truck,
        gas_pump,
        golf_ball,
        parachute,
    ];
    SHAPES[class](rng)
}

/// Body, forked tail, fins, eye and gill.
fn tench(rng: &mut ChaCha8Rng) -> Vec<Part> {
    let deep = between(rng, 0.36, 0.48);
    let tail = between(rng, 0.34, 0.46);
    let fin = between(rng, 0.14, 0.24);
    let body = [
        [0.02, -1.08],
        [-0.7 * deep, -0.8],
        [-1.15 * deep, -0.3],
        [-deep, 0.15],
        [-0.4 * deep, 0.55],
        [-0.1, 0.78],
        [0.1, 0.78],
        [0.4 * deep, 0.55],
        [deep, 0.15],
        [1.15 * deep, -0.3],
        [0.7 * deep, -0.8],
    ];
    vec![
        area(&smooth(&body), 0.0),
        area(
            &[
                [-0.06, 0.62],
                [-tail, 0.98],
                [-0.7 * tail, 1.04],
                [0.0, 0.86],
                [0.7 * tail, 1.04],
                [tail, 0.98],
                [0.06, 0.62],
            ],
            0.03,
        ),
        area(&[[-0.8 * deep, -0.32], [-deep - fin, -0.05], [-deep - 0.8 * fin, 0.22], [-0.5 * deep, 0.36]], 0.03),
        area(&[[0.7 * deep, 0.05], [deep + 0.7 * fin, 0.28], [0.4 * deep, 0.42]], 0.03),
        area(&[[0.8 * deep, -0.4], [deep + 0.8 * fin, -0.2], [0.8 * deep, -0.1]], 0.03),
        disc(-0.1, -0.78, 0.065).cut(),
        line(&[[-0.5 * deep, -0.54], [0.0, -0.47], [0.5 * deep, -0.54]], 0.022).cut(),
    ]
}

/// A standing dog from the side: hanging ear, four legs, tail up.
fn english_springer(rng: &mut ChaCha8Rng) -> Vec<Part> {
    let leg = between(rng, 0.6, 0.76);
    let stout = between(rng, 0.26, 0.32);
    let step = between(rng, -0.07, 0.09);
    let tail = between(rng, 0.3, 0.5);
    let head: Point = [between(rng, -0.62, -0.5), -0.72];
    vec![
        line(&[[0.0, -0.36], [0.02, 0.42]], stout),
        line(&[[-0.05, -0.4], [head[0] + 0.08, head[1] + 0.1]], 0.2),
        disc(head[0], head[1], 0.23),
        area(
            &[
                [head[0] - 0.06, head[1] - 0.1],
                [head[0] + 0.0, head[1] - 0.42],
                [head[0] + 0.12, head[1] - 0.42],
                [head[0] + 0.14, head[1] - 0.05],
            ],
            0.05,
        ),
        line(&[[0.1, -0.46], [leg, -0.5 - step]], 0.1),
        line(&[[0.1, -0.3], [leg, -0.24 + step]], 0.1),
        line(&[[0.05, 0.5], [0.45 * leg, 0.62], [leg, 0.6 + step]], 0.1),
        line(&[[0.1, 0.38], [0.45 * leg, 0.4], [leg, 0.34 - step]], 0.1),
        line(&[[-0.1, 0.62], [-0.1 - 0.4 * tail, 0.84], [-0.1 - tail, 0.9]], 0.07),
        line(
            &[[head[0] - 0.05, head[1] + 0.12], [head[0] + 0.16, head[1] + 0.2], [head[0] + 0.36, head[1] + 0.16]],
            0.11,
        ),
        line(
            &[[head[0] - 0.08, head[1] + 0.0], [head[0] + 0.16, head[1] + 0.06], [head[0] + 0.36, head[1] + 0.03]],
            0.022,
        )
        .cut(),
        disc(head[0] - 0.06, head[1] - 0.14, 0.045).cut(),
    ]
}

/// A wide box with a carrying handle, two reels and a tape window.
fn cassette_player(rng: &mut ChaCha8Rng) -> Vec<Part> {
    let half = between(rng, 0.46, 0.56);
    let reel = between(rng, 0.23, 0.28);
    let apart = between(rng, 0.5, 0.58);
    let handle = between(rng, 0.26, 0.36);
    let mut parts = vec![
        slab(-half, -1.0, half, 1.0, 0.08),
        line(&[[-half, -0.7], [-half - handle, -0.64], [-half - handle, 0.64], [-half, 0.7]], 0.07),
        slab(-0.12, -0.13, 0.16, 0.13, 0.03).cut(),
    ];
    for side in [-apart, apart] {
        parts.extend([disc(0.04, side, reel).cut(), disc(0.04, side, 0.5 * reel)]);
    }
    parts
}

/// A motor block with a loop handle, a hand guard and a long toothed bar.
fn chain_saw(rng: &mut ChaCha8Rng) -> Vec<Part> {
    let bar = between(rng, 0.19, 0.23);
    let long = between(rng, 0.95, 1.15);
    let block = between(rng, 0.42, 0.5);
    let middle = 0.12;
    let (top, bottom) = (middle - block, middle + block);
    let mut parts = vec![
        slab(top, -0.1, bottom, 0.62, 0.1),
        line(&[[middle, 0.0], [middle, -long]], bar),
        line(&[[top + 0.2, 0.5], [top + 0.16, 0.94], [bottom - 0.26, 1.0], [bottom - 0.14, 0.5]], 0.1),
        line(&[[top, 0.02], [top - 0.26, 0.08], [top - 0.24, 0.5], [top, 0.52]], 0.085),
        line(&[[top + 0.2, -0.04], [top - 0.16, -0.24]], 0.07),
        line(&[[middle, -0.35], [middle, -long + 0.05]], 0.024).cut(),
    ];
    let teeth = count(rng, 5, 6);
    let pitch = (long - 0.2) / teeth as f32;
    for tooth in 0..teeth {
        let col = -0.22 - pitch * (tooth as f32 + 0.5);
        for side in [-1.0, 1.0] {
            let edge = middle + side * (bar - 0.03);
            let tip = middle + side * (bar + 0.1);
            parts
                .push(area(&[[edge, col - 0.35 * pitch], [tip, col - 0.35 * pitch], [edge, col + 0.35 * pitch]], 0.01));
        }
    }
    parts
}

/// A nave with a pitched roof, a tower with a spire and a cross, arched door and windows.
fn church(rng: &mut ChaCha8Rng) -> Vec<Part> {
    let tower = between(rng, 0.24, 0.3);
    let spire = between(rng, 0.62, 0.8);
    let nave = between(rng, 0.95, 1.2);
    let eaves = between(rng, 0.22, 0.34);
    let ridge = eaves - between(rng, 0.34, 0.46);
    let left = -0.55;
    let top = -0.3;
    let (mid, right) = (left, left + tower + nave);
    let cross = top - spire;
    let mut parts = vec![
        slab(top, mid - tower, 0.95, mid + tower, 0.01),
        area(&[[top + 0.04, mid - tower - 0.08], [top - spire, mid], [top + 0.04, mid + tower + 0.08]], 0.01),
        line(&[[cross - 0.24, mid], [cross + 0.1, mid]], 0.04),
        line(&[[cross - 0.13, mid - 0.11], [cross - 0.13, mid + 0.11]], 0.04),
        slab(eaves - 0.04, mid, 0.95, right, 0.01),
        area(&[[eaves + 0.04, mid], [ridge, mid], [ridge, right - 0.2], [eaves + 0.04, right + 0.1]], 0.01),
        line(&[[0.66, mid], [1.0, mid]], 0.11).cut(),
        disc(0.0, mid, 0.09).cut(),
    ];
    let windows = count(rng, 2, 3);
    for window in 0..windows {
        let col = mid + tower + nave * (window as f32 + 0.5) / windows as f32;
        parts.push(line(&[[eaves + 0.26, col], [eaves + 0.4, col]], 0.065).cut());
    }
    parts
}

/// Two coils, one within the other, a bell that flares downwards at their side, a mouth pipe at the other.
fn french_horn(rng: &mut ChaCha8Rng) -> Vec<Part> {
    let coil = between(rng, 0.52, 0.58);
    let inner = coil * between(rng, 0.36, 0.44);
    let tube = between(rng, 0.11, 0.13);
    let bell = between(rng, 0.42, 0.5);
    let pipe = between(rng, 0.2, 0.34);
    let throat = coil + 0.12;
    let mouth = between(rng, 0.98, 1.1);
    vec![
        disc(0.0, 0.0, coil + tube),
        disc(0.0, 0.0, coil - tube).cut(),
        disc(0.0, 0.0, inner + 0.75 * tube),
        disc(0.0, 0.0, inner - 0.75 * tube).cut(),
        line(&[[-0.7 * inner, -0.7 * inner], [-0.7 * coil, -0.7 * coil]], 0.75 * tube),
        line(&[[0.7 * inner, 0.7 * inner], [0.7 * coil, 0.7 * coil]], 0.75 * tube),
        // The bell: a throat that leaves the coil at its right, hollow flanks, a wide mouth.
        area(
            &[
                [-0.35, coil - 0.16],
                [0.0, coil - 0.08],
                [0.4, throat - 0.15],
                [0.64, throat - 0.19],
                [0.84, throat + 0.13 - bell],
                [mouth - 0.02, throat - bell],
                [mouth + 0.04, throat],
                [mouth - 0.02, throat + bell],
                [0.84, throat - 0.13 + bell],
                [0.64, throat + 0.19],
                [0.4, throat + 0.15],
                [0.0, coil + 0.1],
                [-0.35, coil - 0.02],
            ],
            0.03,
        ),
        line(&[[-0.7 * coil, -0.7 * coil], [-coil - 0.12, -coil - pipe]], 0.75 * tube),
        disc(-coil - 0.14, -coil - pipe - 0.03, 1.25 * tube),
    ]
}

/// A tall container with a slanted back, a cab with a window, wheels.
fn garbage_truck(rng: &mut ChaCha8Rng) -> Vec<Part> {
    let roof = between(rng, -0.62, -0.5);
    let cab = between(rng, 0.4, 0.48);
    let wheel = between(rng, 0.18, 0.22);
    let slant = between(rng, 0.16, 0.3);
    let gap = -1.0 + cab;
    let mut parts = vec![
        area(&[[roof, gap + 0.09], [roof, 0.98 - slant], [-0.1, 0.98], [0.38, 0.98], [0.38, gap + 0.09]], 0.02),
        area(&[[roof + 0.28, -0.84], [roof + 0.28, gap], [0.4, gap], [0.4, -1.0], [0.02, -0.98]], 0.03),
        slab(0.28, -0.98, 0.46, 0.96, 0.02),
        area(&[[roof + 0.36, -0.78], [roof + 0.36, gap - 0.1], [0.0, gap - 0.1], [0.0, -0.87]], 0.02).cut(),
        line(&[[roof + 0.16, 0.98 - slant - 0.22], [0.22, 0.98 - 0.28]], 0.025).cut(),
    ];
    for col in [-0.72, 0.28, 0.7] {
        parts.extend([disc(0.5, col, wheel + 0.05).cut(), disc(0.52, col, wheel), disc(0.52, col, 0.35 * wheel).cut()]);
    }
    parts
}

/// A pillar with a display on a plinth, and a hose that hangs at its side.
fn gas_pump(rng: &mut ChaCha8Rng) -> Vec<Part> {
    let half = between(rng, 0.4, 0.48);
    let window = between(rng, 0.24, 0.32);
    let droop = between(rng, 0.45, 0.62);
    let reach = half + between(rng, 0.36, 0.46);
    vec![
        slab(-0.95, -half, 0.9, half, 0.1),
        slab(0.8, -half - 0.14, 1.0, half + 0.14, 0.03),
        slab(-0.76, 0.14 - half, -0.76 + window, half - 0.14, 0.03).cut(),
        line(&[[-0.26, 0.16 - half], [-0.26, half - 0.16]], 0.03).cut(),
        line(
            &[
                [0.1, half - 0.05],
                [0.2, half + 0.14],
                [droop, half + 0.2],
                [droop + 0.06, reach - 0.06],
                [droop - 0.14, reach],
                [-0.3, reach],
                [-0.56, reach - 0.1],
            ],
            0.065,
        ),
        line(&[[-0.5, reach - 0.08], [-0.72, half + 0.1], [-0.66, half - 0.05]], 0.09),
    ]
}

/// A ball just above the cup of a tee.
fn golf_ball(rng: &mut ChaCha8Rng) -> Vec<Part> {
    let tee = between(rng, 0.42, 0.6);
    let cup = between(rng, 0.3, 0.38);
    let ball = 0.78;
    let tip = ball + tee;
    vec![
        area(
            &[[0.64, -cup], [0.64, cup], [0.8, cup], [0.96, 0.1], [tip, 0.05], [tip, -0.05], [0.96, -0.1], [0.8, -cup]],
            0.03,
        ),
        disc(0.0, 0.0, ball + 0.05).cut(),
        disc(0.0, 0.0, ball),
    ]
}

/// A scalloped canopy, cords that meet, a small load.
fn parachute(rng: &mut ChaCha8Rng) -> Vec<Part> {
    let dome = between(rng, 0.72, 0.88);
    let drop = between(rng, 0.75, 0.95);
    let load = between(rng, 0.12, 0.16);
    let gores = count(rng, 3, 5);
    let mut canopy = arc([0.0, 0.0], 1.0, 8..=16);
    canopy.iter_mut().for_each(|point| point[0] *= dome);
    // Points close to the corners of the hem keep it straight when the curve is smoothed.
    canopy.extend([[0.0, 0.96], [0.0, -0.96]]);
    let mut parts = vec![area(&smooth(&canopy), 0.04)];
    let wide = 1.0 / gores as f32;
    for gore in 0..gores {
        parts.push(disc(0.09 + 0.3 * wide, -1.0 + wide * (2 * gore + 1) as f32, 0.95 * wide).cut());
    }
    for gore in 0..=gores {
        parts.push(line(&[[0.0, -1.0 + 2.0 * wide * gore as f32], [drop, 0.0]], 0.024));
    }
    parts.push(slab(drop - 0.08, -load, drop + 1.6 * load, load, 0.04));
    parts
}
