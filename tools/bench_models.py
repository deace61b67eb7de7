#!/usr/bin/env python3
"""Inference beside PyTorch: the same networks, weights and pictures, in one run, both on both cores.

The limit. ResNet-50 is 4.1 billion multiply-adds a picture, VGG-16 15.5. A core that multiplies and adds 16 numbers of 32 bits
a cycle (AMD Zen 4, where this was measured: 58.5 billion a second in a loop that does nothing else) can do 14.3 and 3.8
pictures a second, and two of them 28.6 and 7.6, if each product of the plain sum is computed. PyTorch's default reaches half of that with
ResNet-50: it carries channels first, which oneDNN turns round for every layer, runs batch normalisation and ReLU as passes over
memory of their own, and lays its kernels out anew in each call. oneDNN's convolutions by themselves reach 80 to 100 %. Beyond
that only fewer products help: Winograd's filtering needs a quarter of those of 3 x 3 convolutions of stride 1, which are 37 % of
ResNet-50's and 99 % of VGG-16's.
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
import networks  # noqa: E402
import pandas  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402

GOALS = {"forward": (1.0, 1.3), "DataLoader": 1.5, "loop": 2.0}
# Of each family one, beside the six of the thesis.
TODAY = ["alexnet", "squeezenet1_1", "densenet121", "googlenet", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0",
         "efficientnet-lite0", "regnet_y_400mf", "convnext_tiny", "vit_b_16", "swin_t", "bagnet17"]


class Files(torch.utils.data.Dataset):
    def __init__(self, name, files):
        self.name, self.files = name, files

    def __len__(self):
        return len(self.files)

    def __getitem__(self, place):
        return networks.prepared_for(self.name, Image.open(self.files[place]).convert("RGB"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lgf", default="lgf", help="the command")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=1000, help="pictures of the runs from files (default: 1000)")
    parser.add_argument("--networks", nargs="*", default=[*networks.NETWORKS, *TODAY], help="names of networks")
    parser.add_argument("--end-to-end", nargs="*", default=["resnet50", "efficientnet-lite0"], help="the networks of the runs from files")
    parser.add_argument("folder", help="a folder of JPEGs of 224 x 224")
    arguments = parser.parse_args()
    print(__doc__.split("\n\n", 1)[1])
    files = sorted(str(path) for path in Path(arguments.folder).rglob("*") if path.suffix.lower() in (".jpeg", ".jpg"))
    files = (files * (arguments.count // max(1, len(files)) + 1))[: arguments.count]
    if not files:
        sys.exit(f"bench_models: no JPEG below {arguments.folder}\n  hint: lgf datasets --protocol published makes some")
    torch.set_num_threads(2)
    met = True
    with tempfile.TemporaryDirectory() as space:
        for name in arguments.networks:
            networks.full(Path(space), [name])
            with torch.no_grad():
                network = networks.fill(networks.ALL[name]())
            x = torch.stack([Files(name, files)[place] for place in range(arguments.batch)])
            whole = name in arguments.end_to_end
            ours, theirs, memory = [], [], 0
            for _ in range(arguments.rounds):
                theirs.append(arguments.batch / seconds(network, x))
                found = lgf(arguments, name, Path(space, f"{name}.pth"), files[: arguments.batch * 2])
                ours.append(found[0])
                memory = max(memory, found[2])
            ratio = max(ours) / max(theirs)
            met &= ratio >= GOALS["forward"][0]
            print(f"{name:<18} forward: {max(ours):6.2f} pictures/s, PyTorch {torch.__version__} {max(theirs):6.2f}: {ratio:.2f} times "
                  f"(goal: {GOALS['forward'][0]}, aim: {GOALS['forward'][1]}); peak {memory:.0f} MB", flush=True)
            if whole:
                met &= end_to_end(arguments, name, network, Path(space, f"{name}.pth"), files)
            Path(space, f"{name}.pth").unlink()
    sys.exit(0 if met else 1)


def seconds(network, x):
    with torch.inference_mode():
        network(x)
        began = time.perf_counter()
        for _ in range(3):
            network(x)
        return (time.perf_counter() - began) / 3


def lgf(arguments, name, weights, files):
    command = [arguments.lgf, "--device", "cpu", "bench", "models", "--arch", name, "--weights", str(weights), "--batch", str(arguments.batch), *files]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [float(re.match(r"[\d.,]+", line).group().replace(",", "")) for line in text.splitlines() if re.match(r"\d", line)]


def end_to_end(arguments, name, network, weights, files):
    found = lgf(arguments, name, weights, files)
    with torch.inference_mode():
        began = time.perf_counter()
        loader = torch.utils.data.DataLoader(Files(name, files), batch_size=arguments.batch, num_workers=2)
        for batch in loader:
            torch.softmax(network(batch), 1).max(1)
        loaded = len(files) / (time.perf_counter() - began)
    loop = published(name, network, files)
    print(f"  from {len(files)} JPEGs: {found[1]:.2f} pictures/s, peak {found[2]:.0f} MB (at most 1,500)")
    print(f"  PyTorch's DataLoader, two workers: {loaded:.2f}: {found[1] / loaded:.2f} times (goal: {GOALS['DataLoader']})")
    print(f"  the published loop, one picture at a time: {loop:.2f}: {found[1] / loop:.2f} times (goal: {GOALS['loop']})")
    return found[1] / loaded >= GOALS["DataLoader"] and found[1] / loop >= GOALS["loop"] and found[2] <= 1500


def published(name, network, files):
    """As notebook 5 was published: pictures one by one, gradients kept, a row appended to a table for each."""
    columns = ["file", "orig_file", "pred_acc", "pred_class", "pred_logit", "pred_name", "true_acc", "true_class", "true_logit", "true_name"]
    table = pandas.DataFrame(columns=columns)
    began = time.perf_counter()
    for place, picture in enumerate(torch.utils.data.DataLoader(Files(name, files), batch_size=1, num_workers=2)):
        output = network(picture)
        softmax = torch.softmax(output, dim=1)
        share, chosen = torch.topk(softmax, 1)
        chosen = chosen.item()
        row = [files[place], files[place], share.item(), chosen, output[0][chosen].item(), str(chosen)]
        row += [softmax[0][0].item(), 0, output[0][0].item(), "0"]
        table = pandas.concat([table, pandas.DataFrame([row], columns=columns)], ignore_index=True)
    return len(table) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
