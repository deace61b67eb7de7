"""Golden file for observers: model-vs-human's measures in pandas on made-up decisions, intervals by repeating pictures."""

import io
import itertools
import json
import pathlib
import re

import numpy
import pandas

HEADER = "subj,session,trial,rt,object_response,category,condition,imagename".split(",")
CATEGORIES = ("bear", "cat", "dog", "car")
SHAPES = (0.32, 0.32, 0.32, 0.04)  # cars are so rare that a draw of pictures may have none
WNIDS = {"bear": ("n02132136", "n02133161"), "cat": ("n02123045",), "dog": ("n02085620", "n02110958"), "car": ("n02814533",)}
NETWORKS = ("deep-net-2", "plain-net", "wide-net-v1-5")
PEOPLE = {"cue-conflict": 4, "contrast": 3}
CONDITIONS = ("c100", "c50", "c30", "c10", "c03")
# Control, and where people are below 20 %: averages leave them out.
LEFT_OUT = {"contrast": ("c100", "c03", "c01")}
PICTURES, SAME_CUE, CONTRAST_PICTURES = 90, 12, 40
DRAWS = 200
ENDS = [2.5, 97.5]


# Made-up decisions.


def cue_pictures(rng):
    """(category, condition, name) of pictures of a shape and a texture, some of one category twice."""
    names = set()
    while len(names) < PICTURES:
        shape, texture = rng.choice(CATEGORIES, p=SHAPES), rng.choice(CATEGORIES)
        if len(names) < SAME_CUE:
            texture = shape
        elif texture == shape:
            continue
        names.add((shape, f"{shape}{rng.integers(1, 11)}-{texture}{rng.integers(1, 5)}.png"))
    return [(str(shape), "0", name) for shape, name in sorted(names)]


def contrast_pictures(rng):
    """The same for photographs; one may come again in another condition."""
    every = [(category, wnid, number) for category in CATEGORIES for wnid in WNIDS[category] for number in range(1, 16)]
    pictures = []
    for condition in CONDITIONS:
        for at in rng.choice(len(every), CONTRAST_PICTURES, replace=False):
            category, wnid, number = every[at]
            pictures.append((category, condition, f"{wnid}_{number * 7 + 3}.JPEG"))
    return pictures


def respond(rng, picture, person, skill):
    """What an observer says: the shape or the texture of two cues, the category as often as contrast lets it, else any."""
    category, condition, name = picture
    if rng.random() < (0.06 if person else 0.02):
        return "na"
    if condition in CONDITIONS:
        right = {"c100": 0.95, "c50": 0.85, "c30": 0.7, "c10": 0.5, "c03": 0.2}[condition] * skill
        return category if rng.random() < right else str(rng.choice(CATEGORIES + ("oven",)))
    kind = rng.choice(3, p=[0.8, 0.08, 0.12] if person else [0.3 * skill, 0.6, 0.4 - 0.3 * skill])
    return (category, texture_of(name), str(rng.choice(CATEGORIES + ("knife", "boat"))))[kind]


def respond_all(rng, set_name, pictures):
    """Observer to its response to each picture, and what makes a kappa 0 / 0 or 1."""
    people = [f"subject-{number:02}" for number in range(1, PEOPLE[set_name] + 1)]
    said = {}
    for place, observer in enumerate(NETWORKS + tuple(people)):
        skill = 1 - 0.1 * (place % 3)
        said[observer] = [respond(rng, picture, observer in people, skill) for picture in pictures]
    for at, (category, condition, _) in enumerate(pictures):
        if condition == "c50":  # two people always right
            said["subject-01"][at] = said["subject-02"][at] = category
        if condition == "c03":  # two networks always wrong
            wrong = [other for other in CATEGORIES if other != category]
            said["plain-net"][at], said["wide-net-v1-5"][at] = wrong[0], wrong[at % 3]
        if condition == "c10":  # two networks right on the same pictures
            said["wide-net-v1-5"][at] = said["plain-net"][at]
    return said


