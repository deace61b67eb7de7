"""Networks of torchvision and pretrainedmodels with weights from integer arithmetic, which the tests make again, and their
logits; and the same at full size as checkpoints, for `make check-models`.

    networks.py golden                  writes tests/golden/networks.json and the narrow networks beside it
    networks.py full FOLDER [NAME…]     writes the six as torch.save does, in its old form and its zip form in turn
    networks.py compare LGF FOLDER FILE…   logits of `lgf predict` for pictures beside those of the libraries
"""

import csv
import hashlib
import io
import json
import pathlib
import subprocess
import sys

import efficientnet_lite_pytorch
import numpy
import pretrainedmodels
import torch
import torchvision
from PIL import Image
from torchvision import transforms
from torchvision.models.resnet import Bottleneck, ResNet

OUT = pathlib.Path("tests/golden")
NETWORKS = {
    "vgg16": lambda: torchvision.models.vgg16(weights=None),
    "resnet50": lambda: torchvision.models.resnet50(weights=None),
    "sin-resnet50": lambda: torchvision.models.resnet50(weights=None),
    "se-resnet50": lambda: pretrainedmodels.se_resnet50(pretrained=None),
    "resnext50": lambda: torchvision.models.resnext50_32x4d(weights=None),
    "se-resnext50": lambda: pretrainedmodels.se_resnext50_32x4d(pretrained=None),
}
MORE = {
    "vgg11-bn": lambda: torchvision.models.vgg11_bn(weights=None),
    "resnet18": lambda: torchvision.models.resnet18(weights=None),
    "resnet101": lambda: torchvision.models.resnet101(weights=None),
}


class BagNet(torchvision.models.ResNet):
    """ResNet-50 as a BagNet: nothing is padded, 3 x 3 kernels in the first blocks of each stage alone, a stem of 1 x 1 and
    3 x 3, the last stage without a step; shortcuts are cut to the size of what they are added to."""

    def __init__(self, wide):
        super().__init__(Bottleneck, [3, 4, 6, 3])
        stem = torch.nn.Sequential(torch.nn.Conv2d(3, 64, 1, bias=False), torch.nn.Conv2d(64, 64, 3, bias=False))
        self.conv1, self.conv2 = stem
        for stage, layer in enumerate([self.layer1, self.layer2, self.layer3, self.layer4]):
            for number, block in enumerate(layer):
                kernel = 3 if number < wide[stage] else 1
                step = 2 if stage < 3 and number == 0 else 1
                width = block.conv2.in_channels
                block.conv2 = torch.nn.Conv2d(width, width, kernel, step, bias=False)
                if number == 0:
                    block.downsample[0] = torch.nn.Conv2d(block.conv1.in_channels, width * 4, 1, step, bias=False)
                block.forward = lambda x, block=block: self.block(block, x)

    @staticmethod
    def block(block, x):
        y = block.relu(block.bn1(block.conv1(x)))
        y = block.bn3(block.conv3(block.relu(block.bn2(block.conv2(y)))))
        shortcut = block.downsample(x) if block.downsample is not None else x
        return block.relu(y + shortcut[:, :, : y.shape[2], : y.shape[3]])

    def forward(self, x):
        x = self.relu(self.bn1(self.conv2(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean([2, 3]))


def of_torchvision(name, **options):
    return lambda: getattr(torchvision.models, name)(weights=None, **options)


def lite(number):
    return lambda: efficientnet_lite_pytorch.EfficientNet.from_name(f"efficientnet-lite{number}")


def deit(width, heads):
    from torchvision.models.vision_transformer import VisionTransformer

    return lambda: VisionTransformer(224, 16, 12, heads, width, 4 * width)


# Families of today, as torchvision builds them; what it has not, as its parts are put together for it here.
TODAY = {
    name: of_torchvision(name)
    for name in (
        "alexnet squeezenet1_0 squeezenet1_1 densenet121 densenet161 densenet169 densenet201 mobilenet_v2 mobilenet_v3_small "
        "mobilenet_v3_large efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 regnet_y_400mf regnet_y_8gf "
        "convnext_tiny convnext_small convnext_base vit_b_16 vit_b_32 vit_l_16 swin_t"
    ).split()
} | {
    "googlenet": of_torchvision("googlenet", aux_logits=False, init_weights=False),
    "deit_tiny_patch16_224": deit(192, 3),
    "deit_small_patch16_224": deit(384, 6),
    "bagnet9": lambda: BagNet([1, 1, 0, 0]),
    "bagnet17": lambda: BagNet([1, 1, 1, 0]),
    "bagnet33": lambda: BagNet([1, 1, 1, 1]),
} | {f"efficientnet-lite{number}": lite(number) for number in range(3)}
# Sides that their pictures are resized to and cut to, and how, where that is not 256 and 224 and torchvision's usual way.
INPUTS = {
    "efficientnet_b0": (256, 224, "bicubic"),
    "efficientnet_b1": (256, 240, "bicubic"),
    "efficientnet_b2": (288, 288, "bicubic"),
    "efficientnet_b3": (320, 300, "bicubic"),
    "convnext_tiny": (236, 224, "bilinear"),
    "convnext_small": (230, 224, "bilinear"),
    "convnext_base": (232, 224, "bilinear"),
    "swin_t": (232, 224, "bicubic"),
    "efficientnet-lite0": (256, 224, "bilinear"),
    "efficientnet-lite1": (240, 240, "bilinear"),
    "efficientnet-lite2": (260, 260, "bilinear"),
}
# Mean and deviation that their pictures are normalised with, where that is not ImageNet's.
VALUES = {f"efficientnet-lite{number}": ([127 / 255] * 3, [128 / 255] * 3) for number in range(3)}
VALUES["googlenet"] = ([0.5] * 3, [0.5] * 3)
CROP = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])
NORMALISE = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])


