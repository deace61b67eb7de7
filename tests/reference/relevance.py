"""Relevance of zennit 1.0, with its canonisers, and of LXT 2.1, for networks with weights from integer arithmetic (networks.py).

    relevance.py golden                    writes tests/golden/relevance: narrow networks, small pictures
    relevance.py today                     of these, those of the families of today alone
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
from lxt.efficient.patches import layer_norm_forward
from lxt.efficient.rules import divide_gradient, stop_gradient
from zennit.canonizers import NamedMergeBatchNorm
from zennit.layer import Sum
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from networks import NETWORKS, TODAY, Narrow, fill, noise, prepared

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


class Tail(torch.nn.Module):
    """torchvision's DenseNet with its last activation and its pool as modules, which rules can be given."""

    def __init__(self, network):
        super().__init__()
        self.features, self.classifier = network.features, network.classifier
        self.relu, self.pool = torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        return self.classifier(self.pool(self.relu(self.features(x))).flatten(1))


def summed(block):
    """EfficientNet-Lite's block with its sum as a module."""
    block.sum = Sum()

    def forward(x, drop_connect_rate=None):
        y = block._swish(block._bn0(block._expand_conv(x))) if block._block_args.expand_ratio != 1 else x
        y = block._bn2(block._project_conv(block._swish(block._bn1(block._depthwise_conv(y)))))
        args = block._block_args
        if block.id_skip and args.stride in (1, [1]) and args.input_filters == args.output_filters:
            y = block.sum(torch.stack([x, y], dim=-1))
        return y

    block.forward = forward


def pairs(network, name):
    """Convolutions and the batch normalisations that follow them directly."""
    if name == "densenet121":
        found = [("features.conv0", "features.norm0")]
        return found + [(key, key.replace("conv1", "norm2")) for key, _ in network.named_modules() if key.endswith(".conv1")]
    after = {"_conv_stem": "_bn0", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2", "_conv_head": "_bn1"}
    keys = [key for key, module in network.named_modules() if isinstance(module, torch.nn.Conv2d)]
    return [(key, ".".join([*key.split(".")[:-1], after[key.split(".")[-1]]])) for key in keys]


def of_today(name, kind=torch.float64):
    with torch.no_grad():
        network = fill(TODAY[name]()).to(kind)
    if name == "densenet121":
        return Tail(network)
    for block in network._blocks:
        summed(block)
    return network


def patched_attention(how):
    """torch's attention as LXT has it for CP-LRP: queries and keys constant; for AttnLRP: products of two halve gradients."""
    def forward(self, query, key, value, **options):
        width, heads = self.embed_dim, self.num_heads
        split = lambda x: x.view(x.shape[0], x.shape[1], heads, width // heads).transpose(1, 2)
        qkv = torch.nn.functional.linear(query, self.in_proj_weight, self.in_proj_bias)
        q, k, v = map(split, qkv.chunk(3, dim=-1))
        if how == "values":
            q, k = stop_gradient(q), stop_gradient(k)
        else:
            q, k, v = divide_gradient(q, 4), divide_gradient(k, 4), divide_gradient(v, 2)
        shares = torch.softmax(q @ k.transpose(-1, -2) / (width // heads) ** 0.5, dim=-1)
        y = (shares @ v).transpose(1, 2).reshape(query.shape)
        return self.out_proj(y), None

    return forward


def patched(network, how):
    """A vision transformer with LXT's rules in place of its own gradients."""
    for module in network.modules():
        if isinstance(module, torch.nn.GELU):
            # LXT's own adds 1e-10 to the divisor.
            module.forward = lambda x: x * (torch.nn.functional.gelu(x) / x).detach()
        elif isinstance(module, torch.nn.LayerNorm):
            module.forward = layer_norm_forward.__get__(module)
        elif isinstance(module, torch.nn.MultiheadAttention):
            module.forward = patched_attention(how).__get__(module)
    return network


def tokens(how):
    """Relevance of a small vision transformer by LXT's rules without gamma, summed over squares of 16 pixels."""
    with torch.no_grad():
        network = patched(fill(TODAY["deit_tiny_patch16_224"]()).double(), how)
    x = torch.from_numpy(noise("picture", 3 * 224 * 224) * 2 - 1).view(1, 3, 224, 224).double().requires_grad_()
    logits = network(x)
    target = int(logits.argmax())
    logits[0, target].backward()
    squares = (x * x.grad)[0].detach().view(3, 14, 16, 14, 16).sum(dim=(0, 2, 4))
    return target, float(logits[0, target]), squares.flatten().tolist()


def merged_attributor(network, name, preset):
    canoniser = NamedMergeBatchNorm([([conv], norm) for conv, norm in pairs(network, name)])
    return Gradient(model=network, composite=PRESETS[preset](canonizers=[canoniser]))


def today():
    x = torch.from_numpy(noise("pictures", 2 * 3 * SIDE * SIDE) * 2 - 1).view(2, 3, SIDE, SIDE).double()
    for name in ["densenet121", "efficientnet-lite0"]:
        for preset in PRESETS:
            network = of_today(name)
            chosen = torch.nn.functional.one_hot(torch.tensor(TARGETS), 1000)
            with merged_attributor(network, name, preset) as explain:
                _, found = explain(x, lambda logits: logits * chosen)
            numpy.save(OUT / f"{preset}_{name}.npy", found.detach().numpy())
    found = {"versions": {name: version(name) for name in ["torch", "torchvision", "zennit", "lxt", "efficientnet-lite-pytorch"]}}
    for how in ["values", "halves"]:
        found[how] = dict(zip(["target", "logit", "squares"], tokens(how)))
    (OUT / "lxt.json").write_text(json.dumps(found) + "\n")


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
        today()
    elif arguments == ["today"]:
        today()
    elif len(arguments) > 3 and arguments[0] == "compare":
        sys.exit(compare(arguments[1], pathlib.Path(arguments[2]), arguments[3:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
