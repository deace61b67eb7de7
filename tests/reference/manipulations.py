"""Manipulations by OpenCV, Pillow, SciPy and numpy: what lgf's own are compared with.

    manipulations.py golden        writes tests/golden/manipulations.json
    manipulations.py compare LGF SPACE FILE…
                                   compares `lgf datasets --change` with OpenCV, Pillow, SciPy and numpy on the crops of FILES

Needs opencv-python-headless 4.12, pillow, numpy and scipy.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import subprocess
import sys

import cv2
import numpy
import PIL
import scipy
from PIL import Image
from scipy.ndimage import gaussian_filter

OUT = pathlib.Path("tests/golden/manipulations.json")
BEYOND = 0.4423


def picture(height, width):
    row, col = numpy.mgrid[0:height, 0:width].astype(numpy.int64)
    channels = [(row * 7 + col * 13 + row * col // 3) % 256, (row * row // 5 + col * 3) % 256, (row ^ col) % 256]
    return numpy.stack(channels, axis=-1).astype(numpy.uint8)


def object_on_stripes(height, width):
    row, col = numpy.mgrid[0:height, 0:width].astype(numpy.int64)
    inside = (row - height // 2) ** 2 + (col - width // 2) ** 2 < (height // 3) ** 2
    stripes = (row + 2 * col) % 9 * 6
    channels = [numpy.where(inside, 190, 70) + stripes, numpy.where(inside, 90, 120) + stripes // 2, 60 + row * 100 // height]
    return numpy.stack(channels, axis=-1).astype(numpy.uint8)


def sha(pixels):
    return hashlib.sha256(numpy.ascontiguousarray(pixels).tobytes()).hexdigest()


def bgr(work, pixels):
    return numpy.ascontiguousarray(work(numpy.ascontiguousarray(pixels[:, :, ::-1]))[:, :, ::-1])


def grey(pixels, percent):
    image = Image.fromarray(pixels)
    other = image.convert("L").convert("RGB")
    return numpy.asarray(other if percent == 100 else Image.blend(image, other, percent / 100))


def gaussian(pixels, kernel):
    return cv2.GaussianBlur(pixels, (kernel, kernel), (kernel - 1) / 6)


def nlm(pixels, h):
    return bgr(lambda own: cv2.fastNlMeansDenoisingColored(own, None, h, h, 14, 21), pixels)


def bilateral(pixels, d, color):
    return cv2.bilateralFilter(pixels, d, color, 75)


def to_bytes(planes):
    return numpy.floor(numpy.clip(planes, 0, 1) * 255 + 0.5).astype(numpy.uint8)


def contrast(pixels, percent):
    return to_bytes((1 - percent / 100) / 2 + pixels / 255 * (percent / 100))


def low_pass(pixels, deviation):
    one = lambda plane: gaussian_filter(plane, deviation, mode="constant", cval=BEYOND)
    return numpy.stack([one(pixels[:, :, channel] / 255) for channel in range(3)], axis=-1)


def high_pass(pixels, deviation):
    rest = pixels / 255 - low_pass(pixels, deviation)
    return rest + BEYOND - rest.mean(axis=(0, 1))


def shifts(count):
    return (numpy.arange(count) * 7919 % 1009) / 1009 * 2 - 1


def phase(pixels, degrees):
    height, width, _ = pixels.shape
    turns = numpy.zeros((height, width))
    given = iter(shifts(height * width) * numpy.radians(degrees))
    # Column by column; each frequency before its mirror image.
    for col in range(width):
        for row in range(height):
            mirror_row, mirror_col = -row % height, -col % width
            if (mirror_col, mirror_row) > (col, row):
                turns[row, col] = next(given)
                turns[mirror_row, mirror_col] = -turns[row, col]
    spectrum = numpy.fft.fft2(pixels / 255, axes=(0, 1))
    return numpy.fft.ifft2(spectrum * numpy.exp(1j * turns)[:, :, None], axes=(0, 1)).real


def phase_numpy(pixels):
    """By 90 degrees with numpy's own random numbers, without a loop: for speed alone."""
    height, width, _ = pixels.shape
    shifts = numpy.random.default_rng(7).random((height, width)) - 0.5
    turns = (shifts - numpy.roll(shifts[::-1, ::-1], 1, axis=(0, 1))) * numpy.pi / 2
    spectrum = numpy.fft.fft2(pixels / 255, axes=(0, 1))
    return to_bytes(numpy.fft.ifft2(spectrum * numpy.exp(1j * turns)[:, :, None], axes=(0, 1)).real)


