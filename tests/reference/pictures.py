"""Golden files for pixels::decode_bytes: what Pillow makes of odd JPEGs, PNGs and BMPs, or that it refuses them.

    python pictures.py golden      # tests/golden/pictures.json

Grey of 16 bits is OpenCV's, which keeps the high byte; Pillow cuts such values off at 255. What Pillow reads and the project
does not is in STRICTER. Left out: BMPs of 15 and 16 bits, where every library rounds in its own way, and JPEGs whose broken
bytes make coefficients out of range, where libjpeg-turbo's vector code and its plain code differ.
"""

import base64
import hashlib
import io
import json
import pathlib
import random
import struct
import sys
import zlib

import cv2
import numpy
import PIL
from PIL import Image, features

OUT = pathlib.Path("tests/golden/pictures.json")
HEIGHT, WIDTH = 13, 19


def values(channels, top=256, height=HEIGHT, width=WIDTH):
    row, col, channel = numpy.mgrid[0:height, 0:width, 0:channels].astype(numpy.int64)
    return (row * 977 + col * 1361 + channel * 3701 + row * col * 131 + (row ^ col) * 17) % top


def soft(channels=3, height=HEIGHT, width=WIDTH):
    row, col, channel = numpy.mgrid[0:height, 0:width, 0:channels].astype(numpy.int64)
    return ((row * 9 + col * (7 + 4 * channel) + channel * 40) % 256).astype(numpy.uint8)


# PNG, chunk by chunk, so that every form can be written.

def chunk(name, data, crc=None):
    crc = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)


def packed_rows(samples, depth):
    """Rows of samples as PNG has them, each after the number of its filter (none)."""
    rows = b""
    for line in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            line = line.astype(">u2").tobytes()
        elif depth == 8:
            line = line.astype(numpy.uint8).tobytes()
        else:
            bits = numpy.unpackbits(line.astype(numpy.uint8)[:, None], axis=1)[:, 8 - depth:].reshape(-1)
            line = numpy.packbits(bits).tobytes()
        rows += b"\0" + line
    return rows


ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(color, depth, interlaced=False, before=(), after=(), samples=None, size=None, keep=None, ends=True):
    top = 1 << depth
    if samples is None:
        samples = values(CHANNELS[color], min(top, 7) if color == 3 else top)
    height, width = size or samples.shape[:2]
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    parts = [samples[row::down, col::right] for row, col, down, right in passes]
    data = zlib.compress(b"".join(packed_rows(part, depth) for part in parts if part.size), 9)[:keep]
    out = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced)))
    if color == 3 and not any(part[4:8] == b"PLTE" for part in before):
        out += palette(min(top, 7))
    half = len(data) // 2
    out += b"".join(before) + chunk(b"IDAT", data[:half]) + chunk(b"IDAT", data[half:]) + b"".join(after)
    return out + (chunk(b"IEND", b"") if ends else b"")


def palette(count):
    return chunk(b"PLTE", bytes(number % 256 for entry in range(count) for number in (entry * 37, 255 - entry * 29, entry * 71)))


def pngs():
    for color, depths in {0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}.items():
        for depth in depths:
            for interlaced in (False, True):
                yield f"png color {color} depth {depth}{' interlaced' * interlaced}", png(color, depth, interlaced)
    yield "png grey with a transparent value", png(0, 8, before=[chunk(b"tRNS", struct.pack(">H", 40))])
    yield "png grey of 16 bits with a transparent value", png(0, 16, before=[chunk(b"tRNS", struct.pack(">H", 977))])
    yield "png colour with a transparent value", png(2, 8, before=[chunk(b"tRNS", struct.pack(">HHH", 0, 117, 234))])
    yield "png palette with alpha", png(3, 4, before=[palette(7), chunk(b"tRNS", bytes([0, 128, 255, 3]))])
    yield "png with gamma", png(2, 8, before=[chunk(b"gAMA", struct.pack(">I", 100000))])
    yield "png with significant bits", png(2, 8, before=[chunk(b"sBIT", bytes([5, 6, 5]))])
    yield "png with a comment", png(2, 8, after=[chunk(b"tEXt", b"Comment\0odd")])
    yield "png with a comment of a wrong checksum", png(2, 8, after=[chunk(b"tEXt", b"Comment\0odd", 1)])
    yield "png with bytes behind its end", png(2, 8) + b"<html>moved</html>" * 3
    yield "png without its end", png(2, 8, ends=False)
    yield "png cut in its data", png(2, 8)[:300]
    yield "png of fewer rows than it says", png(2, 8, size=(HEIGHT + 2, WIDTH))
    yield "png of more rows than it says", png(2, 8, size=(HEIGHT - 2, WIDTH))
    yield "png with a colour that its palette lacks", png(3, 8, samples=values(1, 9))
    yield "png of no height", png(2, 8, size=(0, WIDTH))
    broken = bytearray(png(2, 8))
    broken[29] ^= 1
    yield "png whose header has a wrong checksum", bytes(broken)
    broken = bytearray(png(2, 8))
    broken[60] ^= 1
    yield "png whose data have a wrong checksum", bytes(broken)
    yield "png one column wide, interlaced", png(2, 8, True, samples=values(3, 256, 9, 1))


