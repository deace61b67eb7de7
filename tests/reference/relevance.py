"""Relevance of zennit 1.0, with its canonisers, for networks with weights from integer arithmetic (networks.py).

    relevance.py golden                    writes tests/golden/relevance: narrow networks, small pictures
    relevance.py compare LGF FOLDER FILE…  relevance of `lgf relevance` for photographs beside zennit's, at full size
"""

import json
import pathlib
import subprocess
import sys
from importlib.metadata import version

import numpy
import torch
import torchvision
from PIL import Image
from zennit.attribution import Gradient
from zennit.composites import EpsilonAlpha2Beta1Flat, EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from networks import NETWORKS, Narrow, fill, noise, prepared

# zennit's canonisers leave batch normalisation with an epsilon of 0, which PyTorch refuses since 2.11: with a variance of 1
# there, the smallest number does the same.
_batch_norm = torch.nn.functional.batch_norm


def batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    return _batch_norm(x, mean, var, weight, bias, training, momentum, eps or 1e-30)


torch.nn.functional.batch_norm = batch_norm

OUT = pathlib.Path("tests/golden/relevance")
PRESETS = {
    "zennit_epsilon_plus_flat": EpsilonPlusFlat,
    "zennit_epsilon_alpha2_beta1_flat": EpsilonAlpha2Beta1Flat,
}
SIDE = 64
TARGETS = [1, 4]


def narrow_vgg():
    """torchvision's VGG with the widths of slim-vgg16."""
    widths = [6, 6, "M", 12, 12, "M", 24, 24, 24, "M", 32, 32, 32, "M", 32, 32, 32, "M"]
    features = torchvision.models.vgg.make_layers(widths, batch_norm=True)
    network = torchvision.models.VGG(features, num_classes=10, init_weights=False)
    network.classifier = torch.nn.Sequential(
        torch.nn.Linear(32 * 49, 64), torch.nn.ReLU(True), torch.nn.Dropout(),
        torch.nn.Linear(64, 64), torch.nn.ReLU(True), torch.nn.Dropout(), torch.nn.Linear(64, 10))
    return network


NARROW = {
    "slim-vgg16": narrow_vgg,
    "slim-resnet50": lambda: Narrow([8, 12, 16, 32], 16),
    "slim-resnext50": lambda: Narrow([8, 12, 16, 32], 16, groups=4, group_width=32),
}


def attributor(network, name, preset):
    canoniser = VGGCanonizer() if "vgg" in name else ResNetCanonizer()
    return Gradient(model=network, composite=PRESETS[preset](canonizers=[canoniser]))


def relevance(network, name, preset, x, targets):
    chosen = torch.nn.functional.one_hot(torch.tensor(targets), network(x[:1]).shape[1])
    with attributor(network, name, preset) as explain:
        _, found = explain(x, lambda logits: logits * chosen)
    return found.detach().numpy()


def golden():
    OUT.mkdir(exist_ok=True)
    x = torch.from_numpy(noise("pictures", 2 * 3 * SIDE * SIDE) * 2 - 1).view(2, 3, SIDE, SIDE).double()
    for name, build in NARROW.items():
        for preset in PRESETS:
            with torch.no_grad():
                network = fill(build()).double()
            numpy.save(OUT / f"{preset}_{name}.npy", relevance(network, name, preset, x, TARGETS).astype(numpy.float32))
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "zennit": version("zennit")}
    found = {"versions": versions, "side": SIDE, "targets": TARGETS, "networks": list(NARROW), "presets": list(PRESETS)}
    (OUT / "zennit.json").write_text(json.dumps(found) + "\n")


def seen(files):
    return torch.stack([prepared(Image.open(path).convert("RGB")) for path in files])


def dithered(files, folder):
    """Photographs with a noise of at most 3 of 255: on even ground a pool's values are equal, and rounding picks the winner."""
    made = []
    for index, path in enumerate(files):
        pixels = numpy.asarray(Image.open(path).convert("RGB")).astype(numpy.int64)
        noisy = pixels + numpy.random.default_rng(index).integers(-3, 4, pixels.shape)
        made.append(folder / f"dithered_{index}.png")
        Image.fromarray(numpy.clip(noisy, 0, 255).astype(numpy.uint8)).save(made[-1])
    return made


def differences(lgf, folder, name, preset, files, precision, kind):
    """Of each photograph, relative L2."""
    out = folder / "relevance.npy"
    command = [lgf, "relevance", "--arch", name, "--weights", folder / f"{name}.pth", "--preset", preset,
               "--target", "predicted", "--precision", precision, "--npy", out, *files]
    subprocess.run(command, check=True, capture_output=True)
    with torch.no_grad():
        network = fill(NETWORKS[name]()).to(kind)
        x = seen(files).to(kind)
        targets = network(x).argmax(1).tolist()
    found = []
    for index, ours in enumerate(numpy.load(out)):
        theirs = relevance(network, name, preset, x[index:index + 1], targets[index:index + 1])[0]
        found.append(float(numpy.linalg.norm(ours - theirs) / numpy.linalg.norm(theirs)))
    return found


def compare(lgf, folder, files):
    noisy = dithered(files, folder)
    worst = 0.0
    for name in ["vgg16", "resnet50", "resnext50"]:
        for preset in PRESETS:
            exact = differences(lgf, folder, name, preset, noisy, "double", torch.float64)
            single = differences(lgf, folder, name, preset, files, "single", torch.float32)
            worst = max(worst, *exact)
            print(f"{name:<10} {preset:<33} {len(files)} photographs, relative L2 difference at most {max(exact):.1e} "
                  f"(double precision, dithered), {max(single):.1e} (single precision, as they are)", flush=True)
    print(f"largest in double precision: {worst:.1e} (at most 1e-6)")
    return 0 if worst <= 1e-6 else 1


def main():
    arguments = sys.argv[1:]
    if arguments == ["golden"]:
        golden()
    elif len(arguments) > 3 and arguments[0] == "compare":
        sys.exit(compare(arguments[1], pathlib.Path(arguments[2]), arguments[3:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
