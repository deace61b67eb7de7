"""Golden file for stats: the tests of SciPy and statsmodels on samples with ties, zeros and heavy tails, n from 3 to 5,000."""

import json
import pathlib
import warnings

import numpy
import scipy
import statsmodels
from scipy import stats
from statsmodels.graphics.gofplots import ProbPlot
from statsmodels.stats.multitest import multipletests

warnings.simplefilter("ignore")  # small samples
rng = numpy.random.default_rng(7)
ALTERNATIVES = ("greater", "less", "two-sided")


def both(test):
    return [float(test.statistic), float(test.pvalue)]


def concordance(a, b):
    """Lin 1989, with moments over n."""
    return float(2 * numpy.cov(a, b, ddof=0)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2))


cases = []
for n in (3, 4, 5, 6, 11, 12, 30, 50, 51, 120, 1000, 5000):
    for kind in ("plain", "ties", "zeros", "heavy", "shifted"):
        if n == 5000 and kind in ("ties", "zeros"):
            continue
        a, b = rng.normal(size=n), rng.normal(size=n)
        if kind == "ties":
            a, b = numpy.round(a * 2) / 2, numpy.round(b * 2) / 2 + 0.25
        if kind == "zeros":
            b[::3] = a[::3]
        if kind == "heavy":
            a = rng.standard_cauchy(size=n)
        if kind == "shifted":
            b = a + 0.8 + 0.3 * b
        a, b = numpy.round(a, 5), numpy.round(b, 5)
        case = {"kind": kind, "a": a.tolist(), "b": b.tolist()}
        for alternative in ALTERNATIVES:
            case[alternative] = both(stats.wilcoxon(a, b, alternative=alternative))
            case["t " + alternative] = both(stats.ttest_rel(a, b, alternative=alternative))
            if n <= 13:
                mean = lambda x, y, axis: numpy.mean(x - y, axis=axis)
                test = stats.permutation_test(
                    (a, b), mean, permutation_type="samples", vectorized=True, alternative=alternative
                )
                case["permutation " + alternative] = both(test)
        case["pearson"] = both(stats.pearsonr(a, b))
        if len(set(a)) > 1 and len(set(b)) > 1:
            case["spearman"] = both(stats.spearmanr(a, b))
            case["concordance"] = concordance(a, b)
            case["regression"] = [float(stats.linregress(a, b).slope), float(stats.linregress(a, b).intercept)]
        case["shapiro"] = both(stats.shapiro(a))
        case["shapiro of differences"] = both(stats.shapiro(a - b)) if len(set(a - b)) > 1 else None
        cases.append(case)

# Normal values with one far out, and mixtures: p down to 1e-30 and below.
small = []
for n in (20, 60, 200, 390):
    for share in (0.02, 0.2, 0.5):
        values = numpy.where(rng.random(n) < share, rng.normal(size=n), 0.01 * rng.normal(size=n)).round(6)
        small.append({"values": values.tolist(), "shapiro": both(stats.shapiro(values))})
holms = []
for n in (1, 2, 5, 14):
    ps = numpy.round(rng.random(n) ** 3, 6)
    holms.append({"p": ps.tolist(), "adjusted": multipletests(ps, method="holm")[1].tolist()})
plots = []
for n in (5, 30, 390):
    values = rng.standard_t(3, size=n).round(6)
    plot = ProbPlot(values)  # what statsmodels.graphics.gofplots.qqplot draws by default
    plots.append(
        {
            "values": values.tolist(),
            "theoretical": plot.theoretical_quantiles.tolist(),
            "sample": plot.sample_quantiles.tolist(),
        }
    )
versions = {"scipy": scipy.__version__, "numpy": numpy.__version__, "statsmodels": statsmodels.__version__}
golden = {"versions": versions, "cases": cases, "shapiro": small, "holm": holms, "qq": plots}
pathlib.Path("tests/golden/statistics.json").write_text(json.dumps(golden) + "\n")
