#!/usr/bin/env python3
"""Metrics of maps beside Quantus: the same network, weights, pictures and maps, in one run, both on both cores.

The limit. Hiding 196 squares one after another takes 197 forward passes, whoever asks for them: the passes alone, with nothing
hidden, are timed beside it, and what is asked of hiding is nine tenths of what they allow, where that is less than the goal. What
needs no network is sorting 50,176 numbers once. Quantus has no symmetric relevance gain and no single deletion, and its ROAD
takes no map of one channel for a picture of three: these are timed alone, a map of each picture.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/reference"))

GOAL = 5.0
# A network of the sample's size, where asking costs as much as computing, and one of full size.
RUNS = [("slim-resnet50", 8), ("resnet50", 2)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lgf", default="lgf", help="the command")
    parser.add_argument("files", nargs="+", help="JPEGs, or a folder of them")
    arguments = parser.parse_args()
    print(__doc__.split("\n\n", 1)[1])
    paths = [Path(name) for name in arguments.files]
    paths = [found for path in paths for found in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    files = [str(path) for path in paths if path.suffix.lower() in (".jpeg", ".jpg")]
    if not files:
        sys.exit("bench_metrics: no JPEG there")
    met = True
    for name, count in RUNS:
        chosen = (files * (count // len(files) + 1))[:count]
        with tempfile.TemporaryDirectory() as space:
            network, weights = made(name, space)
            call = [arguments.lgf, "--device", "cpu", "bench", "metrics", "--arch", name, "--weights", str(weights), *chosen]
            text = subprocess.run(call, capture_output=True, text=True, check=True).stdout
            ours = {line[1]: (float(line[2]), float(line[3])) for line in re.finditer(r"^(\w+) ([\d.]+) (-?[\d.]+)$", text, re.M)}
            theirs = quantus_says(network, chosen)
        print(f"{name}, {count} pictures, one on each core:", flush=True)
        for metric, (seconds, says) in theirs.items():
            own, own_says = ours.pop(metric)
            same = abs(says - own_says) <= 1e-3 * max(1, abs(says))
            ratio, goal = seconds / own, GOAL
            if metric == "hiding":
                passes, _ = ours.pop("passes")
                goal = min(GOAL, 0.9 * seconds / passes)
                print(f"  its forward passes alone: {passes:.4f} s: at most {seconds / passes:.1f} times can be won")
            met &= ratio >= goal and same
            print(f"  {metric}: {own:.4f} s, Quantus {seconds:.4f} s: {ratio:.1f} times (goal: {goal:.1f}); "
                  f"{'the same' if same else f'NOT the same: {own_says} and {says}'}", flush=True)
        for metric, (own, _) in ours.items():
            print(f"  {metric}: {own / count:.4f} s a map")
    sys.exit(0 if met else 1)


def made(name, space):
    """A network with made-up weights, and the file of them."""
    import networks
    import torch

    with torch.no_grad():
        built = networks.Narrow([8, 12, 16, 32], 16) if name == "slim-resnet50" else networks.ALL[name]()
        network = networks.fill(built).eval()
        torch.save(network.state_dict(), Path(space, f"{name}.pth"))
    return network, Path(space, f"{name}.pth")


def quantus_says(network, files):
    """Seconds of each metric, and what it says of the first picture."""
    import networks
    import numpy
    import quantus
    import torch
    from PIL import Image

    torch.set_num_threads(2)
    x = torch.stack([networks.prepared(Image.open(path).convert("RGB")) for path in files]).numpy()
    y = numpy.zeros(len(x), dtype=int)
    maps = numpy.stack([edges(picture) for picture in x])[:, None]
    middle = numpy.zeros_like(maps, dtype=bool)
    side = maps.shape[-1]
    middle[..., side // 4:side // 4 + side // 2, side // 4:side // 4 + side // 2] = True
    quiet = {"disable_warnings": True, "display_progressbar": False}

    def zeros(arr, indices, **_):
        arr = arr.copy()
        for place, index in enumerate(indices):
            arr[place][..., index] = 0
        return arr

    found = {}
    began = time.perf_counter()
    regions = (side // 16) ** 2
    hiding = quantus.RegionPerturbation(
        patch_size=16, regions_evaluation=regions, order="morf", normalise=False, abs=False, perturb_baseline=0.0, **quiet)
    said = hiding(model=network, x_batch=x, y_batch=y, a_batch=maps, device="cpu", softmax=False, batch_size=32)
    seconds = time.perf_counter() - began
    with torch.no_grad():
        whole = network(torch.from_numpy(x[:1]))[0, 0].item()
    # It gives differences from the untouched picture.
    found["hiding"] = seconds, float(whole * (regions + 1) - numpy.sum(said[0]))
    began = time.perf_counter()
    ranks = quantus.RelevanceRankAccuracy(normalise=False, abs=False, **quiet)(
        model=network, x_batch=x, y_batch=y, a_batch=maps, s_batch=middle, device="cpu")
    quantus.RelevanceMassAccuracy(normalise=False, abs=False, **quiet)(
        model=network, x_batch=x, y_batch=y, a_batch=maps, s_batch=middle, device="cpu")
    quantus.PointingGame(normalise=False, abs=False, **quiet)(
        model=network, x_batch=x, y_batch=y, a_batch=maps, s_batch=middle, device="cpu")
    found["localisation"] = time.perf_counter() - began, float(ranks[0])
    began = time.perf_counter()
    areas = quantus.AUC(normalise=False, abs=False, **quiet)(
        model=network, x_batch=x, y_batch=y, a_batch=maps, s_batch=middle, device="cpu")
    found["auroc"] = time.perf_counter() - began, float(areas[0])
    return found


def edges(picture):
    """Sobel's operator on the mean of the channels, borders repeated."""
    import numpy

    plane = numpy.pad(picture.mean(0, dtype=numpy.float32), 1, mode="edge")
    across = plane[:, 2:] - plane[:, :-2]
    across = across[:-2] + 2 * across[1:-1] + across[2:]
    down = plane[2:] - plane[:-2]
    down = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    return numpy.sqrt(across**2 + down**2)


if __name__ == "__main__":
    main()
