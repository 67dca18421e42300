"""Markdown for the cells, tables and lists of all sections."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import ceil

from mmlu_kit import formatting
from mmlu_kit.formatting import p_value, percent

NOT_KNOWN = "—"
MOST_COLUMNS = 8  # of a table that fits a page

Row = Sequence[str]
Rows = Sequence[Row]


def rows(cells: Rows) -> str:
    """Return the body of a Markdown table, one line per row."""
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def table(cells: Rows, headings: Row) -> str:
    """Return a Markdown table of columns that depend on the results: several, each with the first column, if it is too wide."""
    if not cells:
        return ""
    others = len(headings) - 1
    width = ceil(others / ceil(others / (MOST_COLUMNS - 1)))  # alike, so that no part has a single column
    parts = [[0, *range(start, min(start + width, others + 1))] for start in range(1, others + 1, width)]
    return "\n\n".join(
        "\n".join([header([headings[place] for place in part]), rows([[row[place] for place in part] for row in cells])])
        for part in parts
    )


def fold(text: str, title: str, folded: bool = True) -> str:
    """Return Markdown in a part that readers open, as GitHub renders it, or as it is; the title is plain text.

    The three lines of such a part stand alone between blank lines.
    """
    text = text.strip("\n")
    return f"<details>\n\n<summary>{title}</summary>\n\n{text}\n\n</details>\n" if folded else f"{text}\n"


def telling(headings: Row, cells: Rows, optional: Collection[str]) -> tuple[Row, Rows]:
    """Return a table without those of the optional columns that are '—' in each row."""
    kept = [
        place for place, name in enumerate(headings) if name not in optional or any(row[place] != NOT_KNOWN for row in cells)
    ]
    return [headings[place] for place in kept], [[row[place] for place in kept] for row in cells]


def header(cells: Row) -> str:
    """Return the first two lines of a Markdown table whose columns depend on the results."""
    return f"{rows([cells])}\n|{'---|' * len(cells)}"


def bullets(sentences: Iterable[str]) -> str:
    """Return a Markdown list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def known(value: float | None, form: Callable[[float], str]) -> str:
    """Return a formatted value, or '—' for None."""
    return NOT_KNOWN if value is None else form(value)


def decimals(digits: int) -> Callable[[float], str]:
    """Return a function that formats numbers with this many decimals."""
    return lambda value: f"{value:z.{digits}f}"


def points(value: float) -> str:
    """Format a difference or standard deviation of fractions: 0.083 -> '8.3 points'."""
    return f"{100 * value:z.1f} points"


def points_range(low: float, high: float) -> str:
    """Format a range of differences of fractions: '-0.5 to 2.1 points'."""
    return f"{100 * low:z.1f} to {points(high)}"


def corrected(p_holm: float | None, p: float | None, draws: int) -> str:
    """Format the corrected p-value of a test with random draws, as a bound if its own one is the smallest that they give."""
    text = p_value(p_holm)
    return text.replace("=", "≤") if p is not None and p <= 1 / (draws + 1) else text


def interval(low: float, high: float) -> str:
    """Format a range of fractions: '35.1% to 43.6%'."""
    return f"{percent(low)} to {percent(high)}"


def listed(words: Iterable[str]) -> str:
    """Return 'a, b, c'."""
    return ", ".join(words)


def names(models: Iterable[str], labels: Mapping[str, str]) -> str:
    """Return the labels of models: 'a, b'."""
    return listed(labels[model] for model in models)


def fenced(text: str, language: str) -> str:
    """Return a code block of lines with escaped texts in them."""
    return formatting.fenced(formatting.unescaped(text).strip("\n"), language)
