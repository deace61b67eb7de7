"""Small checkpoints in every form that torch.save writes, and the numbers in them: tests/golden/checkpoints."""

import argparse
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


def kinds():
    """What a training checkpoint may hold beside its weights: all that torch reads with weights_only=True."""
    named = numbers(2)
    named.note = "an attribute"
    return {
        "counter": collections.Counter({30: 1, 60: 2}),
        "ordered": collections.OrderedDict(a=1),
        "size": torch.Size([2, 3]),
        "device": torch.device("cuda", 0),
        "dtypes": [torch.float32, torch.bfloat16, torch.uint16, torch.float8_e4m3fn, torch.qint8],
        "layout": torch.strided,
        "set": {1, 2},
        "empty": (set(), bytearray()),
        "long": [2**70, -(2**70), 2**2000],
        "bytes": b"\x00\xff",
        "bytearray": bytearray(b"\x00\xff"),
        "complex": 1 + 2j,
        "named": named,
        "parameter": torch.nn.Parameter(numbers(2)),
        "other": [
            torch.zeros(2, dtype=torch.complex64),
            torch.zeros(2, dtype=torch.uint16),
            torch.zeros(2, dtype=torch.float8_e4m3fn),
            torch.eye(2).to_sparse(),
            torch.empty(2, device="meta"),
            torch.quantize_per_tensor(numbers(2), 0.1, 0, torch.qint8),
        ],
    }


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    base = numbers(6, 4)
    module = {f"module.{name}": tensor for name, tensor in state().items()}
    both = {f"module._orig_mod.{name}": tensor for name, tensor in state().items()}
    optimizer = {"state": collections.defaultdict(dict, {0: {"momentum": numbers(2)}}), "param_groups": [{"lr": 0.1, "nesterov": False}]}
    training = {"epoch": 60, "state_dict": module, "scheduler": kinds(), "rng": torch.get_rng_state()[:16]}
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1))
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
        "training": (training, True),
        # torch does not read its own old form where tensors are of types that it came to know later.
        "training_legacy": (training | {"scheduler": kinds() | {"other": [torch.eye(2).to_sparse()]}}, False),
        "protocol_4": ({"state_dict": state(), "seen": frozenset([1]), "set": {1, 2}, "empty": b"", "bytes": b"a" * 300}, True),
        "net": ({"net": both}, True),
        "sparse": ({"a": numbers(2), "b": torch.eye(2).to_sparse()}, True),
        "list": ([numbers(2), numbers(3)], True),
        "whole": (network, True),
        "nested_whole": ({"epoch": 1, "model": network}, True),
        "namespace": ({"args": argparse.Namespace(lr=0.1), "state_dict": state()}, True),
    }
    expected = {}
    for name, (value, new) in forms.items():
        protocol = 4 if name == "protocol_4" else 2
        torch.save(value, OUT / f"{name}.pth", _use_new_zipfile_serialization=new, pickle_protocol=protocol)
        if name in ("training", "training_legacy"):
            torch.load(OUT / f"{name}.pth", weights_only=True)
        tables = value if isinstance(value, dict) else {}
        inner = next((tables[key] for key in ("state_dict", "model", "net") if key in tables), tables)
        inner = inner if isinstance(inner, dict) else {}
        expected[name] = {
            key.removeprefix("module.").removeprefix("_orig_mod."): {"shape": list(tensor.shape), "values": [float(v) for v in tensor.detach().double().reshape(-1)]}
            for key, tensor in inner.items()
            if isinstance(tensor, torch.Tensor) and not tensor.is_sparse
        }
    found = {"versions": {"torch": torch.__version__}, "tensors": expected}
    (OUT / "values.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
