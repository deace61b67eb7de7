"""Golden files for step 6: a made-up table of predictions and one of overlaps, and what pandas and SciPy say of them.

`interaction` is the study's own loop, two look-ups a row; tools/bench_analysis.py times it.
"""

import json
import pathlib
import sys

import numpy
import pandas
import scipy
from scipy import stats

NETWORKS = ["resnet50", "sin-resnet50", "se-resnet50", "se-resnext50"]
PHOTOGRAPHS = [(f"n0{k}_{i}", f"n0{k}") for k in range(3) for i in range(4)]
SIZES = [10, 30, 50]


def predictions(rng):
    rows = []
    for model in NETWORKS:
        lean = NETWORKS.index(model) * 0.06
        for photograph, wnid in PHOTOGRAPHS:
            base = rng.normal(6.0, 1.5)

            def put(kind, level, variant, fall, gap=-1, fill=""):
                logit = base - fall + rng.normal(0, 0.4)
                accuracy = round(float(1 / (1 + numpy.exp(3.0 - logit))), 6)
                file = f"{photograph}_{kind}_{level}_{variant}.png"
                rows.append(
                    dict(file=file, model=model, true_acc=accuracy, true_logit=round(float(logit), 5), orig_file=photograph,
                         wnid=wnid, kind=kind, fill=fill, level=level, variant=variant, gap=gap)
                )  # fmt: skip

            for kind in ("scrambled", "smoothed", "patched"):
                put(kind, 0, -1, 0.0)
            for level in (112, 56):
                for variant in range(2):
                    put("scrambled", level, variant, 200 / level + lean)
            for level in (1, 2):
                put("smoothed", level, level, level * (0.8 - lean))
            for size in SIZES:
                for variant in range(4):
                    put("patched", size, variant, size / 60, size, "black")
                put("patched", size, -1, size / 20, size, "black")
    return pandas.DataFrame(rows)


def differences(rng):
    """What smoothing takes away, and its inverse: one picture each a photograph."""
    rows = []
    for model in NETWORKS:
        for photograph, wnid in PHOTOGRAPHS:
            for kind, middle in (("difference", 2.5 + 0.4 * NETWORKS.index(model)), ("difference inverse", 2.0)):
                logit = rng.normal(middle, 0.7)
                accuracy = round(float(1 / (1 + numpy.exp(3.0 - logit))), 6)
                file = f"{photograph}_{kind.replace(' ', '_')}_5_-1.png"
                rows.append(
                    dict(file=file, model=model, true_acc=accuracy, true_logit=round(float(logit), 5), orig_file=photograph,
                         wnid=wnid, kind=kind, fill="", level=5, variant=-1, gap=-1)
                )  # fmt: skip
    return pandas.DataFrame(rows)


def overlaps(rng):
    rows = []
    for model in NETWORKS[:2]:
        for photograph, wnid in PHOTOGRAPHS:
            for region in ("positive", "negative", "top", "half"):
                pixels = int(rng.integers(0 if region == "negative" else 500, 6000))
                inside = int(pixels * rng.uniform(0.3, 0.9))
                shared = int(inside * rng.uniform(0.0, 0.4))
                for place, count, edges, on in (
                    ("whole", pixels, 3000, min(pixels, shared + int(rng.integers(0, 60)))),
                    ("box", inside, 2000, shared),
                ):
                    share = on / count if count else None
                    chance = 0.05 if count else None
                    rows.append(
                        dict(file=photograph, wnid=wnid, model=model, region=region, place=place, pixels=count, edges=edges,
                             shared=on, share=share, chance=chance, beyond_chance=share - chance if count else None)
                    )  # fmt: skip
    return pandas.DataFrame(rows)


def interaction(table):
    """The sums over single patches and the effects of all, as the study's notebook 6 computes them."""
    patched = table[table.kind == "patched"]
    sums = {}
    for _, row in patched[(patched.level > 0)].iterrows():
        original = patched[(patched.model == row.model) & (patched.orig_file == row.orig_file) & (patched.level == 0)]
        fall = original.true_logit.iloc[0] - row.true_logit
        found = sums.setdefault((row.model, row.level, row.orig_file), [0.0, 0.0, 0])
        if row.variant >= 0:
            same = patched[(patched.model == row.model) & (patched.orig_file == row.orig_file) & (patched.level == row.level)]
            found[2] = len(same[same.variant >= 0])
            found[0] += fall
        else:
            found[1] = fall
    index = pandas.DataFrame([(*key, *values) for key, values in sums.items()])
    index.columns = ["model", "level", "orig_file", "single", "all", "patches"]
    return index


