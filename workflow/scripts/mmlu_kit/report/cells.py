"""Markdown for the cells, tables and lists of all sections."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from mmlu_kit import formatting
from mmlu_kit.formatting import p_value, percent

NOT_KNOWN = "—"

Row = Sequence[str]
Rows = Sequence[Row]


def rows(cells: Rows) -> str:
    """Return the body of a Markdown table, one line per row."""
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


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
