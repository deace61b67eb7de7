#!/usr/bin/env python3
"""Relevance beside zennit: the same network, weights, pictures and rules, in one run, both on both cores.

The limit. Of a convolution with inputs that are not negative, z+ needs one pass forward with the positive weights and one
back, beside the forward pass itself: three passes of ResNet-50, whatever is done; alpha-beta needs five. zennit does not know
the inputs' sign: beside the forward pass with batch normalisation in layers of its own it runs two changed convolutions forward
and two back for z+, and four and four for alpha-beta.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/reference"))

PRESETS = ["zennit_epsilon_plus_flat", "zennit_epsilon_alpha2_beta1_flat"]
GOAL, AIM = 2.0, 2.8


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lgf", default="lgf", help="the command")
    parser.add_argument("--network", default="resnet50")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=32, help="pictures a round (default: 32)")
    parser.add_argument("--zennit", nargs=2, metavar=("PRESET", "WEIGHTS"), help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="+", help="JPEGs, or a folder of them")
    arguments = parser.parse_args()
    if arguments.zennit:
        return zennit(arguments)
    print(__doc__.split("\n\n", 1)[1])
    paths = [Path(name) for name in arguments.files]
    paths = [found for path in paths for found in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    files = [str(path) for path in paths if path.suffix.lower() in (".jpeg", ".jpg")]
    if not files:
        sys.exit("bench_relevance: no JPEG there")
    files = (files * (arguments.count // len(files) + 1))[: arguments.count]
    met = True
    import networks
    import torch

    with tempfile.TemporaryDirectory() as space:
        weights = Path(space, f"{arguments.network}.pth")
        with torch.no_grad():
            torch.save(networks.fill(networks.NETWORKS[arguments.network]()).state_dict(), weights)
        for preset in PRESETS:
            ours, theirs = [], []
            for _ in range(arguments.rounds):
                common = ["--batch", str(arguments.batch)]
                theirs.append(run([sys.executable, __file__, "--network", arguments.network, *common, "--zennit", preset, str(weights), *files]))
                ours.append(run([arguments.lgf, "--device", "cpu", "bench", "relevance", "--arch", arguments.network,
                                 "--weights", str(weights), "--preset", preset, *common, *files]))
            best = [max(column) for column in zip(*ours)]
            other = [max(column) for column in zip(*theirs)]
            ratio, memory = best[1] / other[1], (best[2], other[2])
            met &= ratio >= GOAL and memory[0] <= memory[1]
            print(f"{arguments.network} {preset}, batches of {arguments.batch}: {best[1]:.2f} pictures/s ({1 / best[1]:.3f} s each), "
                  f"zennit {other[1]:.2f} ({1 / other[1]:.3f} s): {ratio:.2f} times (goal: {GOAL}, aim: {AIM})")
            print(f"  {best[0] / best[1]:.2f} of our forward passes ({best[0]:.2f} pictures/s), zennit {other[0] / other[1]:.2f} of PyTorch's "
                  f"({other[0]:.2f}); peak {memory[0]:.0f} MB, zennit {memory[1]:.0f} MB", flush=True)
    sys.exit(0 if met else 1)


def run(command):
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [float(re.match(r"[\d.,]+", line).group().replace(",", "")) for line in text.splitlines() if re.match(r"\d", line)]


def zennit(arguments):
    """In a process of its own, for its peak of memory."""
    import networks
    import torch
    from PIL import Image
    from relevance import attributor

    preset, weights = arguments.zennit
    torch.set_num_threads(2)
    network = networks.NETWORKS[arguments.network]()
    network.load_state_dict(torch.load(weights))
    network.eval()
    x = torch.stack([networks.prepared(Image.open(path).convert("RGB")) for path in arguments.files])
    batches = x.split(arguments.batch)
    with torch.inference_mode():
        network(batches[0])
        began = time.perf_counter()
        for batch in batches:
            network(batch)
        forward = len(x) / (time.perf_counter() - began)
    with attributor(network, arguments.network, preset) as explain:
        predicted = lambda logits: logits * torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1])
        explain(batches[0], predicted)
        began = time.perf_counter()
        for batch in batches:
            explain(batch, predicted)
        seconds = time.perf_counter() - began
    print(f"{forward:.3f} pictures a second forward\n{len(x) / seconds:.3f} pictures a second of relevance")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


if __name__ == "__main__":
    main()