def power(pixels, others):
    amplitudes = numpy.mean([numpy.abs(numpy.fft.fft2(one / 255, axes=(0, 1))) for one in others], axis=0)
    spectrum = numpy.fft.fft2(pixels / 255, axes=(0, 1))
    return numpy.fft.ifft2(amplitudes * numpy.exp(1j * numpy.angle(spectrum)), axes=(0, 1)).real


def band(height, width, octave, deviation):
    spectrum = numpy.fft.fft2(shifts(height * width).reshape(height, width))
    away = lambda side: numpy.minimum(numpy.arange(side), side - numpy.arange(side))
    frequency = numpy.hypot(away(height)[:, None], away(width)[None, :])
    middle = 1.75 * 2**octave
    spectrum[(frequency < middle / 2**0.5) | (frequency >= middle * 2**0.5)] = 0
    noise = numpy.fft.ifft2(spectrum).real
    return noise * deviation / noise.std()


def unequal(side, grid, random):
    """Tiles between the whole numbers of a linear space; each group of one size shuffled in itself."""
    ends = numpy.linspace(0, side, grid + 1, dtype=int)
    tiles = [(ends[row], ends[col], ends[row + 1], ends[col + 1]) for row in range(grid) for col in range(grid)]
    groups = {}
    for index, (top, left, bottom, right) in enumerate(tiles):
        groups.setdefault((bottom - top, right - left), []).append(index)
    order = list(range(len(tiles)))
    for members in groups.values():
        for place, tile in zip(members, random.permutation(members)):
            order[place] = int(tile)
    return tiles, order


def exchanged(pixels, tiles, order):
    out = numpy.empty_like(pixels)
    for (top, left, bottom, right), tile in zip(tiles, order):
        from_top, from_left, from_bottom, from_right = tiles[tile]
        out[top:bottom, left:right] = pixels[from_top:from_bottom, from_left:from_right]
    return out


def removed(pixels, changed):
    grey_of = lambda one: numpy.asarray(Image.fromarray(one).convert("L")).astype(float) / 255
    before, after = grey_of(pixels), grey_of(changed)

    def variance(plane):
        windows = numpy.lib.stride_tricks.sliding_window_view(plane, (15, 15))
        return windows.var(axis=(2, 3)).mean()

    def energy(plane):
        height, width = plane.shape
        power = numpy.abs(numpy.fft.fft2(plane)) ** 2
        away = lambda side: numpy.minimum(numpy.arange(side), side - numpy.arange(side)) / side
        radius = numpy.hypot(away(height)[:, None], away(width)[None, :])
        return power[radius > 0.125].sum() / (height * width)

    def gradients(plane):
        down, right = plane[1:, :-1] - plane[:-1, :-1], plane[:-1, 1:] - plane[:-1, :-1]
        return numpy.hypot(down, right).ravel()

    def colourfulness(one):
        red, green, blue = (one[:, :, channel].astype(float) for channel in range(3))
        first, second = red - green, (red + green) / 2 - blue
        return numpy.hypot(first.std(), second.std()) + 0.3 * numpy.hypot(first.mean(), second.mean())

    correlation = numpy.corrcoef(gradients(before), gradients(after))[0, 1]
    return {
        "variance": variance(after) / variance(before),
        "energy": energy(after) / energy(before),
        "gradients": correlation,
        "colour": colourfulness(changed) / colourfulness(pixels),
    }


