"""Notebook 1 the way it was published, written anew: every file a dictionary, every dictionary a table, tables joined.

    python published_boxes.py Annotation.tar.gz OUT.csv

Needs pandas and xmltodict.
"""

import sys
import tarfile
import time

import pandas as pd
import xmltodict


def main(archive, out):
    began = time.perf_counter()
    tables = []
    with tarfile.open(archive) as outer:
        for synset in outer:
            with tarfile.open(fileobj=outer.extractfile(synset), mode="r:gz") as inner:
                rows = []
                for member in inner:
                    if member.isfile():
                        document = xmltodict.parse(inner.extractfile(member).read())
                        rows.append(pd.json_normalize(document["annotation"]))
                tables.append(pd.concat(rows, ignore_index=True))
    pd.concat(tables, ignore_index=True).to_csv(out, index=False)
    print(f"{time.perf_counter() - began:.4f} seconds")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