def prepared(picture):
    """A photograph as torchvision prepares it; pictures that already have a network's size are taken as they are."""
    return NORMALISE(picture if picture.size == (224, 224) else CROP(picture))


def prepared_for(name, picture):
    """A photograph as the network of a name takes it; a picture of 224 x 224 as it is, enlarged where the network's is larger."""
    short, side, kernel = INPUTS.get(name, (256, 224, "bilinear"))
    mode = transforms.InterpolationMode(kernel)
    if picture.size != (224, 224):
        picture = transforms.CenterCrop(side)(transforms.Resize(short, interpolation=mode)(picture))
    elif side != 224:
        picture = transforms.Resize(side, interpolation=mode)(picture)
    mean, deviation = VALUES.get(name, ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return transforms.Normalize(mean, deviation)(transforms.ToTensor()(picture))


def picture(height, width):
    row, col = numpy.mgrid[0:height, 0:width].astype(numpy.int64)
    channels = [(row * 7 + col * 13 + row * col // 3) % 256, (row * row // 5 + col * 3) % 256, (row ^ col) % 256]
    return Image.fromarray(numpy.stack(channels, axis=-1).astype(numpy.uint8))


def noise(name, count):
    """Numbers in [0, 1) that depend on a name: FNV-1a of it, then a mixing of bits."""
    mark = 0x811C9DC5
    for byte in name.encode():
        mark = (mark ^ byte) * 0x01000193 & 0xFFFFFFFF
    x = (numpy.arange(count, dtype=numpy.uint64) * 2654435761 + mark) & 0xFFFFFFFF
    x ^= x >> numpy.uint64(15)
    x = x * 0x2C1B3C6D & 0xFFFFFFFF
    x ^= x >> numpy.uint64(12)
    x = x * 0x297A2D39 & 0xFFFFFFFF
    x ^= x >> numpy.uint64(15)
    return (x >> numpy.uint64(8)).astype(numpy.float32) / numpy.float32(1 << 24)


def fill(network):
    """Weights and batch-norm statistics that matter."""
    kinds = (torch.nn.BatchNorm2d, torch.nn.LayerNorm)
    # Signals that gates and soft activations halve every time would be lost on the way.
    soft = any(isinstance(module, (torch.nn.SiLU, torch.nn.Hardswish)) for module in network.modules())
    size = 1.0 if soft else 0.6
    norms = {name for name, module in network.named_modules() if isinstance(module, kinds)}
    for name, tensor in network.state_dict().items():
        key, _, part = name.rpartition(".")
        if part in ("num_batches_tracked", "relative_position_index"):
            continue
        u = torch.from_numpy(noise(name, tensor.numel())).view(tensor.shape)
        if part in ("weight", "running_var") and key in norms:
            value = (u + 0.5) * (0.6 if part == "running_var" else size)
        elif part == "layer_scale":
            value = u * 0.5
        elif part in ("class_token", "pos_embedding", "relative_position_bias_table"):
            value = u * 2 - 1
        elif part in ("weight", "in_proj_weight"):
            fan_in = tensor.numel() // tensor.shape[0]
            value = (u * 2 - 1) * float(numpy.float32((6 / fan_in) ** 0.5))
        else:
            value = (u * 2 - 1) * (0.2 if key in norms else 0.1)
        tensor.copy_(value)
    return network.eval()


class Narrow(ResNet):
    """torchvision's ResNet with the widths of slim-resnet50; only the numbers of channels are other."""

    def __init__(self, widths, stem, groups=1, group_width=64):
        super().__init__(Bottleneck, [3, 4, 6, 3], num_classes=10, groups=groups, width_per_group=group_width)
        self.inplanes = stem
        self.conv1 = torch.nn.Conv2d(3, stem, 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(stem)
        for stage, (width, count) in enumerate(zip(widths, [3, 4, 6, 3]), start=1):
            setattr(self, f"layer{stage}", self._make_layer(Bottleneck, width, count, stride=1 if stage == 1 else 2))
        self.fc = torch.nn.Linear(widths[-1] * 4, 10)


def golden():
    jpeg = io.BytesIO()
    picture(375, 500).save(jpeg, "JPEG")
    x = prepared(Image.open(jpeg).convert("RGB"))[None]
    logits = {}
    with torch.no_grad():
        for name, build in (NETWORKS | MORE).items():
            logits[name] = [round(float(value), 6) for value in fill(build())(x)[0]]
        narrow = {
            "slim-resnet50": Narrow([8, 12, 16, 32], 16),
            "slim-resnext50": Narrow([8, 12, 16, 32], 16, groups=4, group_width=32),
        }
        for name, network in narrow.items():
            logits[name] = [round(float(value), 6) for value in fill(network)(x)[0]]
            torch.save(network.state_dict(), OUT / f"{name}.pth")
        keys, described = {}, hashlib.sha256
        for name, build in TODAY.items():
            network = fill(build())
            x = prepared_for(name, Image.open(jpeg).convert("RGB"))[None]
            of = {key: list(value.shape) for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
            of = sorted(f"{key} {shape}" for key, shape in of.items() if not key.endswith("relative_position_index"))
            keys[name] = described("\n".join(of).encode()).hexdigest()
            found = network.double()(x.double())[0]
            logits[name] = [float(f"{value:.6g}") for value in found]
            print(f"{name:<24} largest logit {found.abs().max():10.4g}, deviation {found.std():10.4g}")
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "pretrainedmodels": pretrainedmodels.__version__}
    found = {"versions": versions, "picture": [375, 500], "logits": logits, "keys": keys}
    (OUT / "networks.json").write_text(json.dumps(found) + "\n")


ALL = NETWORKS | TODAY


def full(folder, names=tuple(NETWORKS)):
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, build) in enumerate((name, ALL[name]) for name in names):
        with torch.no_grad():
            state = fill(build()).state_dict()
        if name == "sin-resnet50":
            state = {"epoch": 60, "arch": "resnet50", "state_dict": {f"module.{key}": value for key, value in state.items()}}
        torch.save(state, folder / f"{name}.pth", _use_new_zipfile_serialization=number % 2 == 0)


def compare(lgf, folder, files):
    worst = 0.0
    pictures = [Image.open(path).convert("RGB") for path in files]
    for name, build in ALL.items():
        x = torch.stack([prepared_for(name, picture) for picture in pictures])
        kept = (folder / f"{name}.pth").exists()
        if not kept:
            full(folder, [name])
        out = folder / f"{name}.csv"
        command = [lgf, "predict", "--arch", name, "--weights", folder / f"{name}.pth", "--logits", out, *files]
        subprocess.run(command, check=True, capture_output=True)
        with open(out) as rows:
            found = numpy.array([[float(value) for value in row[1:]] for row in list(csv.reader(rows))[1:]])
        with torch.no_grad():
            expected = fill(build())(x).numpy()
        difference = float(numpy.abs(found - expected).max() / numpy.abs(expected).max())
        worst = max(worst, difference)
        if not kept:
            (folder / f"{name}.pth").unlink()
        print(f"{name:<22} {len(files)} pictures, largest difference of a logit {difference:.2e} of the largest logit", flush=True)
    print(f"largest of all: {worst:.2e} (at most 1e-4)")
    return 0 if worst <= 1e-4 else 1


def main():
    arguments = sys.argv[1:]
    if arguments == ["golden"]:
        golden()
    elif len(arguments) >= 2 and arguments[0] == "full":
        full(pathlib.Path(arguments[1]), *filter(None, [arguments[2:]]))
    elif len(arguments) > 3 and arguments[0] == "compare":
        sys.exit(compare(arguments[1], pathlib.Path(arguments[2]), arguments[3:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
