"""What timm calls the tensors of networks that are here too, and whether those compute the same as timm's.

    names.py golden                        writes tests/golden/names.json: names and shapes of timm's networks
    names.py compare LGF FOLDER FILE… [-- NAME…]   logits of `lgf predict` for timm's checkpoints, random weights, and timm's;
                                           FILE… are pictures of 224 x 224; of all networks, or those of the names
"""

import csv
import json
import pathlib
import subprocess
import sys

import numpy
import timm
import torch
import torchvision
from PIL import Image
from torchvision import transforms

from networks import fill, noise, prepared_for

OUT = pathlib.Path("tests/golden/names.json")
# Timm's networks, and those here that compute the same.
SAME = {
    "vit_base_patch16_224": "vit_b_16",
    "vit_base_patch32_224": "vit_b_32",
    "vit_large_patch16_224": "vit_l_16",
    "deit_tiny_patch16_224": "deit_tiny_patch16_224",
    "deit_small_patch16_224": "deit_small_patch16_224",
    "convnext_tiny": "convnext_tiny",
    "convnext_small": "convnext_small",
    "convnext_base": "convnext_base",
    "swin_tiny_patch4_window7_224": "swin_t",
    "mobilenetv2_100": "mobilenet_v2",
    "efficientnet_b0": "efficientnet_b0",
    "efficientnet_b1": "efficientnet_b1",
    "efficientnet_b2": "efficientnet_b2",
    "efficientnet_b3": "efficientnet_b3",
    "tf_efficientnet_lite0": "efficientnet-lite0",
    "tf_efficientnet_lite1": "efficientnet-lite1",
    "tf_efficientnet_lite2": "efficientnet-lite2",
    "regnety_004": "regnet_y_400mf",
    "regnety_080_tv": "regnet_y_8gf",
    "vgg16": "vgg16",
    "vgg11_bn": "vgg11-bn",
}
# The same, and of the same names.
OWN = {
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "resnext50_32x4d": "resnext50",
    "resnext101_32x8d": "resnext101",
    "legacy_seresnet50": "se-resnet50",
    "legacy_seresnext50_32x4d": "se-resnext50",
    "densenet121": "densenet121",
    "densenet161": "densenet161",
    "densenet169": "densenet169",
    "densenet201": "densenet201",
}
# Networks whose names or shapes would do, and which compute something else.
OTHERS = {
    "regnety_080": "regnet_y_8gf",
    "efficientnet_lite0": "efficientnet-lite0",
    "tf_efficientnet_b0": "efficientnet_b0",
    "tf_mobilenetv3_large_100": "mobilenet_v3_large",
    "mobilenetv3_large_100": "mobilenet_v3_large",
    "mobilenetv3_small_100": "mobilenet_v3_small",
}


def tensors(name):
    state = timm.create_model(name, pretrained=False).state_dict()
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


def golden():
    found = {
        name: {"own": own, "tensors": [" ".join([key, *map(str, value.shape)]) for key, value in tensors(name).items()]}
        for name, own in SAME.items()
    }
    versions = {"timm": timm.__version__, "torch": torch.__version__, "torchvision": torchvision.__version__}
    OUT.write_text(json.dumps({"versions": versions, "timm": found}) + "\n")


def filled(name, x):
    """Timm's network with the weights of `networks.py`, made from its own names for tensors; statistics are those of pictures,
    so that rounding does not grow from layer to layer."""
    network = fill(timm.create_model(name, pretrained=False))
    for key, tensor in network.state_dict().items():
        part = key.rpartition(".")[2]
        if part in ("cls_token", "pos_embed", "gamma"):
            u = torch.from_numpy(noise(key, tensor.numel())).view(tensor.shape)
            tensor.copy_(u * 0.5 if part == "gamma" else u * 2 - 1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train().momentum = 1.0
    network(x)
    return network.eval()


def compare(lgf, folder, files, names):
    folder.mkdir(parents=True, exist_ok=True)
    everything = SAME | OWN | OTHERS
    failed = False
    for number, name in enumerate(names or everything):
        own = everything[name]
        pictures = [Image.open(path).convert("RGB") for path in files]
        x = torch.stack([prepared_for(own, picture) for picture in pictures])
        weights, out = folder / f"{name}.pth", folder / f"{name}.csv"
        with torch.no_grad():
            network = filled(name, x)
            torch.save(network.state_dict(), weights, _use_new_zipfile_serialization=number % 2 == 0)
            expected = network.double()(x.double()).numpy()
        command = [lgf, "predict", "--arch", own, "--weights", weights, "--logits", out, *files]
        run = subprocess.run(command, capture_output=True, text=True)
        weights.unlink()
        if run.returncode:
            failed |= name not in OTHERS
            print(f"{name:<30} {own:<24} refused: {run.stderr.strip()[:300]}", flush=True)
            continue
        with open(out) as rows:
            found = numpy.array([[float(value) for value in row[1:]] for row in list(csv.reader(rows))[1:]])
        difference = float(numpy.abs(found - expected).max() / numpy.abs(expected).max())
        failed |= (difference <= 1e-4) == (name in OTHERS)
        said = " | ".join(line for line in (run.stdout + run.stderr).splitlines() if "names of" in line or "left out" in line)
        print(f"{name:<30} {own:<24} {difference:.2e} of {numpy.abs(expected).max():.3g}  {said[-150:]}", flush=True)
    return 1 if failed else 0


def main():
    arguments = sys.argv[1:]
    if arguments == ["golden"]:
        golden()
    elif len(arguments) > 3 and arguments[0] == "compare":
        files, _, names = " ".join(arguments[3:]).partition(" -- ")
        sys.exit(compare(arguments[1], pathlib.Path(arguments[2]), files.split(), names.split()))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
