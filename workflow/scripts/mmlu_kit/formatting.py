"""Formatting of numbers and texts for the report, the claims and the terminal."""

import html
import re
from collections.abc import Callable, Collection, Sequence

from mmlu_kit.data import MedianRange
from mmlu_kit.statistics import ALPHA
from mmlu_kit.terminal_text import visible


def format_range(values: MedianRange, form: str) -> str:
    """A median, with its range if that is not a single value, in one of FORMS: '3.16 s (2.93 s to 4.70 s)'."""
    middle, low, high = (FORMS[form](value) for value in (values.median, values.smallest, values.largest))
    return middle if low == high else f"{middle} ({low} to {high})"


def ratio(value: float) -> str:
    """A ratio with three significant digits: '1.26×', '13.6×', '136×'."""
    return f"{value:.0f}×" if value >= 100 else f"{value:#.3g}×"


def plural(count: int, thing: str, things: str | None = None) -> str:
    """'1 model', '3 models'; `things` is an irregular plural."""
    return f"{count} {thing if count == 1 else things or f'{thing}s'}"


def percent(value: float) -> str:
    """A fraction as a percentage: 0.4934 -> '49.3%'."""
    return f"{100 * value:.1f}%"


def duration(seconds: float | None) -> str:
    """A duration in seconds, minutes or hours; '—' if it could not be measured."""
    if seconds is None:
        return "—"
    if seconds < 120:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def rounded_duration(seconds: float) -> str:
    """A duration where only its size matters: '0.3 s', '6 s', '3 min', '1.5 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def moment(seconds: float) -> str:
    """A duration in milliseconds if it is under a tenth of a second ('8.3 ms'), else as `duration`."""
    return f"{1000 * seconds:.1f} ms" if seconds < 0.1 else duration(seconds)


def gigabytes(value: int | None) -> str:
    """Bytes as GB (10⁹)."""
    return "—" if value is None else f"{value / 1e9:.2f} GB"


def size(value: int) -> str:
    """Bytes for the terminal, as GB or, if they are few, as MB (10⁶)."""
    return f"{value / 1e9:.1f} GB" if value >= 100_000_000 else f"{value / 1e6:.1f} MB"


def count(value: float) -> str:
    """A number of parameters: 494032768 -> '0.49 B', 152000 -> '0.15 M'."""
    return f"{value / 1e9:.2f} B" if value >= 100_000_000 else f"{value / 1e6:.2f} M"


def rate(value: float) -> str:
    """A rate with three significant digits: 0.4213 -> '0.421', 1101.2 -> '1101'."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def p_value(value: float | None, draws: int | None = None) -> str:
    """A p-value with two significant digits: 'p = 0.031', 'p < 0.0001'; '—' if there is none. One that would be rounded to the
    level of the tests has three, which say on what side of it it is: 'p = 0.0496'.

    `draws` is the number of random draws of a permutation test. However clear an effect is, its p-value is at least
    1 / (draws + 1), so this value is a bound: 'p ≤ 0.0005'.
    """
    if value is None:
        return "—"
    if draws is not None and value <= 1 / (draws + 1):
        return f"p ≤ {1 / (draws + 1):.2g}"
    if value < 0.0001:
        return "p < 0.0001"
    rounded = f"{value:.2g}"
    return f"p = {value:.3g}" if float(rounded) == ALPHA else f"p = {rounded}"


def quantity(value: float | None, unit: str) -> str:
    """A value from claims.json with its unit, '—' if there is none."""
    if value is None:
        return "—"
    forms: dict[str, Callable[[float], str]] = {"fraction": percent, "s": duration, "times": ratio, "parameters": count}
    return forms[unit](value) if unit in forms else f"{value:.0f}"