# JPEG.

def jpeg(array=None, mode=None, **options):
    out = io.BytesIO()
    Image.fromarray(soft() if array is None else array, mode).save(out, "JPEG", **options)
    return out.getvalue()


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def with_thumbnail(whole, small):
    return whole[:2] + segment(0xE1, b"Exif\0\0" + small) + whole[2:]


def marker_at(whole, number):
    at = 2
    while whole[at + 1] != number:
        at += 2 + struct.unpack(">H", whole[at + 2:at + 4])[0]
    return at


def with_byte(whole, at, value):
    changed = bytearray(whole)
    changed[at] = value
    return bytes(changed)


def jpegs():
    whole, small = jpeg(), jpeg(soft(3, 4, 5))
    progressive = jpeg(progressive=True)
    scan = marker_at(whole, 0xDA)
    half = whole[:scan + (len(whole) - scan) // 2]
    yield "jpeg", whole
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield f"jpeg {sampling}", jpeg(subsampling=sampling, quality=90)
    yield "jpeg grey", jpeg(soft(1)[..., 0])
    yield "jpeg progressive", progressive
    yield "jpeg progressive grey", jpeg(soft(1)[..., 0], progressive=True)
    yield "jpeg rgb", jpeg(keep_rgb=True)
    yield "jpeg with restarts", jpeg(restart_marker_blocks=1)
    yield "jpeg of one pixel", jpeg(soft(3, 1, 1))
    yield "jpeg quality 1", jpeg(quality=1)
    yield "jpeg with a thumbnail", with_thumbnail(whole, small)
    yield "jpeg with text behind", whole + b"<html>moved</html>" * 3
    yield "jpeg with another behind", whole + small
    yield "jpeg with scans behind", whole + whole[scan:] * 2
    yield "jpeg with bytes of ones before its end", whole[:-2] + b"\xff\xff\xff\xd9"
    yield "jpeg with bytes between its segments", whole[:scan] + b"abc" + whole[scan:]
    yield "jpeg cut", half
    yield "jpeg cut, with a thumbnail", with_thumbnail(half, small)
    yield "jpeg cut, with text behind", half + b"<html>moved</html>" * 3
    yield "jpeg cut, with another behind", half + small
    yield "jpeg cut, with an end", half + b"\xff\xd9"
    yield "jpeg without its end", whole[:-2]
    yield "jpeg without its last byte", whole[:-1]
    yield "jpeg progressive, cut", progressive[:len(progressive) * 3 // 4]
    yield "jpeg progressive, without its end", progressive[:-2]
    yield "jpeg cut in its header", whole[:scan]
    yield "jpeg of another sample depth", with_byte(whole, marker_at(whole, 0xC0) + 4, 12)
    for process in (0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF):
        yield f"jpeg of process {process:x}", with_byte(whole, marker_at(whole, 0xC0) + 1, process)
    yield "jpeg of extended sequential process", with_byte(whole, marker_at(whole, 0xC0) + 1, 0xC1)
    yield "jpeg of no height", with_byte(with_byte(whole, marker_at(whole, 0xC0) + 6, 0), marker_at(whole, 0xC0) + 5, 0)
    yield "jpeg without a frame", whole[:marker_at(whole, 0xC0)] + whole[scan:]
    tables = [at for at in range(2, scan) if whole[at:at + 2] == b"\xff\xc4"]
    yield "jpeg without its codes", whole[:tables[0]] + whole[scan:]
    yield "jpeg two beginnings", whole[:2] + whole
    yield "jpeg cmyk", jpeg(soft(4), "CMYK")
    transform = with_byte(jpeg(soft(4), "CMYK"), jpeg(soft(4), "CMYK").index(b"Adobe") + 11, 2)
    yield "jpeg ycck", transform
    for seed in (0, 2, 4, 5, 6, 7, 8, 9):
        chance = random.Random(seed)
        at = chance.randrange(scan + 14, len(whole) - 2)
        yield f"jpeg with byte {at} broken", with_byte(whole, at, chance.randrange(255))


# BMP.

def bmp(image):
    out = io.BytesIO()
    image.save(out, "BMP")
    return out.getvalue()


def bmp_of(bits, data, height=HEIGHT, width=WIDTH, compression=0, colours=b"", masks=b"", header=40):
    offset = 14 + header + len(masks) + len(colours)
    info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(data), 2835, 2835, len(colours) // 4, 0)
    info = (info + masks).ljust(header, b"\0") if header > 40 else info + masks
    offset = 14 + len(info) + len(colours)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + info + colours + data


def lines(array):
    rows = [row.tobytes() for row in array[::-1]]
    return b"".join(row + b"\0" * (-len(row) % 4) for row in rows)


def bmps():
    colour = Image.fromarray(soft())
    yield "bmp colour", bmp(colour)
    yield "bmp grey", bmp(colour.convert("L"))
    yield "bmp of two values", bmp(colour.convert("1"))
    yield "bmp palette", bmp(colour.quantize(16))
    yield "bmp with alpha", bmp(colour.convert("RGBA"))
    yield "bmp cut", bmp(colour)[:400]
    yield "bmp from the top", bmp_of(24, lines(soft()[::-1, :, ::-1].copy()), height=-HEIGHT)
    yield "bmp of 32 bits", bmp_of(32, lines(values(4)[..., :].astype(numpy.uint8)))
    colours = bytes(number % 256 for entry in range(16) for number in (entry * 17, 255 - entry * 13, entry * 5, 0))
    nibbles = values(1, 16)[..., 0].astype(numpy.uint8)
    pairs = numpy.pad(nibbles, ((0, 0), (0, 1)))
    yield "bmp of 4 bits", bmp_of(4, lines((pairs[:, ::2] << 4 | pairs[:, 1::2]).astype(numpy.uint8)), colours=colours)
    runs = b"".join(bytes([WIDTH - 3, row % 16, 0, 3, 1, 2, 3, 0, 0, 0]) for row in range(HEIGHT)) + b"\0\1"
    yield "bmp of runs", bmp_of(8, runs, compression=1, colours=colours)


# A PNG whose end or rows are missing is cut, as a JPEG is.
STRICTER = ["png without its end", "png of fewer rows than it says"]


def expected(name, data):
    """The hash of the RGB values, or None if it is refused."""
    if name in STRICTER:
        return None
    try:
        image = Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "BMP"])
        image.load()
        if image.mode.startswith("I;16"):
            array = cv2.imdecode(numpy.frombuffer(data, numpy.uint8), cv2.IMREAD_COLOR)
        else:
            array = numpy.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, struct.error, IndexError, KeyError):
        return None
    return [*array.shape[:2], hashlib.sha256(numpy.ascontiguousarray(array).tobytes()).hexdigest()]


def golden():
    versions = {"Pillow": PIL.__version__, "libjpeg-turbo": features.version("libjpeg_turbo"), "OpenCV": cv2.__version__}
    cases = []
    for name, data in [*jpegs(), *pngs(), *bmps()]:
        found = expected(name, data)
        case = {"name": name, "file": base64.b64encode(data).decode()}
        cases.append(case | ({"height": found[0], "width": found[1], "rgb": found[2]} if found else {"refused": True}))
    text = ",\n".join(json.dumps(case) for case in cases)
    OUT.write_text(f'{{"versions": {json.dumps(versions)}, "cases": [\n{text}\n]}}\n')
    print(f"{len(cases)} pictures, {sum('refused' in case for case in cases)} refused, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    if sys.argv[1:] != ["golden"]:
        sys.exit(__doc__)
    golden()