def wide(table, kind, level, models):
    own = table[(table.kind == kind) & ((table.level == level) if level is not None else True)]
    both = own.pivot(index="file", columns="model", values="true_acc").dropna()
    both = both.astype("float32").astype("float64")  # the study's softmax is single, its tables are double
    return both[models[0]], both[models[1]]


def pair(test):
    return [float(test.statistic), float(test.pvalue)]


def golden(folder):
    rng = numpy.random.default_rng(11)
    table, overlap = predictions(rng), overlaps(rng)
    table = pandas.concat([table, differences(numpy.random.default_rng(12))], ignore_index=True)
    table.to_csv(folder / "predictions.csv", index=False)
    overlap.to_csv(folder / "overlap.csv", index=False)
    hypotheses = [
        ("1", "scrambled", None, 0, 1, "greater"), ("1 (112 only)", "scrambled", 112, 0, 1, "greater"),
        ("3", "smoothed", None, 0, 1, "less"), ("3 (first pass)", "smoothed", 1, 0, 1, "less"),
        ("3.1", "smoothed", None, 0, 2, "less"), ("3.1 (first pass)", "smoothed", 1, 0, 2, "less"),
        ("3.2", "smoothed", None, 1, 3, "less"), ("3.2 (first pass)", "smoothed", 1, 1, 3, "less"),
    ]  # fmt: skip
    tests = []
    for name, kind, level, first, second, alternative in hypotheses:
        a, b = wide(table, kind, level, [NETWORKS[first], NETWORKS[second]])
        what = f"hypothesis {name}"
        tests.append([what, "Shapiro-Wilk of the difference", len(a), *pair(stats.shapiro(a - b))])
        tests.append([what, "Wilcoxon", len(a), *pair(stats.wilcoxon(a, b, alternative=alternative))])
        if name in ("3 (first pass)", "3.2 (first pass)"):
            tests.append([what, "paired t, two-sided", len(a), *pair(stats.ttest_rel(a, b))])
    sums = interaction(table)
    for size in SIZES:
        own = sums[(sums.model == "resnet50") & (sums.level == size)]
        tests.append([f"single and all patches of {size} px", "Pearson", len(own), *pair(stats.pearsonr(own.single, own["all"]))])
    # Notebook 5.4: pixels on edges of the box, over all pixels of the region.
    boxed = overlap[overlap.place == "box"].set_index(["model", "region", "file"]).shared
    pixels = overlap[overlap.place == "whole"].set_index(["model", "region", "file"]).pixels
    share = boxed / pixels.where(pixels > 0)
    resnet, style = NETWORKS[:2]
    counts = boxed[resnet]["positive"], boxed[style]["positive"]
    for what, values in (("shared positive pixels", counts[0]), ("shared positive pixels", counts[1]),
                         ("shared positive pixels", counts[0] - counts[1])):  # fmt: skip
        tests.append([what, "Shapiro-Wilk", len(values), *pair(stats.shapiro(values))])
    tests.append(["shared positive pixels", "Pearson", len(counts[0]), *pair(stats.pearsonr(*counts))])
    for region, alternative in (("positive", "less"), ("negative", "greater")):
        both = pandas.concat([share[resnet][region], share[style][region]], axis=1).dropna()
        test = stats.wilcoxon(both.iloc[:, 0], both.iloc[:, 1], alternative=alternative)
        tests.append([f"share of {region} pixels on edges", "Wilcoxon", len(both), *pair(test)])
    # Corrected: changes from each photograph's own untouched picture, a pair a photograph.
    effects = []
    for name, kind, level, first, second, _ in hypotheses:
        own = table[table.kind == kind]
        untouched = own[own.level == 0].set_index(["model", "orig_file"]).true_acc
        changed = own[(own.level == level) if level is not None else (own.level > 0)]
        change = changed.groupby(["model", "orig_file"]).true_acc.mean() - untouched
        difference = (change[NETWORKS[first]] - change[NETWORKS[second]]).dropna()
        effects.append([f"hypothesis {name}", float(difference.mean()), float(difference.mean() / difference.std(ddof=1))])
    untouched = table[(table.kind == "smoothed") & (table.level == 0)].set_index(["model", "orig_file"]).true_acc
    for name, kind in (("difference pictures", "difference"), ("inverse difference pictures", "difference inverse")):
        change = table[table.kind == kind].set_index(["model", "orig_file"]).true_acc - untouched
        difference = change[NETWORKS[0]] - change[NETWORKS[1]]
        effects.append([name, float(difference.mean()), float(difference.mean() / difference.std(ddof=1))])
    versions = {"scipy": scipy.__version__, "pandas": pandas.__version__}
    expected = {"versions": versions, "tests": tests, "effects": effects, "interaction": sums.to_dict("list")}
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/analysis")
    folder.mkdir(parents=True, exist_ok=True)
    golden(folder)
