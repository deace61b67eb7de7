"""Formulas in the HTML copies of notebooks: drawn by the browser itself, and only where there are formulas."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tools"))
import formulas  # noqa: E402
import run_notebooks  # noqa: E402

MATH = re.compile(r"<math.*?</math>", re.DOTALL)


@pytest.mark.parametrize(
    ("source", "display"),
    [
        ("share $x_i < y^2$ of all", "inline"),
        ("$a*b*c$ and _not_ in italics", "inline"),
        ("so that\n\n$$R_i = \\sum_j \\frac{x_i\\, w_{ij}}{\\sum_k x_k\\, w_{kj}}\\, R_j$$\n\nholds", "block"),
        ("$$\na\n=\nb\n$$", "block"),
        ("\\begin{align}a&=b\\\\c&=d\\end{align}", "block"),
    ],
)
def test_a_formula_is_mathml(source, display):
    page = formulas.rendered(source)
    (math,) = MATH.findall(page)
    assert ElementTree.fromstring(math).get("display") == display
    assert "$" not in page and "\\begin" not in MATH.sub("", page)


@pytest.mark.parametrize(
    "source",
    [
        "`$x$`",
        "a `b $x$ c` and $5",
        "```\n$x$\n```",
        "~~~rust\nmacro!($x, $y)\n~~~",
        "    indented $x$",
        "from $5 to $10",
        "$5 and `x$y`",
        "\\$x\\$",
        "US$ and AU$",
    ],
)
def test_code_and_prices_are_no_formulas(source):
    page = formulas.rendered(source)
    assert "<math" not in page
    text = re.sub(r"<[^>]*>", "", page)
    assert text.count("$") == source.count("$")


def test_what_is_no_tex_is_shown_as_written():
    assert formulas.rendered("so $\\frac{a}{$ is").strip() == "<p>so <code>\\frac{a}{</code> is</p>"


def test_every_formula_of_the_notebooks_can_be_converted():
    found = 0
    for path in sorted(REPO.glob("notebooks/*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown" and "$" in cell.source]
        if not prose:
            continue
        page = run_notebooks.as_html(notebook, path.stem)
        for source in prose:
            rendered = formulas.rendered(source)
            # Every one of these notebooks' dollars is a formula's.
            assert "$" not in rendered, f"{path.name}: {source}"
            for math in MATH.findall(rendered):
                assert math.split("<semantics>")[1].split("<annotation")[0][:40] in page
                found += 1
        assert "MathJax" not in re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
    assert found