def decision_file(rng, set_name, observer, pictures, responses):
    """Name and text of an observer's file, in its own order of trials and with what published files differ in."""
    person = observer.startswith("subject-")
    code = f"s{observer[-2:]}" if person else "dnn"
    rows = []
    for trial, at in enumerate(rng.permutation(len(pictures)), 1):
        category, condition, name = pictures[at]
        response = responses[at]
        rt = "NaN" if not person else "na" if response == "na" else f"{rng.gamma(9, 0.1):.4f}"
        prefix = f"{trial:04}_{set_name[:3]}_{code}_{condition}_{category}_{'00' if condition == '0' else '10'}"
        rows.append([observer, "1", str(trial), rt, response, category, condition, f"{prefix}_{name}"])
    table, end = pandas.DataFrame(rows, columns=HEADER), "\n"
    if (set_name, observer) == ("cue-conflict", "subject-02"):
        table.columns = "Subj,Session,Trial,RT,object_Response,Category,Condition,ImageName".split(",")
    if (set_name, observer) == ("cue-conflict", "subject-04"):
        table["condition"] = "cue"  # another name for the only condition
    if (set_name, observer) == ("cue-conflict", "plain-net"):
        table = table[HEADER[::-1]]
    if (set_name, observer) == ("contrast", "subject-03"):
        table.insert(3, "experiment", "one, two")
    if (set_name, observer) == ("contrast", "deep-net-2"):
        end = "\r\n"
    name = f"{set_name}_{observer}_session{'_' if person else '-'}1.csv"
    return f"{set_name}/{name}", table.to_csv(index=False, lineterminator=end)


# The measures, as model-vs-human has them.


def identity(name):
    """A picture's name without what each observer puts before it; that of a photograph begins with its wnid."""
    return re.search(r"(n0\d+_)?[^_]*$", name)[0]


def texture_of(name):
    return re.sub(r"\d", "", identity(name).split(".")[0].split("-")[-1])


def read(texts):
    """All trials of decision files, a column `image` and a column `right` more."""
    tables = [pandas.read_csv(io.StringIO(text), dtype={"condition": str, "Condition": str}) for text in texts]
    trials = pandas.concat([table.rename(columns=str.lower) for table in tables], ignore_index=True)
    trials["image"] = trials["imagename"].map(identity)
    trials["right"] = trials["object_response"] == trials["category"]
    return trials


def cues(trials):
    """Trials whose shape and texture differ."""
    trials = trials.assign(texture=trials["imagename"].map(texture_of))
    return trials[trials["texture"] != trials["category"]]


def shape_bias(trials):
    own = cues(trials)
    shape, texture = (own["object_response"] == own["category"]).sum(), (own["object_response"] == own["texture"]).sum()
    return {"trials": len(own), "shape": int(shape), "texture": int(texture), "shape_bias": float(shape / (shape + texture))}


def agreement(first, second):
    """Observed and expected consistency and kappa of two series of right and wrong, by picture."""
    first, second = first.align(second, join="outer")
    assert not first.isna().any() and not second.isna().any() and first.index.is_unique
    observed = float((first == second).mean())
    a, b = float(first.mean()), float(second.mean())
    expected = a * b + (1 - a) * (1 - b)
    kappa = None if expected == 1 else (observed - expected) / (1 - expected)
    published = 1.0 if observed == 1 else kappa
    return {"observed": observed, "expected": expected, "kappa_published": published, "kappa": kappa}


def conditions_of(set_name, trials):
    """Name and trials of each condition; all together where each observer has but one."""
    if set_name == "contrast":
        return [(condition, trials[trials["condition"] == condition]) for condition in CONDITIONS]
    return [("0", trials)]


def by_observer(trials):
    return {observer: own.set_index("image")["right"] for observer, own in trials.groupby("subj", sort=False)}


def consistency(sets):
    rows = []
    for set_name, trials in sets.items():
        for condition, own in conditions_of(set_name, trials):
            for (first, a), (second, b) in itertools.combinations(by_observer(own).items(), 2):
                pair = {"set": set_name, "condition": condition, "first": first, "second": second, "trials": len(a)}
                rows.append(pair | agreement(a, b))
    return rows