def sampled(values):
    flat = numpy.asarray(values).reshape(-1)
    return [float(value) for value in flat[:: max(1, len(flat) // 97)]]


def golden():
    both = {"picture": picture(224, 224), "object": object_on_stripes(224, 224)}
    small = {"picture": picture(60, 44), "object": object_on_stripes(60, 44)}
    found = {
        "versions": {"opencv": cv2.__version__, "pillow": PIL.__version__, "numpy": numpy.__version__, "scipy": scipy.__version__},
        "grey": [[name, percent, sha(grey(one, percent))] for name, one in both.items() for percent in (20, 40, 60, 80, 100)],
        "gaussian": [
            [name, kernel, sha(gaussian(one, kernel))] for name, one in both.items() for kernel in (3, 5, 7, 9, 11, 13, 15)
        ],
        "nlm": [[name, h, sha(nlm(one, h))] for name, one in both.items() for h in (5, 15, 25)],
        "bilateral": [
            [name, d, color, base64.b64encode(bilateral(one, d, color).tobytes()).decode()]
            for name, one in small.items()
            for d, color in ((1, 50), (4, 50), (9, 110), (12, 170), (14, 200))
        ],
        "contrast": [[name, percent, sha(contrast(one, percent))] for name, one in both.items() for percent in (1, 10, 50, 100)],
        "rotation": [[degrees, sha(numpy.rot90(both["picture"], degrees // 90))] for degrees in (90, 180, 270)],
        "low_pass": [[name, of, sampled(low_pass(one, of))] for name, one in small.items() for of in (1, 3, 7, 40)],
        "high_pass": [[name, of, sampled(high_pass(one, of / 100))] for name, one in small.items() for of in (40, 100, 300)],
        "phase": [[name, degrees, sampled(phase(one, degrees))] for name, one in small.items() for degrees in (30, 180)],
        "power": [[name, sampled(power(one, list(small.values())))] for name, one in small.items()],
        "critical_band": [[octave, sampled(band(60, 44, octave, 0.08))] for octave in range(5)],
        "removed": [
            [name, kernel, removed(one, gaussian(one, kernel))] for name, one in both.items() for kernel in (3, 9, 15)
        ]
        + [["object", 0, removed(both["object"], grey(both["object"], 80))]],
    }
    orders = []
    for grid in (2, 3, 6, 10, 12, 16):
        tiles, order = unequal(224, grid, numpy.random.default_rng(grid))
        orders.append([grid, order, sha(exchanged(both["picture"], tiles, order))])
    found["unequal"] = orders
    rows = [f"{json.dumps(key)}: [\n" + ",\n".join(json.dumps(row) for row in value) + "\n]" for key, value in found.items() if key != "versions"]
    text = '{\n"versions": ' + json.dumps(found["versions"]) + ",\n" + ",\n".join(rows) + "\n}\n"
    OUT.write_text(text)


# Specification, what it equals, and by how much a byte may differ.
COMPARED = {
    "grey:percent=40": (lambda crop: grey(crop, 40), 0),
    "grey:percent=100": (lambda crop: grey(crop, 100), 0),
    "gaussian:kernel=3": (lambda crop: gaussian(crop, 3), 0),
    "gaussian:kernel=15": (lambda crop: gaussian(crop, 15), 0),
    "nlm:h=10": (lambda crop: nlm(crop, 10), 0),
    "bilateral:d=4,color=50": (lambda crop: bilateral(crop, 4, 50), 1),
    "bilateral:d=12": (lambda crop: bilateral(crop, 12, 170), 1),
    "bilateral:d=14,color=200": (lambda crop: bilateral(crop, 14, 200), 1),
    "contrast:percent=10": (lambda crop: contrast(crop, 10), 0),
    "rotation:degrees=90": (lambda crop: numpy.rot90(crop), 0),
    "low-pass:deviation=7": (lambda crop: to_bytes(low_pass(crop, 7)), 1),
    "high-pass:hundredths=100": (lambda crop: to_bytes(high_pass(crop, 1)), 1),
}


def compare(lgf, space, paths):
    """Every byte of every crop; one in ten thousand may be 1 apart where sums in floating point are rounded."""
    space, right = pathlib.Path(space), True
    subprocess.run([lgf, "datasets", "--crops", space / "crops", *paths], check=True, stdout=subprocess.DEVNULL)
    crops = sorted((space / "crops").iterdir())
    for spec, (change, most) in COMPARED.items():
        out = space / spec.replace(":", "_").replace(",", "_")
        subprocess.run([lgf, "datasets", "--change", spec, "--png", out, *paths], check=True, stdout=subprocess.DEVNULL)
        unequal, count, worst = 0, 0, 0
        for crop in crops:
            expected = change(numpy.asarray(Image.open(crop))).astype(int)
            found = numpy.asarray(Image.open(out / crop.name.replace(".crop.png", ".png"))).astype(int)
            apart = numpy.abs(found - expected)
            unequal, count, worst = unequal + (apart > 0).sum(), count + apart.size, max(worst, apart.max())
        holds = worst <= most and unequal * 10_000 <= count
        right &= bool(holds)
        print(f"{spec}: {unequal} of {count} bytes of {len(crops)} crops differ, by {worst} at most{'' if holds else ': TOO MUCH'}")
    return right


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["golden", "compare"])
    parser.add_argument("paths", nargs="*")
    given = parser.parse_args()
    if given.what == "golden":
        golden()
    else:
        sys.exit(0 if compare(given.paths[0], given.paths[1], given.paths[2:]) else 1)
