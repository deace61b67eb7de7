"""Step 4 the way it was published, written anew: scrambled, patched and smoothed pictures with numpy and Pillow.

    datasets.py golden         writes tests/golden/datasets.json
    datasets.py bench FOLDER…  scrambles and patches the crops of the pictures below FOLDER, prints the seconds
    datasets.py l0 FILE…       prints the seconds of one pass of L0 over each picture's crop

Scrambling cuts a crop into blocks in row order, shuffles them and puts them back in row order. Patching puts black squares
on every second place of an odd grid, one at a time and all at once. L0 is algorithm 1 of Xu et al. 2011 with circular
borders, in numpy's Fourier transform.
"""

import argparse
import base64
import hashlib
import io
import json
import multiprocessing
import pathlib
import random
import sys
import tempfile
import time

import numpy
import PIL
from PIL import Image

OUT = pathlib.Path("tests/golden")
SIDE = 224
BLOCKS = [28, 32, 56, 112]
PATCHES = [10, 20, 30, 40, 50, 60, 70]


def picture(height, width):
    row, col = numpy.mgrid[0:height, 0:width].astype(numpy.int64)
    channels = [(row * 7 + col * 13 + row * col // 3) % 256, (row * row // 5 + col * 3) % 256, (row ^ col) % 256]
    return numpy.stack(channels, axis=-1).astype(numpy.uint8)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def scrambled(pixels, block, order):
    places = [(row, col) for row in range(0, SIDE, block) for col in range(0, SIDE, block)]
    blocks = [pixels[row : row + block, col : col + block] for row, col in places]
    out = numpy.empty_like(pixels)
    for (row, col), source in zip(places, order):
        out[row : row + block, col : col + block] = blocks[source]
    return out


def patch_places(size):
    count = SIDE // size
    if count % 2 == 0:
        count -= 1
    border = int((SIDE - count * size) / 2)
    starts = [border + place * size for place in range(0, count, 2)]
    return [(row, col) for row in starts for col in starts]


def patched(image, places, size):
    out = image.copy()
    for row, col in places:
        out.paste((0, 0, 0), (col, row, col + size, row + size))
    return out


def l0(pixels, passes=1, strength=0.02, kappa=2.0, most=1e5):
    for _ in range(passes):
        values = pixels.astype(numpy.float64) / 255
        height, width, _ = values.shape
        rows = 2 - 2 * numpy.cos(2 * numpy.pi * numpy.arange(height) / height)
        cols = 2 - 2 * numpy.cos(2 * numpy.pi * numpy.arange(width) / width)
        curve = (rows[:, None] + cols[None, :])[:, :, None]
        spectrum = numpy.fft.fft2(values, axes=(0, 1))
        beta = 2 * strength
        while beta < most:
            across = numpy.roll(values, -1, axis=1) - values
            down = numpy.roll(values, -1, axis=0) - values
            small = (across**2 + down**2).sum(axis=2) < strength / beta
            across[small] = 0
            down[small] = 0
            back = numpy.roll(across, 1, axis=1) - across + numpy.roll(down, 1, axis=0) - down
            solved = (spectrum + beta * numpy.fft.fft2(back, axes=(0, 1))) / (1 + beta * curve)
            values = numpy.fft.ifft2(solved, axes=(0, 1)).real
            beta *= kappa
        pixels = numpy.clip(numpy.floor(values * 255 + 0.5), 0, 255).astype(numpy.uint8)
    return pixels


def jpeg(image):
    out = io.BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


def golden():
    pixels = picture(SIDE, SIDE)
    image = Image.fromarray(pixels)
    draw = random.Random(7)
    scrambles = []
    for block in BLOCKS + [16, 8]:
        order = list(range((SIDE // block) ** 2))
        draw.shuffle(order)
        changed = scrambled(pixels, block, order)
        encoded = sha(jpeg(Image.fromarray(changed)))
        scrambles.append({"block": block, "order": order, "pixels": sha(changed.tobytes()), "jpeg": encoded})
    patches = []
    for size in PATCHES:
        places = patch_places(size)
        each = [patched(image, [place], size) for place in places] + [patched(image, places, size)]
        patches.append({
            "size": size,
            "pixels": [sha(one.tobytes()) for one in each],
            "jpeg": [sha(jpeg(one)) for one in each],
        })
    smoothed = []
    for height, width, passes in [(48, 40, 1), (61, 37, 2), (1, 23, 1), (30, 30, 5)]:
        small = picture(height, width) // 8 + (numpy.arange(width) // 9 * 31 % 200)[None, :, None].astype(numpy.uint8)
        result = l0(small, passes)
        coded = [base64.b64encode(one.tobytes()).decode() for one in (small, result)]
        smoothed.append({"height": height, "width": width, "passes": passes, "from": coded[0], "to": coded[1]})
    versions = {"numpy": numpy.__version__, "Pillow": PIL.__version__}
    found = {"versions": versions, "scrambled": scrambles, "patched": patches, "l0": smoothed}
    (OUT / "datasets.json").write_text(json.dumps(found, indent=1) + "\n")


def crop(path):
    image = Image.open(path).convert("RGB")
    width, height = image.size
    size = (256, 256 * height // width) if width <= height else (256 * width // height, 256)
    image = image.resize(size, Image.BILINEAR)
    left, top = round((size[0] - SIDE) / 2), round((size[1] - SIDE) / 2)
    return image.crop((left, top, left + SIDE, top + SIDE))


def build_one(task):
    path, out = task
    image = crop(path)
    pixels = numpy.asarray(image)
    stem = path.stem
    image.save(out / f"scr_{stem}.JPEG")
    image.save(out / f"ptd_{stem}.JPEG")
    count = 2
    for block in BLOCKS:
        for variant in range(3):
            order = list(range((SIDE // block) ** 2))
            random.shuffle(order)
            Image.fromarray(scrambled(pixels, block, order)).save(out / f"scr_{stem}_{block}_{variant}.JPEG")
            count += 1
    for size in PATCHES:
        places = patch_places(size)
        for index, place in enumerate(places):
            patched(image, [place], size).save(out / f"ptd_{stem}_{size}_{index}.JPEG")
        patched(image, places, size).save(out / f"ptd_{stem}_{size}_all.JPEG")
        count += len(places) + 1
    return count


def pictures(folders):
    paths = [path for folder in folders for path in sorted(pathlib.Path(folder).rglob("*"))]
    return [path for path in paths if path.suffix.lower() in (".jpeg", ".jpg", ".png")]


def bench(folders, processes, count):
    paths = pictures(folders)[:count]
    with tempfile.TemporaryDirectory() as folder, multiprocessing.Pool(processes) as pool:
        began = time.perf_counter()
        made = sum(pool.imap_unordered(build_one, [(path, pathlib.Path(folder)) for path in paths]))
        print(f"{time.perf_counter() - began:.4f} seconds for {made} pictures of {len(paths)} photographs")


def bench_l0(paths):
    crops = [numpy.asarray(crop(path)) for path in paths]
    began = time.perf_counter()
    for pixels in crops:
        l0(pixels)
    print(f"{time.perf_counter() - began:.4f} seconds for {len(crops)} pictures")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("golden")
    timed = commands.add_parser("bench")
    timed.add_argument("folders", nargs="+")
    timed.add_argument("--processes", type=int, default=2)
    timed.add_argument("--count", type=int, default=30)
    smooth = commands.add_parser("l0")
    smooth.add_argument("files", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.command == "golden":
        golden()
    elif arguments.command == "bench":
        bench(arguments.folders, arguments.processes, arguments.count)
    else:
        bench_l0(arguments.files)


if __name__ == "__main__":
    sys.exit(main())
