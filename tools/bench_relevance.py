#!/usr/bin/env python3
"""Relevance beside zennit, of a vision transformer beside LXT: the same network, weights, pictures and rules, in one run, both on both cores.

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

RUNS = [
    ("resnet50", "zennit_epsilon_plus_flat"),
    ("resnet50", "zennit_epsilon_alpha2_beta1_flat"),
    ("efficientnet-lite0", "zennit_epsilon_plus_flat"),
    ("vit_b_16", "cp_lrp"),
]
GOAL, AIM = 2.0, 2.8


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lgf", default="lgf", help="the command")
    parser.add_argument("--network", help="this one alone")
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
        for name, preset in RUNS:
            if arguments.network not in (None, name):
                continue
            weights = Path(space, f"{name}.pth")
            with torch.no_grad():
                torch.save(networks.fill(networks.ALL[name]()).state_dict(), weights)
            peer = "LXT" if preset == "cp_lrp" else "zennit"
            ours, theirs = [], []
            for _ in range(arguments.rounds):
                common = ["--batch", str(arguments.batch)]
                theirs.append(run([sys.executable, __file__, "--network", name, *common, "--zennit", preset, str(weights), *files]))
                ours.append(run([arguments.lgf, "--device", "cpu", "bench", "relevance", "--arch", name,
                                 "--weights", str(weights), "--preset", preset, *common, *files]))
            best = [max(column) for column in zip(*ours)]
            other = [max(column) for column in zip(*theirs)]
            ratio, memory = best[1] / other[1], (best[2], other[2])
            met &= ratio >= GOAL and memory[0] <= memory[1]
            print(f"{name} {preset}, batches of {arguments.batch}: {best[1]:.2f} pictures/s ({1 / best[1]:.3f} s each), "
                  f"{peer} {other[1]:.2f} ({1 / other[1]:.3f} s): {ratio:.2f} times (goal: {GOAL}, aim: {AIM})")
            print(f"  {best[0] / best[1]:.2f} of our forward passes ({best[0]:.2f} pictures/s), {peer} {other[0] / other[1]:.2f} of PyTorch's "
                  f"({other[0]:.2f}); peak {memory[0]:.0f} MB, {peer} {memory[1]:.0f} MB", flush=True)
    sys.exit(0 if met else 1)


def run(command):
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [float(re.match(r"[\d.,]+", line).group().replace(",", "")) for line in text.splitlines() if re.match(r"\d", line)]


def zennit(arguments):
    """In a process of its own, for its peak of memory."""
    import networks
    import torch
    from PIL import Image
    import relevance

    preset, weights = arguments.zennit
    torch.set_num_threads(2)
    if arguments.network == "efficientnet-lite0":
        network = relevance.of_today(arguments.network, torch.float32)
    else:
        network = networks.ALL[arguments.network]()
        network.load_state_dict(torch.load(weights))
        network.eval()
    x = torch.stack([networks.prepared_for(arguments.network, Image.open(path).convert("RGB")) for path in arguments.files])
    batches = x.split(arguments.batch)
    with torch.inference_mode():
        network(batches[0])
        began = time.perf_counter()
        for batch in batches:
            network(batch)
        forward = len(x) / (time.perf_counter() - began)
    if preset == "cp_lrp":
        return lxt(network, batches, forward)
    attributor = relevance.merged_attributor if arguments.network == "efficientnet-lite0" else relevance.attributor
    with attributor(network, arguments.network, preset) as explain:
        predicted = lambda logits: logits * torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1])
        explain(batches[0], predicted)
        began = time.perf_counter()
        for batch in batches:
            explain(batch, predicted)
        seconds = time.perf_counter() - began
    said(forward, len(x) / seconds)


def lxt(network, batches, forward):
    """CP-LRP as LXT's own example has it: its rules for attention and norms, zennit's gamma for what is linear."""
    import relevance
    import torch
    import zennit.rules
    from zennit.composites import LayerMapComposite
    from zennit.types import Convolution, Linear

    relevance.patched(network, "values")
    # Its attention calls the matrices as functions: only those that are modules have gamma, which is less work for it.
    gammas = [(Convolution, zennit.rules.Gamma(0.25)), (Linear, zennit.rules.Gamma(0.05))]
    composite = LayerMapComposite(gammas)
    composite.register(network)

    def explain(batch):
        x = batch.clone().requires_grad_()
        logits = network(x)
        logits.max(1).values.sum().backward()
        return x * x.grad

    explain(batches[0])
    began = time.perf_counter()
    count = sum(len(explain(batch)) for batch in batches)
    said(forward, count / (time.perf_counter() - began))


def said(forward, rate):
    print(f"{forward:.3f} pictures a second forward\n{rate:.3f} pictures a second of relevance")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


if __name__ == "__main__":
    main()
