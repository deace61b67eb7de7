"""HTML copies of notebooks in which the formulas of the prose show without a script: MathML, which browsers draw."""

import html
import re

from jinja2 import pass_context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath, MathInlineParser


class Parser(MathInlineParser):
    """As nbconvert's, but a price is no formula, and code stays code: pandoc's rule for `$`, and no backtick within."""

    SPECIFICATION = {
        **MathInlineParser.SPECIFICATION,
        "inline_math_tex": r"(?<![$\\])\$(?![\s$])(?P<math_inline_tex>[^`$]+?)(?<![\s\\])\$(?![$\d])",
    }


class Renderer(IPythonRenderer):
    """As nbconvert's, which leaves formulas as TeX for MathJax, a script from the network."""

    def inline_math(self, body):
        return mathml(body, "inline")

    def block_math(self, body):
        return mathml(body, "block")

    def latex_environment(self, name, body):
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


class Exporter(HTMLExporter):
    """nbconvert's exporter of HTML with `Renderer` for the cells of prose."""

    @pass_context
    def markdown2html(self, context, source):
        attachments = context.get("cell", {}).get("attachments", {})
        return rendered(source, anchor_link_text=self.anchor_link_text, attachments=attachments)


def rendered(source, **settings):
    """The HTML of a cell of prose."""
    markdown = MarkdownWithMath(renderer=Renderer(escape=False, **settings), inline=Parser(hard_wrap=False))
    return markdown.render(source)


def mathml(tex, display):
    """The formula as MathML, with its TeX for those who copy it; what cannot be read as TeX stays as it was written."""
    try:
        formula = convert(tex.strip(), display=display)
    except Exception:  # The converter's errors have no common class.
        return f"<code>{html.escape(tex)}</code>"
    source = f'<annotation encoding="application/x-tex">{html.escape(tex.strip())}</annotation>'
    opening, body = re.fullmatch(r"(<math[^>]*>)(.*)</math>", formula, re.DOTALL).groups()
    return f"{opening}<semantics>{body}{source}</semantics></math>"
