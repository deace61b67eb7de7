"""Metrics of relevance maps by Quantus 0.6, scikit-learn and SciPy: what lgf's own are compared with.

    judge.py golden    writes tests/golden/judge.json

Needs quantus 0.6.0 with numpy, scipy, scikit-learn and torch. Pictures, maps, weights and noise are whole numbers of 64ths from
integer arithmetic, row by row; undefined numbers are null. Where each kind of number comes from:

localisation    mass, rank: Quantus' RelevanceMassAccuracy on the positive part and RelevanceRankAccuracy (Arras et al. 2022);
                pointing: Quantus' PointingGame, a hit where any of several maxima is inside; auc: scikit-learn's roc_auc_score,
                which Quantus' AUC equals; average_precision: scikit-learn's. rank keeps ties in the order of their indices;
                rank_fair, by numpy, is its expectation over every order of them; pointing_first takes the first maximum alone.
occluders       black, mean, noise: numpy. blurred: SciPy's gaussian_filter, mode "mirror", truncate 4. inpainted: ROAD's
                linear imputation (Rong et al. 2022, `NoisyLinearImputer` in road_evaluation) as a dense system in numpy,
                compared with Quantus' noisy_linear_imputation without noise: with weights w of 1/6 for the four direct and
                1/12 for the four diagonal neighbours, a hidden pixel p fulfils
                    x_p * sum of w_q = sum of w_q * x_q, both over the neighbours q inside the picture alone.
                Where no pixel is visible every constant solves this: 0 then, the solution of least norm.
curves          numpy: regions of a side, the last ones cut, by the sum of their relevance, ties in index order whether the most
                or the least relevant goes first. Of n regions that with rank r is hidden from step floor(r * steps / n) + 1
                on, in a picture made from the whole one each time. srg (Blücher et al. 2024) is the mean over steps 1 to
                `steps` of least minus most relevant first, which is the study's area by trapezia between the two over shares of
                0 to 1, as they meet at both ends; Quantus 0.6 has none. Most relevant first is compared with Quantus'
                RegionPerturbation and PixelFlipping.
idsds           the study's single_deletion.py (Hesse et al. 2024, arXiv 2407.11910) in numpy: SciPy's spearmanr and pearsonr
                of a patch's relevance and the fall of the score when the patch is 0; the last patches are cut.
stability       spearman: SciPy's, of absolute values, of map and each copy; distance: |map - copy| / |map| in Frobenius norms,
                whose largest is Quantus' MaxSensitivity. Either is null over all copies if one is undefined.

Scores stand in for a network: linear is the sum of w * x, squashed 10 * tanh of the sum of v * x.
"""

import json
import math
import pathlib
import sys
import warnings
from importlib.metadata import version

import numpy
import quantus
import torch
from quantus.functions.perturb_func import noisy_linear_imputation
from quantus.helpers import asserts
from scipy import stats
from scipy.ndimage import gaussian_filter
from sklearn.metrics import average_precision_score, roc_auc_score

# Quantus refuses a map that is constant or negative throughout; its formulas do not.
asserts.assert_attributions = lambda **_: None

# It sorts without keeping ties in order, by what the processor has: here ties keep the order of their indices.
_argsort = numpy.argsort
numpy.argsort = lambda values, axis=-1, **_: _argsort(values, axis=axis, kind="stable")

OUT = pathlib.Path("tests/golden/judge.json")
UNIT = 64
HEIGHT, WIDTH = 12, 16
MEAN, STD = numpy.array([0.485, 0.456, 0.406]), numpy.array([0.229, 0.224, 0.225])
SIGMAS = [1.5, 5.0]
NOISE = 0.01
NEIGHBOURS = {(row, col): 1 / 6 if row * col == 0 else 1 / 12 for row in (-1, 0, 1) for col in (-1, 0, 1) if row or col}
# Picture, side, steps, maps and occluders.
CURVES = [
    ("first", 4, 6, ["plain", "ties", "bump", "zero", "negative", "constant"], ["black", "mean", "blur", "noise", "inpainted"]),
    ("second", 5, 5, ["plain", "ties", "bump", "constant"], ["black", "mean", "blur", "noise", "inpainted"]),
    ("first", 1, 9, ["plain", "ties"], ["black", "inpainted"]),
]

row, col = numpy.mgrid[0:HEIGHT, 0:WIDTH].astype(numpy.int64)
index = row * WIDTH + col
away = (row - 5) ** 2 + (col - 8) ** 2
planes = lambda plane: numpy.stack([plane(channel) for channel in range(3)])