def benchmark(sets):
    """Networks and people against people: means over conditions, then people (or pairs of them), then sets; ranks of networks."""
    rows = []
    for set_name, trials in sets.items():
        for condition, own in conditions_of(set_name, trials):
            if condition in LEFT_OUT.get(set_name, ()):
                continue
            right = by_observer(own)
            people = [observer for observer in right if observer.startswith("subject-")]
            pairs = [(observer, observer, person) for observer in right if observer not in people for person in people]
            pairs += [("people", first, second) for first, second in itertools.combinations(people, 2)]
            for observer, first, second in pairs:
                squared = (right[first].mean() - right[second].mean()) ** 2
                row = {"observer": observer, "pair": f"{first} {second}", "set": set_name, "accuracy_difference": squared}
                rows.append(row | agreement(right[first], right[second]))
    measures = ["accuracy_difference", "observed", "kappa_published"]
    means = pandas.DataFrame(rows)
    for keys in (["observer", "pair", "set"], ["observer", "set"], ["observer"]):
        means = means.groupby(keys, as_index=False)[measures].mean()
    networks = means[means["observer"] != "people"]
    places = [networks[measure].rank(ascending=measure == "accuracy_difference") for measure in measures]
    means["mean_rank"] = sum(places) / len(places)  # none for people
    return means.astype(object).where(means.notna(), None).to_dict("records")


# Intervals, the slow way.


def times(rng, count):
    """How often each of some pictures is drawn, with replacement."""
    return numpy.bincount(rng.integers(0, count, count), minlength=count)


def redrawn(rng):
    """Observers that are right on easy pictures, and kappas of each two with pictures repeated as often as drawn."""
    easy = rng.random(70)
    correct = (0.6 * easy + rng.normal(0, 0.25, (5, 70)) + 0.06 * numpy.arange(5)[:, None] > 0.35).astype(int)
    drawn = [times(rng, 70) for _ in range(DRAWS)]
    intervals = []
    for first, second in itertools.combinations(range(5), 2):
        kappas = []
        for how_often in drawn:
            a, b = (pandas.Series(numpy.repeat(correct[one], how_often)) for one in (first, second))
            kappas.append(agreement(a, b)["kappa"])
        intervals.append(numpy.percentile(kappas, ENDS).tolist())
    return {"correct": correct.tolist(), "times": [one.tolist() for one in drawn], "kappa_intervals": intervals}


def crossed(rng, trials, observer):
    """Shape bias of an observer with its pictures' shapes and textures drawn again, each by itself."""
    own = cues(trials[trials["subj"] == observer])
    sources = own["image"].str.removesuffix(".png").str.split("-", expand=True)
    shapes, textures = sorted(set(sources[0])), sorted(set(sources[1]))
    rows, columns = ([times(rng, len(one)) for _ in range(DRAWS)] for one in (shapes, textures))
    by_shape = (own["object_response"] == own["category"]).to_numpy()
    by_texture = (own["object_response"] == own["texture"]).to_numpy()
    pooled, by_category = [], []
    for row, column in zip(rows, columns):
        weight = sources[0].map(dict(zip(shapes, row))) * sources[1].map(dict(zip(textures, column)))
        own = own.assign(shapes=weight * by_shape, textures=weight * by_texture)
        sums = own[["shapes", "textures"]].sum()
        pooled.append(sums["shapes"] / sums.sum())
        sums = own.groupby("category")[["shapes", "textures"]].sum()
        by_category.append(numpy.nanmean(sums["shapes"] / sums.sum(axis=1)))
    return {
        "set": "cue-conflict",
        "observer": observer,
        "shape_sources": shapes,
        "texture_sources": textures,
        "row_times": [one.tolist() for one in rows],
        "column_times": [one.tolist() for one in columns],
        "pooled": numpy.nanpercentile(pooled, ENDS).tolist(),
        "by_category": numpy.nanpercentile(by_category, ENDS).tolist(),
    }


def main():
    rng = numpy.random.default_rng(17)
    files = {}
    for set_name, pictures in (("cue-conflict", cue_pictures(rng)), ("contrast", contrast_pictures(rng))):
        for observer, responses in respond_all(rng, set_name, pictures).items():
            name, text = decision_file(rng, set_name, observer, pictures, responses)
            files[name] = text
    sets = {name: read([text for file, text in sorted(files.items()) if file.startswith(f"{name}/")]) for name in PEOPLE}
    own = sets["cue-conflict"]
    golden = {
        "versions": {"numpy": numpy.__version__, "pandas": pandas.__version__},
        "files": files,
        "shape_bias": [{"observer": one} | shape_bias(own[own["subj"] == one]) for one in own["subj"].unique()],
        "consistency": consistency(sets),
        "benchmark": benchmark(sets),
        "redraw": redrawn(rng),
        "crossed": crossed(rng, own, NETWORKS[0]),
    }
    pathlib.Path("tests/golden/observers.json").write_text(json.dumps(golden, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
