"""Decision files of EfficientNet-Lite0 against an independent computation in torch, by each scoring.

    python tests/reference/efficientnet_decisions.py WEIGHTS FOLDER DECISIONS_PREFIX

WEIGHTS: .safetensors or .pth, as efficientnet-lite-pytorch names its tensors. FOLDER: stimuli, <category>/<name>.
DECISIONS_PREFIX: <DECISIONS_PREFIX>_<scoring>.csv is the decision file of a scoring. It ends with 1 if a decision differs.
"""

import csv
import importlib.metadata
import pathlib
import re
import sys

import efficientnet_lite_pytorch
import numpy
import torch
from PIL import Image

SCORINGS = ("mean", "sum", "max", "sum_over_half", "rank")
RESIZE, CROP = 256, 224


def network(weights):
    if weights.endswith(".safetensors"):
        import safetensors.torch

        state = safetensors.torch.load_file(weights)
    else:
        state = torch.load(weights, map_location="cpu", weights_only=True)
    net = efficientnet_lite_pytorch.EfficientNet.from_name("efficientnet-lite0")
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)
    return net.eval()


def preprocessed(path):
    with Image.open(path) as file:
        picture = file.convert("RGB")
    short = min(picture.size)
    width, height = (int(RESIZE * side / short) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - CROP) / 2), round((height - CROP) / 2)
    pixels = numpy.asarray(picture.crop((left, top, left + CROP, top + CROP)), dtype=numpy.float32)
    return torch.from_numpy((pixels - 127) / 128).permute(2, 0, 1)


def logits_of(net, paths):
    with torch.inference_mode():
        batches = [paths[at : at + 32] for at in range(0, len(paths), 32)]
        return torch.cat([net(torch.stack([preprocessed(path) for path in batch])) for batch in batches]).numpy()


def categories():
    """Category to its classes, categories in order of their names."""
    classes = {}
    with open("data/sixteen_categories.csv", newline="") as file:
        for row in csv.DictReader(file):
            classes.setdefault(row["category"], []).append(int(row["index"]))
    return dict(sorted(classes.items()))


def scores_of(scoring, logits, classes):
    """A row a picture, a column a category."""
    logits = logits.astype(numpy.float64)
    shares = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    place = 1 + (-logits).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    of = {
        "mean": lambda own: shares[:, own].mean(axis=1),
        "sum": lambda own: shares[:, own].sum(axis=1),
        "max": lambda own: logits[:, own].max(axis=1),
        "sum_over_half": lambda own: shares[:, own].sum(axis=1),
        "rank": lambda own: 1 / place[:, own].min(axis=1),
    }[scoring]
    return numpy.stack([of(own) for own in classes.values()], axis=1)


def decided(scoring, scores, names):
    best = scores.argmax(axis=1)
    none = (scores.max(axis=1) <= 0.5) & (scoring == "sum_over_half")
    return ["na" if no else names[at] for at, no in zip(best, none)]


def read(path):
    """Name of a picture to its row."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    found = {row["imagename"].split("_")[-1]: row for row in rows}
    assert len(found) == len(rows), f"{path}: pictures of the same name"
    return found


def main():
    weights, folder, prefix = sys.argv[1:]
    print(f"torch {torch.__version__}, efficientnet-lite-pytorch {importlib.metadata.version('efficientnet-lite-pytorch')}")
    paths = sorted(path for path in pathlib.Path(folder).rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
    logits, classes = logits_of(network(weights), paths), categories()
    names, differ = list(classes), 0
    shapes = [path.parent.name for path in paths]
    textures = [re.sub(r"\d", "", path.stem.split("-")[-1]) for path in paths]
    for scoring in SCORINGS:
        scores = scores_of(scoring, logits, classes)
        own, theirs = decided(scoring, scores, names), read(f"{prefix}_{scoring}.csv")
        assert set(theirs) == {path.name for path in paths}, f"{prefix}_{scoring}.csv: other pictures"
        different, cues, ties = 0, {"shape": 0, "texture": 0, "other": 0, "na": 0}, 0
        for at, path in enumerate(paths):
            row, order = theirs[path.name], scores[at].argsort()[::-1]
            assert row["category"] == shapes[at], f"{path.name}: category {row['category']}"
            ties += own[at] != "na" and scores[at, order[0]] == scores[at, order[1]]
            if row["object_response"] != own[at]:
                different += 1
                best = ", ".join(f"{names[one]} {scores[at, one]:.9g}" for one in order[:2])
                print(f"{scoring} {path.name}: {row['object_response']} in the file; here {own[at]} of {best}")
            if shapes[at] != textures[at]:
                answers = {shapes[at]: "shape", textures[at]: "texture", "na": "na"}
                cues[answers.get(own[at], "other")] += 1
        gap = numpy.diff(numpy.sort(scores, axis=1)[:, -2:], axis=1).min()
        counts = ", ".join(f"{count} {name}" for name, count in cues.items())
        bias = cues["shape"] / (cues["shape"] + cues["texture"])
        print(f"{scoring}: {different} of {len(paths)} different; {counts}; shape bias {bias:.4f}")
        print(f"{scoring}: {ties} tied; least distance of the two best scores {gap:.3g}")
        differ += different
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
