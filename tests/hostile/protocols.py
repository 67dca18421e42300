"""analysis.json whose part on protocols was forged: values that the answers do not give, or that contradict each other."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.protocols import analyse_protocols
from mmlu_kit.results import merging

from tests.helpers import protocols, results
from tests.hostile.inputs import Hostile
from tests.hostile.records import edit, edited

YES, NO = True, False
# Both missed question 3, and question 7 is missed by two of them.
FAMILY = protocols.family(
    {
        "letters": [YES, NO, NO, NO, YES, NO, YES, NO],
        "bare": [NO, YES, NO, NO, YES, NO, YES, NO],
        "cloze": [NO, YES, YES, NO, YES, YES, YES, YES],
        "orders": [YES, YES, YES, NO, YES, YES, YES, YES],
    },
    make=protocols.question,
)
STUDY = protocols.study({model: protocols.ASK[model] for model in FAMILY}, ["anatomy"])

PAIR, ROW = "families.0.pairs.1", "families.0.accuracies.0"


@functools.cache
def analysis() -> AnalysisFile:
    """Return analysis.json as the answers give it."""
    outcomes = list(FAMILY.values())
    merged = protocols.merged(STUDY, outcomes)
    whole = results.analysis(merged, merging.table(STUDY, outcomes))
    return whole.model_copy(update={"protocols": analyse_protocols(merged, outcomes)})


def forged(key: str, value: Any) -> Callable[[Path], list[str | Path]]:
    """Return the function that makes an analysis.json with this value at a dotted key below `protocols`; None deletes it."""

    def change(plain: Any) -> None:
        *parents, last = [int(part) if part.isdigit() else part for part in f"protocols.{key}".split(".")]
        for parent in parents:
            plain = plain[parent]
        if value is None:
            del plain[last]
        else:
            plain[last] = value

    def make(folder: Path) -> list[str | Path]:
        options = write(folder)
        analysis().write(folder / "analysis.json")
        edit(folder / "analysis.json", change if key else lambda plain: plain.update(protocols=value))
        return ["draw_figures.py", *options, "--analysis", "analysis.json", "--folder", "figures"]

    return make


VALUES = [
    (f"{ROW}.guessing", 0.5, "guessing is 0.5, but the answers give 0.25; delete it and run again"),
    (f"{ROW}.protocol", "cloze", "protocol is cloze, but the answers give letters"),
    (f"{ROW}.protocol", "\x1b[2J\n| x", "protocol is …, but the answers give letters"),
    (f"{ROW}.model", "bare", "accuracies.0.model is bare, but the answers give letters"),
    (f"{ROW}.high", 1.0, "accuracies.0.high is 1.0, but the answers give 0."),
    (f"{ROW}.count", 7, "share is 0.375, and 7 of 8 are 0.875"),
    (f"{ROW}.share", 1.5, "share: needs at most 1"),
    (f"{ROW}.questions", 0, "questions: needs at least 1"),
    (f"{ROW}.read_by", "x", "read_by: 'x' is not known; known: best answer, generated letter"),
    (f"{PAIR}.p", 0.0001, "pairs.1.p is 0.0001, but the answers give 1.0"),
    (f"{PAIR}.p_holm", 0.01, "p_holm is smaller than p"),
    (f"{PAIR}.low", -1.0, "pairs.1.low is -1.0, but"),
    (f"{PAIR}.low", 0.9, "difference is not within its interval"),
    (f"{PAIR}.difference", -0.9, "difference is not only_first minus only_second"),
    (f"{PAIR}.only_first", 10**30, "both, only_first and only_second are more than questions"),
    (f"{PAIR}.readings.1.model", "letters", "readings.1.model is letters, but the answers give bare"),
    (PAIR, None, "families.0.pairs.1.…, but the answers give"),
    ("families", [], "protocols.families.0 is missing, but the answers give something else"),
    ("orders", [], "protocols.orders.0 is missing, but"),
    ("orders.0.mean", 1.0, "protocols.orders.0.mean is 1.0, but the answers give 0.875"),
    ("orders.0.alike.count", 0, "share is 1.0, and 0 of 8 are 0.0"),
    ("orders.0.recalls.A.chosen", 9, "and 9 of 8 were chosen"),
    ("orders.0.recalls.a", {"right": 1, "chosen": 1, "recall": 1.0}, "protocols.orders.0.recalls: 'a' does not match"),
    ("orders.0.orders", [], "needs 2 or more entries"),
    ("orders.0.p", 0.001, "protocols.orders.0.p is 0.001, but the answers give none"),
    ("orders.0.over_orders.high", 1.0, "protocols.orders.0.over_orders.high is 1.0, but"),
    ("cloze", [], "protocols.cloze.0 is missing, but"),
    ("cloze", [{}], "protocols.cloze.0.model: missing"),
    ("cloze.0.ranked_by", "pmi", "against is null for another score than the one in use"),
    ("cloze.0.ranked_by", "best", "cloze.0.ranked_by: 'best' is not known"),
    ("cloze.0.tokens", 0.5, "cloze.0.tokens: needs at least 1"),
    ("cloze.0.tokens", 9.0, "protocols.cloze.0.tokens is 9.0, but the answers give 1."),
    ("cloze.0.scores.4.low", 0.0, "protocols.cloze.0.scores.4.low is 0.0, but"),
    ("cloze.0.scores.0.score", "pmi", "scores is not every score once, in their order"),
    ("cloze.0.scores.2", None, "scores is not every score once, in their order"),
    ("", None, "protocols is missing, but the answers give something else"),
    ("", "x", "at protocols"),
]
# Of each choice of a cloze model's first question.
CONTINUATIONS = [
    ({"bytes": 1}, "3 characters cannot have 1 bytes in UTF-8"),
    ({"bytes": 21}, "3 characters cannot have 21 bytes in UTF-8"),
    ({"characters": 0}, "0 characters cannot have … bytes in UTF-8"),
    ({"characters": 10**400, "bytes": 10**400}, "characters: needs at most 1000000000"),
    ({"bytes": 10**400}, "bytes: needs at most 1000000000"),
    ({"tokens": 10**400}, "tokens: needs at most 10000000"),
    ({"tokens": 0}, "tokens: needs at least 1"),
    ({"logprob": 0.1}, "logprob: needs at most 0"),
    ({"logprob": -1e308}, "logprob: needs at least"),
    ({"unconditional": None}, "it was not asked with unconditional: true"),
]


def write(folder: Path) -> list[str | Path]:
    """Write the study, and return the options of programs that read it."""
    return results.write(folder, STUDY, list(FAMILY.values()))


def continuation(values: dict[str, Any], line: str) -> Hostile:
    """Return the row in which the first continuation of an evaluation has these values."""

    def change(plain: Any) -> None:
        plain["records"][0]["cloze"][0].update(values)

    name = f"continuation with {next(iter(values))} {str(list(values.values())[-1])[:10]}"
    return edited(name, "evaluations/cloze/anatomy.json", line, change, write=write)


INPUTS = [
    *(continuation(*row) for row in CONTINUATIONS),
    Hostile("protocols as the answers give them", forged("families.0.accuracies.0.count", 3), None),
    *(
        Hostile(f"protocols {number}: {key} {value!r}"[:80], forged(key, value), line)
        for number, (key, value, line) in enumerate(VALUES)
    ),
]
