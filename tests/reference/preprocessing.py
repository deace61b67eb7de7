"""Golden files for pixels::imagenet_crop: what torchvision on Pillow makes of awkward sizes, byte for byte.

Pictures are made from integer arithmetic that the test repeats, stored as PNG; the crop is stored as a hash and a few
values. JPEG decoding and Pillow's default JPEG encoding are held by hashes, too.

`compare LGF FOLDER…` counts the bytes in which `lgf datasets --crops` and torchvision differ, on any photographs.
"""

import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import PIL
import torchvision
from PIL import Image
from torchvision import transforms

OUT = pathlib.Path("tests/golden")
SIZES = [(375, 500), (500, 375), (256, 256), (224, 224), (100, 90), (1, 1), (1, 30), (333, 257), (513, 300), (255, 700),
         (30, 1), (7, 2000), (2000, 9), (223, 225), (1200, 1600), (257, 256), (2, 3)]


def picture(height, width):
    row, col = numpy.mgrid[0:height, 0:width].astype(numpy.int64)
    channels = [(row * 7 + col * 13 + row * col // 3) % 256, (row * row // 5 + col * 3) % 256, (row ^ col) % 256]
    return Image.fromarray(numpy.stack(channels, axis=-1).astype(numpy.uint8))


def sha(array):
    return hashlib.sha256(numpy.ascontiguousarray(array).tobytes()).hexdigest()


crop = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])


def golden():
    cases = []
    for height, width in SIZES:
        image = picture(height, width)
        jpeg = io.BytesIO()
        image.save(jpeg, "JPEG")
        decoded = Image.open(io.BytesIO(jpeg.getvalue())).convert("RGB")
        cases.append({
            "height": height,
            "width": width,
            "crop": sha(numpy.asarray(crop(image))),
            "jpeg": hashlib.sha256(jpeg.getvalue()).hexdigest(),
            "decoded": sha(numpy.asarray(decoded)),
        })

    # CMYK, as printers' photographs are: stored inverted (Adobe), shown as RGB.
    row, col = numpy.mgrid[0:24, 0:40]
    inks = numpy.stack([row * 10, col * 6, row * col % 256, (row + col) * 2], axis=-1).astype(numpy.uint8)
    Image.fromarray(inks, "CMYK").save(OUT / "cmyk.jpg", quality=90)
    cmyk = sha(numpy.asarray(Image.open(OUT / "cmyk.jpg").convert("RGB")))
    versions = {"torchvision": torchvision.__version__, "Pillow": PIL.__version__, "numpy": numpy.__version__}
    (OUT / "preprocessing.json").write_text(json.dumps({"versions": versions, "cmyk": cmyk, "cases": cases}, indent=1) + "\n")


def compare(lgf, folders):
    """Crops of every picture that Pillow reads, byte by byte."""
    paths = sorted(path for folder in folders for path in pathlib.Path(folder).rglob("*") if path.is_file())
    different = count = 0
    for path in paths:
        try:
            expected = numpy.asarray(crop(Image.open(path).convert("RGB")))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            continue
        with tempfile.TemporaryDirectory() as out:
            done = subprocess.run([lgf, "datasets", "--crops", out, str(path)], capture_output=True, text=True)
            files = list(pathlib.Path(out).glob("*.png"))
            if done.returncode or not files:
                print(f"{path.name}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no crop'}")
                continue
            unequal = int((numpy.asarray(Image.open(files[0])) != expected).sum())
        count += 1
        different += unequal
        if unequal:
            print(f"{path.name}: {unequal} bytes of {expected.size} unequal")
    print(f"{count} pictures, {different} unequal bytes (torchvision {torchvision.__version__}, Pillow {PIL.__version__})")
    sys.exit(0 if count and not different else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["compare"]:
        compare(sys.argv[2], sys.argv[3:])
    golden()
