"""Golden files for models: narrow networks of torchvision's own classes with random weights, as torch.save writes them,
and their logits on a picture made from integer arithmetic."""

import json
import pathlib

import numpy
import torch
import torchvision
from torchvision.models.resnet import Bottleneck, ResNet

OUT = pathlib.Path("tests/golden")


def picture():
    row, col = numpy.mgrid[0:224, 0:224].astype(numpy.int64)
    channels = [(row * 7 + col * 13 + row * col // 3) % 256, (row * row // 5 + col * 3) % 256, (row ^ col) % 256]
    return numpy.stack(channels).astype(numpy.float32) / 255


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


torch.manual_seed(7)
logits = {}
for name, network in {
    "slim-resnet50": Narrow([8, 12, 16, 32], 16),
    "slim-resnext50": Narrow([8, 12, 16, 32], 16, groups=4, group_width=32),
}.items():
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    network.eval()
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    with torch.no_grad():
        logits[name] = network(((torch.from_numpy(picture()) - mean) / std)[None])[0].tolist()
    torch.save(network.state_dict(), OUT / f"{name}.pth")
versions = {"torch": torch.__version__, "torchvision": torchvision.__version__}
(OUT / "networks.json").write_text(json.dumps({"versions": versions, "logits": logits}, indent=1) + "\n")
