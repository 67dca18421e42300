"""Cells and lines of Markdown that every section's tables and lists are made of."""

from collections.abc import Callable, Iterable, Sequence

from mmlu_kit.formatting import percent

NOT_KNOWN = "—"

Row = Sequence[str]
Rows = Sequence[Row]


def rows(cells: Rows) -> str:
    """The body of a Markdown table, a line a row."""
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def header(cells: Row) -> str:
    """The first two lines of a Markdown table whose columns depend on the results."""
    return f"{rows([cells])}\n|{'---|' * len(cells)}"


def bullets(sentences: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def known(value: float | None, form: Callable[[float], str]) -> str:
    """A value in some form, '—' where there is none."""
    return NOT_KNOWN if value is None else form(value)


def decimals(digits: int) -> Callable[[float], str]:
    """A form with so many digits after the point."""
    return lambda value: f"{value:.{digits}f}"


def points(value: float) -> str:
    """A difference or deviation of fractions: 0.083 -> '8.3 points'."""
    return f"{100 * value:.1f} points"


def interval(low: float, high: float) -> str:
    """A range of fractions: '35.1% to 43.6%'."""
    return f"{percent(low)} to {percent(high)}"


def listed(words: Iterable[str]) -> str:
    """'a, b, c'."""
    return ", ".join(words)