PICTURES = {
    "first": planes(lambda channel: (7 * row * row + 3 * col + 11 * channel * row) % 97 - 40),
    "second": planes(lambda channel: (5 * row + 13 * col + row * col + 29 * channel) % 113 - 56),
}
MAPS = {
    "plain": (67 * index + 13) % 193 - 90,
    "ties": (row // 2 * 3 + col // 3 * 5) % 7 * 16 - 32,
    "bump": 96 - 3 * away,
    "zero": 0 * index,
    "negative": -1 - (31 * index + 7) % 97,
    "constant": 0 * index + 24,
}
MASKS = {
    "object": (row >= 2) & (row < 9) & (col >= 5) & (col < 12) & (row + col > 8),
    "corner": (row < 4) & (col < 5) | (row == 11),
    "pixel": (row == 6) & (col == 3),
    "nothing": row < 0,
    "everything": row >= 0,
}
HIDDEN = {
    "block": (row >= 3) & (row < 8) & (col >= 4) & (col < 10),
    "corner": (row < 3) & (col < 4) | (row > 9) & (col > 12),
    "scattered": (5 * row + 3 * col) % 7 < 2,
    "most": (row * WIDTH + col) % 37 != 5,
    "everything": row >= 0,
}
FIELD = planes(lambda channel: (37 * index + 53 * channel + index * index // 5) % 129 - 64)
WEIGHTS = {
    "linear": planes(lambda channel: 20 - away // 4 + (29 * index + 17 * channel) % 11 - 5),
    "squashed": planes(lambda channel: (5 * index + 3 * channel + row) % 3 - 1 + (away < 9)),
}


def number(value):
    """A number for the file, or null."""
    return round(float(value), 13) + 0.0 if math.isfinite(value) else None


def numbers(values):
    return [number(value) for value in numpy.asarray(values, float).reshape(-1)]


def whole(values):
    return [int(value) for value in numpy.asarray(values).reshape(-1)]


def real(values):
    return values / UNIT


def by_quantus(metric, relevance, mask):
    """A localisation metric of one map; the picture and the class play no part."""
    found = metric(
        model=None, x_batch=numpy.zeros((1, 3, HEIGHT, WIDTH)), y_batch=numpy.array([0]), channel_first=True,
        a_batch=real(relevance)[None, None], s_batch=mask[None, None])
    return float(found[0])


def plain(metric, **options):
    return metric(abs=False, normalise=False, disable_warnings=True, **options)


def localisation(name, mask_name):
    relevance, mask = MAPS[name], MASKS[mask_name]
    flat, inside = relevance.reshape(-1), mask.reshape(-1)
    count = int(inside.sum())
    found = {"map": name, "mask": mask_name}
    if count == 0:
        # Quantus' PointingGame counts an empty mask as a hit: it puts a NaN into booleans.
        return found | dict.fromkeys(["mass", "rank", "rank_fair", "pointing", "pointing_first", "auc", "average_precision"])
    found["mass"] = number(by_quantus(plain(quantus.RelevanceMassAccuracy), numpy.maximum(relevance, 0), mask))
    order = numpy.argsort(-flat, kind="stable")
    found["rank"] = number(by_quantus(plain(quantus.RelevanceRankAccuracy), relevance, mask))
    assert found["rank"] == number(inside[order[:count]].mean())
    last = flat[order[count - 1]]
    above, tied = flat > last, flat == last
    found["rank_fair"] = number((inside[above].sum() + (count - above.sum()) * inside[tied].mean()) / count)
    found["pointing"] = int(by_quantus(plain(quantus.PointingGame), relevance, mask))
    found["pointing_first"] = int(inside[numpy.argmax(flat)])
    both = count < inside.size
    found["auc"] = number(roc_auc_score(inside, flat)) if both else None
    found["average_precision"] = number(average_precision_score(inside, flat)) if both else None
    if both:
        assert abs(by_quantus(plain(quantus.AUC), relevance, mask) - found["auc"]) < 1e-12
    return found


def blurred(picture, sigma):
    return numpy.stack([gaussian_filter(plane, sigma, mode="mirror", truncate=4.0) for plane in picture])


def inpainted(picture, hidden):
    """ROAD's linear imputation, without noise."""
    if hidden.all():
        return numpy.zeros_like(picture)
    places = [tuple(place) for place in numpy.argwhere(hidden)]
    unknown = {place: at for at, place in enumerate(places)}
    left, right = numpy.zeros((len(places), len(places))), numpy.zeros((len(places), 3))
    for at, (top, start) in enumerate(places):
        for (down, along), weight in NEIGHBOURS.items():
            other = (top + down, start + along)
            if not (0 <= other[0] < HEIGHT and 0 <= other[1] < WIDTH):
                continue
            left[at, at] += weight
            if other in unknown:
                left[at, unknown[other]] -= weight
            else:
                right[at] += weight * picture[:, other[0], other[1]]
    out = picture.copy()
    if places:
        out[:, hidden] = numpy.linalg.solve(left, right).T
    return out


def occluded(picture, hidden, occluder):
    if occluder == "inpainted":
        return inpainted(picture, hidden)
    other = {
        "black": lambda: numpy.broadcast_to((-MEAN / STD)[:, None, None], picture.shape),
        "mean": lambda: numpy.zeros_like(picture),
        "blur": lambda: blurred(picture, SIGMAS[0]),
        "noise": lambda: real(FIELD),
    }[occluder]()
    return numpy.where(hidden, other, picture)


def inpaintings():
    """Of the first picture: the hidden pixels alone, plane by plane; and by how much Quantus differs."""
    picture, rows, worst = real(PICTURES["first"]), [], 0.0
    for name, hidden in HIDDEN.items():
        filled = inpainted(picture, hidden)
        found = {"hidden": name, "values": numbers(filled[:, hidden])}
        if name == "scattered":
            found["noisy"] = numbers((filled + NOISE * real(FIELD))[:, hidden])
        rows.append(found)
        if not hidden.all():
            theirs = noisy_linear_imputation(arr=picture, indices=numpy.flatnonzero(hidden), noise=0.0)
            worst = max(worst, float(numpy.abs(theirs - filled).max()))
    assert worst < 1e-12
    return rows, worst


def score(name, picture):
    total = float((real(WEIGHTS[name]) * picture).sum())
    return total if name == "linear" else 10 * math.tanh(total)


def regions(side):
    """Number of each pixel's region, row by row."""
    return row // side * -(-WIDTH // side) + col // side


def sums(name, side):
    """In 64ths."""
    return numpy.bincount(regions(side).reshape(-1), MAPS[name].reshape(-1)).astype(numpy.int64)


def orders(name, side):
    of = sums(name, side)
    return {"most": numpy.argsort(-of, kind="stable"), "least": numpy.argsort(of, kind="stable")}


def hidden_at(step, order, side, steps):
    count = len(order)
    gone = [region for rank, region in enumerate(order) if rank * steps // count + 1 <= step]
    assert len(gone) == -(-step * count // steps)
    return numpy.isin(regions(side), gone)


def curve(picture, order, side, steps, occluder, by):
    pictures = [occluded(picture, hidden_at(step, order, side, steps), occluder) for step in range(steps + 1)]
    return numpy.array([score(by, one) for one in pictures])


def curves():
    found = []
    for of, side, steps, maps, occluders in CURVES:
        for name in maps:
            for occluder in occluders:
                for by in WEIGHTS:
                    way = lambda which: curve(real(PICTURES[of]), orders(name, side)[which], side, steps, occluder, by)
                    most, least = way("most"), way("least")
                    gain = (least - most)[1:].mean()
                    assert abs(numpy.trapezoid(least - most, dx=1 / steps) - gain) < 1e-10
                    found.append({
                        "picture": of, "map": name, "side": side, "steps": steps, "occluder": occluder, "score": by,
                        "most": numbers(most), "least": numbers(least), "srg": number(gain)})
    return found


class Score(torch.nn.Module):
    """A score as the network that Quantus asks for: one class."""

    def __init__(self, name):
        super().__init__()
        self.name, self.weights = name, torch.from_numpy(real(WEIGHTS[name]))

    def forward(self, x):
        total = (self.weights * x.double()).sum(dim=(1, 2, 3))
        return (total if self.name == "linear" else 10 * torch.tanh(total))[:, None]


def of_quantus(metric, name, by):
    return numpy.array(metric(
        model=Score(by).eval(), x_batch=real(PICTURES["first"])[None], y_batch=numpy.array([0]), softmax=False, channel_first=True,
        a_batch=real(MAPS[name])[None, None])[0])


def replacing(occluder):
    """Quantus' perturbation by what an occluder has in a pixel's place, flat."""
    full = occluded(real(PICTURES["first"]), HIDDEN["everything"], occluder).reshape(1, -1)

    def perturbed(arr, indices, **_):
        out = arr.copy()
        out[:, indices.reshape(-1)] = full[:, indices.reshape(-1)]
        return out

    return perturbed


def differences():
    """Of curves and Quantus', most relevant first, a region of 4 x 4 or 16 pixels a step; in single precision there."""
    region, pixel = 0.0, 0.0
    picture = real(PICTURES["first"])
    for by in WEIGHTS:
        for occluder in ["black", "mean", "blur", "noise"]:
            for name in MAPS:
                metric = plain(
                    quantus.RegionPerturbation, patch_size=4, regions_evaluation=12, perturb_func=replacing(occluder))
                own = curve(picture, orders(name, 4)["most"], 4, 12, occluder, by)
                region = max(region, float(numpy.abs(own[0] - own[1:] - of_quantus(metric, name, by)).max()))
            metric = plain(quantus.PixelFlipping, features_in_step=48, perturb_func=replacing(occluder))
            own = curve(picture, orders("plain", 1)["most"], 1, 12, occluder, by)
            pixel = max(pixel, float(numpy.abs(own[1:] - of_quantus(metric, "plain", by)).max()))
    assert max(region, pixel) < 1e-5
    return region, pixel


def correlation(test, a, b):
    return number(test(a, b).statistic) if len(set(a)) > 1 and len(set(b)) > 1 else None


def single_deletions():
    found = []
    for of in PICTURES:
        picture = real(PICTURES[of])
        for side in (4, 5):
            of_pixels = regions(side)
            for by in WEIGHTS:
                without = [numpy.where(of_pixels == patch, 0, picture) for patch in range(of_pixels.max() + 1)]
                falls = [score(by, picture) - score(by, one) for one in without]
                assert len(set(numbers(falls))) == len(set(falls))
                for name in MAPS:
                    relevance = real(sums(name, side)).tolist()
                    found.append({
                        "picture": of, "map": name, "side": side, "score": by, "falls": numbers(falls),
                        "spearman": correlation(stats.spearmanr, relevance, falls),
                        "pearson": correlation(stats.pearsonr, relevance, falls)})
    return found


def copies(name):
    """Three noisy copies of a map: small noise, larger noise, another map altogether."""
    relevance = MAPS[name]
    return [relevance + (11 * index + row) % 5 - 2, relevance + (23 * index + col) % 61 - 30, MAPS["bump"] - (7 * index) % 9]


def stability():
    found, apart = [], 0.0
    for name in MAPS:
        relevance, others = real(MAPS[name]), [real(one) for one in copies(name)]
        each = [correlation(stats.spearmanr, abs(relevance).reshape(-1).tolist(), abs(one).reshape(-1).tolist()) for one in others]
        norm = numpy.linalg.norm(relevance)
        distances = [numpy.linalg.norm(relevance - one) / norm if norm > 0 else math.nan for one in others]
        if norm > 0:
            given = iter(others)
            theirs = quantus.MaxSensitivity(
                nr_samples=len(others), abs=False, normalise=False, disable_warnings=True)(
                model=Score("linear").eval(), x_batch=real(PICTURES["first"])[None], y_batch=numpy.array([0]), softmax=False,
                channel_first=True, a_batch=relevance[None, None], explain_func=lambda **_: next(given)[None, None])
            apart = max(apart, abs(float(theirs[0]) - max(distances)))
        found.append({
            "map": name, "copies": [whole(one) for one in copies(name)], "spearman": each,
            "mean_spearman": None if None in each else number(numpy.mean(each)), "distance": numbers(distances),
            "max_distance": number(max(distances))})
    assert apart < 1e-12
    return found, apart


def golden():
    warnings.simplefilter("ignore")  # 0 / 0 of maps without positive relevance
    filled, road = inpaintings()
    stable, sensitivity = stability()
    region, pixel = differences()
    first = real(PICTURES["first"])
    found = {
        "versions": {name: version(name) for name in ["quantus", "numpy", "scipy", "scikit-learn", "torch"]},
        "unit": UNIT, "height": HEIGHT, "width": WIDTH, "mean": MEAN.tolist(), "std": STD.tolist(), "noise_share": NOISE,
        "pictures": {name: whole(one) for name, one in PICTURES.items()},
        "maps": {name: whole(one) for name, one in MAPS.items()},
        "masks": {name: whole(one) for name, one in MASKS.items()},
        "hidden": {name: whole(one) for name, one in HIDDEN.items()},
        "noise": whole(FIELD),
        "weights": {name: whole(one) for name, one in WEIGHTS.items()},
        "localisation": [localisation(name, mask) for name in MAPS for mask in MASKS],
        "black": numbers(-MEAN / STD),
        "blurred": [{"sigma": sigma, "values": numbers(blurred(first, sigma))} for sigma in SIGMAS],
        "inpainted": filled,
        "orders": [
            {"map": name, "side": side, "sums": whole(sums(name, side)), "most": whole(orders(name, side)["most"]),
             "least": whole(orders(name, side)["least"])}
            for name in MAPS for side in (4, 5)],
        "curves": curves(),
        "idsds": single_deletions(),
        "stability": stable,
        "differences": {"road": road, "region_perturbation": region, "pixel_flipping": pixel, "max_sensitivity": sensitivity},
    }
    text = []
    for key, value in found.items():
        table = isinstance(value, list) and isinstance(value[0], dict)
        rows = "[\n" + ",\n".join(json.dumps(one) for one in value) + "\n]" if table else json.dumps(value)
        text.append(f"{json.dumps(key)}: {rows}")
    OUT.write_text("{\n" + ",\n".join(text) + "\n}\n")


if __name__ == "__main__":
    if sys.argv[1:] != ["golden"]:
        sys.exit(__doc__)
    golden()
