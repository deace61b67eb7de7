"""Writes data/imagenet_classes.csv: the 1,000 ImageNet-1k classes in the order of the networks' outputs.

Synsets in order and their lemmas are facts that the timm wheel carries (timm/data/_info).
Run: python tests/reference/imagenet_classes.py FOLDER_OF_THE_UNPACKED_WHEEL
"""

import pathlib
import sys

info = pathlib.Path(sys.argv[1]) / "timm" / "data" / "_info"
lemma = dict(line.split("\t", 1) for line in (info / "imagenet_synset_to_lemma.txt").read_text().splitlines())
with open("data/imagenet_classes.csv", "w") as out:
    out.write("index,wnid,name\n")
    for index, wnid in enumerate((info / "imagenet_synsets.txt").read_text().split()):
        out.write(f"{index},{wnid},{lemma[wnid].split(',')[0].strip()}\n")
