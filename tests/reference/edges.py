"""Notebook 3's edges by OpenCV: golden files, and a comparison on any folder of photographs.

    python edges.py golden DATA_ROOT > tests/golden/edges.json      (DATA_ROOT holds the sample, as `lgf sample` draws it)
    python edges.py compare LGF FOLDER...                           (LGF is the command; prints unequal pixels)

Needs opencv-python-headless 4.12 and numpy.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

SIZES = [(1, 1), (1, 40), (40, 1), (2, 3), (5, 5), (7, 21), (12, 14), (13, 13), (33, 57), (64, 50), (101, 96), (130, 77)]
WINDOWS = [(30, 10, 7, 21), (10, 10, 7, 21), (3, 3, 5, 9), (120, 60, 3, 5)]
# Pictures whose grey median is a multiple of ten, where int((1.0 - 0.9) * v) is not int(0.1 * v): level, size, seed, median.
MEDIANS = [(41, 83, 90, 6, 40), (100, 64, 50, 19, 100), (141, 64, 50, 258, 140), (203, 83, 90, 39, 200)]
CANNY = [(3, False, 30, 100), (3, True, 30, 100), (5, False, 200, 700), (5, True, 100.7, 400.2), (3, False, 120, 40)]


def noise(index, seed):
    """The same numbers as in tests/golden.rs: a hash of the place, in 32 bits."""
    x = (index.astype(np.uint64) + 1) * 0x9E3779B1 & 0xFFFFFFFF
    x ^= np.uint64(seed * 0x85EBCA77 & 0xFFFFFFFF)
    x ^= x >> np.uint64(15)
    x = x * np.uint64(0x2C1B3C6D) & np.uint64(0xFFFFFFFF)
    return (x >> np.uint64(24)).astype(np.int64)


def picture(kind, height, width, seed):
    """RGB. Flat ones, noise, and steps with a little noise on them."""
    row, col, channel = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    grain = noise((row * width + col) * 3 + channel, seed)
    if kind == "black":
        values = np.zeros_like(grain)
    elif kind == "white":
        values = np.full_like(grain, 255)
    elif kind == "noise":
        values = grain
    elif kind.startswith("around "):
        values = np.clip(int(kind[7:]) - 116 + (row // 9 * 53 + col // 11 * 71) % 201 + grain // 8, 0, 255)
    else:
        values = (row // 9 * 53 + col // 11 * 71 + channel * 29) % 200 + grain // 8
    return values.astype(np.uint8)


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def published(bgr):
    denoised = cv2.fastNlMeansDenoisingColored(bgr, None, 30, 10, 7, 21)
    gray = cv2.cvtColor(denoised, cv2.COLOR_BGR2GRAY)
    return gray, cv2.Canny(gray, *thresholds(gray))


def thresholds(gray, sigma=0.9):
    """Notebook 3, cell 29: in doubles as they come, 1.0 - 0.9 is 0.09999999999999998."""
    v = np.median(gray)
    return int(max(0, (1.0 - sigma) * v)), int(min(255, (1.0 + sigma) * v))


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)


def case(bgr, windows):
    """Hashes of all that is compared. OpenCV's arrays are BGR, ours RGB."""
    h, h_color, template, search = windows
    denoised = cv2.fastNlMeansDenoisingColored(bgr, None, h, h_color, template, search)
    gray = cv2.cvtColor(denoised, cv2.COLOR_BGR2GRAY)
    edges = [
        sha(cv2.Canny(gray, low, high, apertureSize=aperture, L2gradient=l2)) for aperture, l2, low, high in CANNY
    ]
    plain = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    published_gray, published_edges = published(bgr)
    return {
        "windows": windows,
        "denoised": sha(denoised[..., ::-1]),
        "gray": sha(gray),
        "gray_denoised": sha(cv2.fastNlMeansDenoising(plain, None, h, template, search)),
        "plain_edges": [sha(cv2.Canny(plain, low, high, apertureSize=a, L2gradient=l2)) for a, l2, low, high in CANNY],
        "edges": edges,
        "published": [sha(published_gray), sha(published_edges)],
    }


def golden(root):
    generated = []
    for number, (height, width) in enumerate(SIZES):
        for kind in ["black", "white", "noise", "steps"]:
            made = picture(kind, height, width, number + 1)
            windows = WINDOWS[number % len(WINDOWS)]
            entry = {"kind": kind, "height": height, "width": width, "seed": number + 1}
            generated.append(entry | case(made[..., ::-1].copy(), windows))
    for base, height, width, seed, expected in MEDIANS:
        made = picture(f"around {base}", height, width, seed)[..., ::-1].copy()
        gray, _ = published(made)
        assert np.median(gray) == expected
        entry = {"kind": f"around {base}", "height": height, "width": width, "seed": seed}
        generated.append(entry | case(made, WINDOWS[0]))
    folder = Path(root) / "sample" / "imagenette2" / "val"
    files = [path for wnid in sorted(folder.iterdir())[::4] for path in sorted(wnid.iterdir())[:9:4]]
    sample = [{"file": str(path.relative_to(root))} | case(read(path), WINDOWS[0]) for path in files]
    versions = {"opencv": cv2.__version__, "numpy": np.__version__}
    text = {"versions": versions, "canny": CANNY, "generated": generated, "sample": sample}
    print(json.dumps(text, indent=1))


def compare(lgf, folders):
    """Exit status 1 if a pixel differs. Says, too, how many pictures have a median that is a multiple of ten, where `1.0 - 0.9`
    decides the lower threshold."""
    endings = {".jpeg", ".jpg", ".png", ".bmp"}
    files = sorted(path for folder in folders for path in Path(folder).rglob("*") if path.suffix.lower() in endings)
    unequal = tens = 0
    with tempfile.TemporaryDirectory() as out:
        for number, path in enumerate(files):
            # A folder of its own: two photographs may have one name.
            subprocess.run([lgf, "edges", "--png", f"{out}/{number}", path], check=True, stdout=subprocess.DEVNULL)
            expected = published(read(path))
            counts = []
            for kind, values in zip(["gray", "edges"], expected):
                found = cv2.imread(f"{out}/{number}/{path.stem}.{kind}.png", cv2.IMREAD_UNCHANGED)
                same_size = found is not None and found.shape == values.shape
                counts.append(int((found != values).sum()) if same_size else values.size)
            unequal += sum(counts)
            tens += np.median(expected[0]) > 0 and np.median(expected[0]) % 10 == 0
            print(f"{path.name}: {values.shape[0]} x {values.shape[1]}, unequal: grey {counts[0]}, edges {counts[1]}")
    print(f"{len(files)} pictures, {tens} of them with a median that is a multiple of ten; {unequal} unequal pixels (OpenCV {cv2.__version__})")
    sys.exit(unequal > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["golden"] and len(sys.argv) == 3:
        golden(sys.argv[2])
    elif sys.argv[1:2] == ["compare"] and len(sys.argv) > 3:
        compare(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(__doc__)
