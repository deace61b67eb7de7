"""Small checkpoints in every form that torch.save writes, and the numbers in them: tests/golden/checkpoints."""

import collections
import json
import pathlib

import torch

OUT = pathlib.Path("tests/golden/checkpoints")


def numbers(*shape, start=0):
    count = torch.Size(shape).numel()
    return (torch.arange(start, start + count, dtype=torch.float32) * 0.375 - 1.5).view(shape)


def state():
    return collections.OrderedDict([
        ("conv.weight", numbers(2, 3, 1, 1)),
        ("conv.bias", numbers(2, start=7)),
        ("bn.num_batches_tracked", torch.tensor(12)),
    ])


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    base = numbers(6, 4)
    module = {f"module.{name}": tensor for name, tensor in state().items()}
    optimizer = {"state": collections.defaultdict(dict, {0: {"momentum": numbers(2)}}), "param_groups": [{"lr": 0.1, "nesterov": False}]}
    forms = {
        "zip": (state(), True),
        "legacy": (state(), False),
        "nested_zip": ({"epoch": 60, "optimizer": optimizer, "model": state()}, True),
        "nested_legacy": ({"epoch": 60, "arch": "resnet50", "state_dict": module, "best": 0.75, "optimizer": optimizer}, False),
        "half": ({name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state().items()}, True),
        "bfloat16": ({"a": numbers(5).bfloat16(), "b": numbers(2, 2).double()}, False),
        "views_zip": ({"whole": base, "turned": base.t(), "part": base[1:3, 1:4], "scalar": base[2, 2]}, True),
        "views_legacy": ({"whole": base, "turned": base.t(), "part": base[1:3, 1:4]}, False),
        "parameter": ({"p": torch.nn.Parameter(numbers(3))}, True),
        "kinds": ({"i": torch.tensor([1, -2], dtype=torch.int32), "u": torch.tensor([3, 255], dtype=torch.uint8), "t": torch.tensor([True, False])}, True),
        "some_module": ({"module.a": numbers(2), "b": numbers(2)}, True),
        "both": ({"state_dict": state(), "model": state()}, True),
        "none": ({"epoch": 3, "names": ["a", "b"]}, True),
    }
    expected = {}
    for name, (value, new) in forms.items():
        torch.save(value, OUT / f"{name}.pth", _use_new_zipfile_serialization=new)
        inner = value.get("state_dict") or value.get("model") or value
        expected[name] = {
            key.removeprefix("module."): {"shape": list(tensor.shape), "values": [float(v) for v in tensor.detach().double().reshape(-1)]}
            for key, tensor in inner.items()
            if isinstance(tensor, torch.Tensor)
        }
    found = {"versions": {"torch": torch.__version__}, "tensors": expected}
    (OUT / "values.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