def columns(table: Sequence[Sequence[str]], numbers: Collection[int] = ()) -> list[str]:
    """The lines of a table for the terminal, with its columns aligned: those with `numbers` to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    aligns = [str.rjust if column in numbers else str.ljust for column in range(len(widths))]
    return [
        "  ".join(align(cell, width) for align, cell, width in zip(aligns, line, widths, strict=True)).rstrip()
        for line in table
    ]


# Text from outside that would be markup where it stands. Code spans of plain words are left: they can do no harm.
_MARKUP = re.compile(
    r"""(?P<code>(?<!`)`[\w./=:,…+-]+(?:\ [\w./=:,…+-]+)*`(?!`))
    | (?P<entity>[<>](?=[a-z/!?]|\Z) | \A> | &(?=\#?\w+;) | \A[ \t] | [ \t]\Z | \n)
    | (?P<number>\A[0-9]{1,9}(?=[.)](?:\s|\Z)))                     # of a list
    | \\(?=[!-/:-@\[-`{-~\n]|[ \t]?\Z) | [`*\[\]|~$] | !\Z
    | (?<![^\W_])_ | _(?![^\W_])                                    # not the underscore inside a word
    | \A[#+=-]                                                      # of a heading, its underline or a list
    | (?<=http):(?=//) | (?<=https):(?=//) | (?<=ftp):(?=//) | (?<=\bwww)\.  # of what GitHub makes a link
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|&(?:amp|lt|gt|#10|#32|#9);")
# Scripts of India and Persian need them, as do emoji.
_JOINERS = re.compile("[^\u200c\u200d]+")


def escaped(text: str) -> str:
    """A text from outside for the report: no character of it is markup in Markdown, wherever it stands, but in a code block.

    Only what would be markup is escaped, so names and paths read as before. Control characters are shown.
    """
    return _MARKUP.sub(_escape, _JOINERS.sub(lambda part: visible(part[0]), text))


def _escape(match: re.Match[str]) -> str:
    if match["code"]:
        return match[0]
    if match["entity"]:
        return html.escape(match[0], quote=False) if match[0] in "<>&" else f"&#{ord(match[0])};"
    return f"{match[0]}\\" if match["number"] else f"\\{match[0]}"


def unescaped(text: str) -> str:
    """The text that `escaped` was given, for a code block."""
    return _ESCAPED.sub(lambda match: match[1] or html.unescape(match[0]), text)


def cell(text: str) -> str:
    """A text for a cell of a Markdown table, escaped before or not: one line, all markup escaped."""
    plain = re.sub(r"([\\`*_\[\]|~$])", r"\\\1", " ".join(unescaped(text).split()))
    return re.sub(r"(?i)\b(https?|ftp)(?=://)|\b(www)(?=\.)", r"\g<0>\\", html.escape(plain, quote=False))


def plain_cell(text: str) -> str:
    """A text for a place where Markdown is read on one page and not on another, escaped before or not: in one line, with
    character references for all that would be markup, which both read alike."""
    plain = html.escape(" ".join(unescaped(text).split()), quote=False)
    return re.sub(r"[\\`*\[\]|~$!:]|(?<![^\W_])_|_(?![^\W_])", lambda mark: f"&#{ord(mark[0])};", plain)


def code(text: str) -> str:
    """A name or path, escaped before or not, as a code span; if it cannot stand in one, as escaped text."""
    plain = unescaped(text)
    return escaped(plain) if re.search(r"[`|\n]|\A\s*\Z", plain) else f"`{plain}`"


def fenced(text: str, language: str = "text") -> str:
    """A text as a Markdown code block with a fence longer than any in the text.

    Control characters other than line ends and tabs become '\ufffd'.
    """
    plain = "".join(letter if letter in "\n\t" or letter.isprintable() else "\ufffd" for letter in text)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", plain)), default=0))
    return f"{fence}{language}\n{plain}\n{fence}"


FORMS: dict[str, Callable[..., str]] = {
    "percent": percent,
    "duration": duration,
    "moment": moment,
    "gigabytes": gigabytes,
    "count": count,
    "rate": rate,
    "ratio": ratio,
    "p_value": p_value,
}
