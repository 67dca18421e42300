"""claims.json as a reader of a terminal sees it."""

from collections import Counter

from mmlu_kit import formatting
from mmlu_kit.claims import rows, verdicts

_VERDICTS = (verdicts.HOLDS, verdicts.DOES_NOT_HOLD, verdicts.NOT_TESTABLE)
_WHERE = {"published": "by the published numbers", "run": "by this run"}


def text(result: dict) -> str:
    """The whole of it: numbers section by section, those not run by their reasons, claims, counts."""
    numbers = sorted(result["numbers"], key=lambda row: row["section"])
    ran = [row for row in numbers if row["run"] is not None]
    reasons = Counter(row["reason"] for row in numbers if row["run"] is None)
    cells = [(row["what"], value(row["published"], row["unit"]), _here(row), row["verdict"], _why(row)) for row in ran]
    head = [("number", "published", "this run", "verdict", "first stage that differs")] if ran else []
    lines = ["NUMBERS", *_columns([*head, *cells])]
    lines += [f"not run, {count} number{'s' * (count > 1)}: {reason}" for reason, count in reasons.items()]
    lines += ["", "CLAIMS"]
    for claim in result["claims"]:
        lines.append(f"{claim['section']}. {claim['text']}")
        lines += [f"   tested: {claim['tested']}"] if claim["tested"] else []
        lines += [f"   {_WHERE[kind]}: {claim[kind]['verdict']} ({claim[kind]['evidence']})" for kind in _WHERE]
    if not result["same_models"]:
        lines += ["", f"The study {result['study']} has none of the writeup's models."]
    return "\n".join([*lines, "", counts(result)])


def counts(result: dict) -> str:
    """How many numbers and claims got which verdict, in three lines."""
    found = Counter(row["verdict"] for row in result["numbers"])
    listed = ", ".join(f"{found[name]} {name}" for name in (rows.REPRODUCED, rows.DIFFERS, rows.NOT_RUN))
    lines = [f"{len(result['numbers'])} published numbers: {listed}"]
    for kind, where in _WHERE.items():
        found = Counter(claim[kind]["verdict"] for claim in result["claims"])
        lines.append(f"{len(result['claims'])} claims {where}: {', '.join(f'{found[name]} {name}' for name in _VERDICTS)}")
    return "\n".join(lines)


def value(number: float, unit: str) -> str:
    """A number of a row in the form of its unit."""
    forms = {
        "fraction": formatting.percent,
        "s": formatting.duration,
        "parameters": formatting.count,
        "times": lambda x: f"{x:.1f}×",
    }
    return forms[unit](number) if unit in forms else f"{number:.0f} {unit}"


def _why(row: dict) -> str:
    return f"{row['stage']}: {row['reason']}" if row["stage"] else ""


def _here(row: dict) -> str:
    interval = "" if row["low"] == row["high"] else f" ({value(row['low'], row['unit'])} to {value(row['high'], row['unit'])})"
    return value(row["run"], row["unit"]) + interval


def _columns(table: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]
