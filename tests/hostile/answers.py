"""Forged answers of every protocol: letters of several numbers of choices, texts as continuations (cloze), and orders."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.settings import Orders, Preset, Score

from tests.helpers import results
from tests.hostile import records
from tests.hostile.inputs import Hostile
from tests.hostile.records import Change, describe, merge, record, values, with_records

CHOICES = [2, 3, 4, 5]
ASKED = {
    "letters": results.REQUESTED,
    "cloze": results.asked(preset=Preset.CLOZE),
    "pmi": results.asked(preset=Preset.OLMES, score=Score.PMI),
    "orders": results.asked(orders=Orders.CYCLIC),
}
STUDY = results.study_asked(ASKED, ["anatomy"])
LETTERS, CLOZE, PMI, ORDERS = (f"evaluations/{model}/anatomy.json" for model in ASKED)


def study(folder: Path) -> list[str | Path]:
    """Write a study of a model for each protocol, and return the options of programs that read it."""
    outcomes = [
        results.evaluation(model, "anatomy", "ABCD", choices=CHOICES, requested=requested) for model, requested in ASKED.items()
    ]
    return results.write(folder, STUDY, outcomes)


edited = partial(records.edited, write=study)


def rows(name: str, file: str, *cases: tuple[str | None, Change]) -> list[Hostile]:
    """Return a row for each of these changes of a file and the line that it gives."""
    return [edited(f"{name} {number}", file, line, change) for number, (line, change) in enumerate(cases)]


def rewritten(name: str, line: str, model: str, change: Callable[[Record], dict[str, Any]]) -> Hostile:
    """Return the row in which a consistent evaluation with another question 2 replaces a model's."""

    def make(folder: Path) -> list[str | Path]:
        options = study(folder)
        path = folder / f"results/made/evaluations/{model}/anatomy.json"
        evaluation = Evaluation.read(path)
        answered = list(evaluation.records)
        answered[2] = Record(**{**dict(answered[2]), **change(answered[2])})
        with_records(evaluation, answered).write(path)
        return merge(options)

    return Hostile(name, make, line)


def continuation(choice: int = 0, **changes: object) -> Change:
    """Return the change of one of question 2's continuations; C, with number 2, is the best one."""
    return lambda plain: plain["records"][2]["cloze"][choice].update(changes)


def cloze(change: Callable[[list[Any]], object]) -> Change:
    """Return the change of the list of question 2's continuations."""
    return lambda plain: change(plain["records"][2]["cloze"])


def order(number: int = 0, **logprobs: float) -> Change:
    """Return the change of log-probabilities in one of question 2's other orders."""
    return lambda plain: plain["records"][2]["other_orders"][number].update(logprobs)


def orders(change: Callable[[list[Any]], object]) -> Change:
    """Return the change of the list of question 2's other orders."""
    return lambda plain: change(plain["records"][2]["other_orders"])


def first_alone(plain: Any) -> None:
    """Make A the best letter of question 2 in the order given, and the answer; over all orders it is C."""
    logprobs = {"A": -0.5, "B": -2.5, "C": -2.5, "D": -2.5}
    plain["records"][2].update(letter_logprobs=logprobs, predicted="A", correct=False)


def totals(**counts: object) -> Change:
    """Return the change of an evaluation's totals."""
    return lambda plain: plain["totals"].update(counts)


def one_more(record: Record) -> dict[str, Any]:
    """Return a question with a choice more, which makes guessing right less often."""
    changes: dict[str, Any] = {"choices": 5}
    if record.cloze is not None:
        return {**changes, "cloze": [*record.cloze, record.cloze[0]]}
    assert record.letter_logprobs is not None
    logprobs = {**record.letter_logprobs, "E": -30.0}
    others = [dict(logprobs) for _ in range(4)] if record.other_orders is not None else None
    return {**changes, "letter_logprobs": logprobs, "other_orders": others}


NOT_FINITE = [math.nan, math.inf, -math.inf]
LETTER = {"generated": " C", "parsed": "C", "correct_generated": True}
FORGED_CLOZE = rows(
    "cloze",
    CLOZE,
    *((f"records.2.cloze.0.{name}: needs at most 0", continuation(**{name: 0.5})) for name in ("logprob", "unconditional")),
    *(
        (f"records.2.cloze.0.{name}: needs a finite number", continuation(**{name: value}))
        for name in ("logprob", "unconditional")
        for value in NOT_FINITE
    ),
    *((f"cloze.0.{name}: needs at least -3.4", continuation(**{name: -1e300})) for name in ("logprob", "unconditional")),
    *((f"cloze.0.{name}: needs a number", continuation(**{name: "-1"})) for name in ("logprob", "unconditional")),
    ("cloze.0.tokens: needs at least 1, not 0", continuation(tokens=0)),
    ("cloze.0.tokens: needs at least 1, not -1", continuation(tokens=-1)),
    *(
        (f"cloze.0.{name}: needs a whole number", continuation(**{name: value}))
        for name in ("tokens", "characters", "bytes")
        for value in (1.5, True, "3", None)
    ),
    *((f"cloze.0.{name}: needs at least 0", continuation(**{name: -1})) for name in ("characters", "bytes")),
    *(
        (f"choice A of question 2 has {number} {name}, but 3 in", continuation(**{name: number}))
        for name, number in (("characters", 1), ("characters", 2), ("bytes", 4), ("bytes", 7))
    ),
    *((f"{number} characters cannot have 3 bytes", continuation(characters=number)) for number in (4, 7, 1000)),
    ("3 characters cannot have 2 bytes", continuation(bytes=2)),
    ("1 characters cannot have 9 bytes", continuation(2, bytes=9)),
    ("0 characters cannot have 1 bytes", continuation(2, characters=0)),
    ("cloze.0.characters: needs at most 1000000000", continuation(characters=10**15)),
    ("question 2: predicted is not the choice with the highest score (character)", continuation(logprob=-0.1)),
    ("question 2: predicted is not the choice with the highest score", record(predicted="A", correct=False)),
    ("predicted is not the choice with the highest score", record(predicted=None, correct=False)),
    ("records.2: correct contradicts", record(predicted="A")),
    ("cloze has 3 continuations, but the question has 4 choices", cloze(list.pop)),
    ("cloze has 0 continuations, but the question has 4 choices", cloze(list.clear)),
    ("cloze has 5 continuations, but the question has 4 choices", cloze(lambda each: each.append(each[0]))),
    ("cloze.0.text: 'text' is not a key here", continuation(text="2 a")),
    ("cloze.0.logprob: missing", cloze(lambda each: each[0].pop("logprob"))),
    ("it has both letters and continuations", record(**LETTER)),
    ("it has both letters and continuations", record(generated="", correct_generated=False)),
    ("it has both letters and continuations", record(letter_logprobs=dict.fromkeys("ABCD", -2.0))),
    ("it has both letters and continuations", record(other_orders=[])),
    ("letter_mass or other_orders without", record(letter_mass=0.5)),
    ("a letter was parsed, but no text was generated", record(parsed="C")),
    ("correct_generated contradicts", record(correct_generated=False)),
    ("it has neither a generated text nor continuations", record(cloze=None)),
    ("question 2: its prompt and probabilities are null for imported", record(cloze=None, **LETTER)),
    ("the totals contradict the records", totals(correct_generated=0)),
    ("the totals contradict the records", totals(parsed=0)),
    ("the totals contradict the records", totals(parsed=4, correct_generated=4)),
    ("made with score raw, but the study requests None", lambda e: e["requested"].update(score="raw")),
    ("made with preset olmes, but the study requests cloze", lambda e: e["requested"].update(preset="olmes")),
    ("question 0: it was not asked with the preset lm_eval", lambda e: e["requested"].update(preset="lm_eval")),
    ("shows no choices, so they have no order", lambda e: e["requested"].update(orders="cyclic")),
    ("generates no answer", lambda e: e["requested"].update(max_new_tokens=8)),
    (None, values()),
)
FORGED_PMI = rows(
    "pmi",
    PMI,
    ("question 2: predicted is not the choice with the highest score (pmi)", continuation(unconditional=-300.0)),
    ("question 2: predicted is not the choice with the highest score (pmi)", continuation(2, unconditional=-0.1)),
    ("predicted is not the choice with the highest score (pmi)", record(predicted="B", correct=False)),
    ("made with score byte, but the study requests pmi", lambda e: e["requested"].update(score="byte")),
)
FORGED_ORDERS = rows(
    "orders",
    ORDERS,
    ("other_orders has 2, but the choices have 3 other rotations", orders(list.pop)),
    ("other_orders has 0, but the choices have 3 other rotations", orders(list.clear)),
    ("other_orders has 4, but the choices have 3 other rotations", orders(lambda each: each.append(each[0]))),
    ("question 2: it was not asked with orders cyclic", record(other_orders=None)),
    ("other_orders.0.A: needs at most 0", order(A=0.5)),
    ("the letters' probabilities in order 1 add up to more than 1", order(**dict.fromkeys("ABCD", -0.1))),
    ("the letters' probabilities in order 3 add up to more than 1", order(2, **dict.fromkeys("ABCD", -1.38))),
    *(("other_orders.0.A: needs a finite number", order(A=value)) for value in NOT_FINITE),
    ("other_orders.0.A: needs at least -3.4", order(A=-1e300)),
    ("other_orders.0: needs one number for each of A, B, C, D, E", order(F=-1.0)),
    ("the log-probabilities are not of 4 letters", order(E=-9.0)),
    ("the log-probabilities are not of 4 letters", orders(lambda each: each[0].pop("D"))),
    ("other_orders.0: needs one number for each of A, B, C", orders(lambda each: each[0].pop("A"))),
    ("records.2: predicted is not the most probable letter", first_alone),
    ("question 0: it was not asked with orders given", lambda e: e["requested"].update(orders="given")),
    (None, values()),
)
FORGED_LETTERS = rows(
    "letters",
    LETTERS,
    ("records.2.choices: needs at most 26, not 27", record(choices=27)),
    ("records.2.choices: needs at least 2, not 1", record(choices=1)),
    ("records.2.choices: needs a whole number", record(choices=4.5)),
    ("records.2.choices: missing", lambda e: e["records"][2].pop("choices")),
    ("the log-probabilities are not of 26 letters", record(choices=26)),
    ("beyond B, and the question has 2 choices", record(choices=2)),
    ("gold, predicted or parsed is beyond D, and the question has 4 choices", record(gold="E")),
    ("gold, predicted or parsed is beyond D", record(predicted="E", correct=False)),
    ("gold, predicted or parsed is beyond D", record(parsed="Z", correct_generated=False)),
    *((f"records.2.{name}: '", record(**{name: "c"})) for name in ("gold", "predicted", "parsed")),
    *(("records.2.gold: '", record(gold=letter)) for letter in ("", "CC", "C\n", "1", "Ć", "\u0421")),
    ("letter_mass or other_orders without", record(letter_logprobs=None, letter_mass=None, other_orders=[])),
    ("question 2: it was not asked with orders given", record(other_orders=[dict.fromkeys("ABCD", -2.0)] * 3)),
    ("it has both letters and continuations", record(cloze=[])),
    ("it has neither a generated text nor continuations", record(generated=None, parsed=None, correct_generated=None)),
    ("the totals contradict the records", totals(guessed=0.1)),
    ("the totals contradict the records", totals(guessed=1.0)),
    ("the totals contradict the records", totals(correct_generated=None, parsed=None)),
    ("totals.guessed: needs at least 0", totals(guessed=-1.0)),
    ("totals: guessed is larger than questions", totals(guessed=5.0)),
    ("totals.guessed: needs a finite number", totals(guessed=math.nan)),
    ("totals.guessed: missing", lambda e: e["totals"].pop("guessed")),
    (None, values()),
)
OTHER_CHOICES = [
    rewritten(f"a choice more with {model}", "question 2 has 5 choices, but 4 in", model, one_more) for model in ASKED
]
SUMMARIES = [
    edited(f"summaries of protocols {number}", "merged.json", line, change, command=describe)
    for number, (line, change) in enumerate(
        [
            ("results.letters on anatomy.totals.guessed is 0.1, but", lambda m: m["results"][0]["totals"].update(guessed=0.1)),
            ("results.cloze on anatomy.totals.parsed is 0, but", lambda m: m["results"][1]["totals"].update(parsed=0)),
            (
                "results.cloze on anatomy.totals.correct_generated is 4, but",
                lambda m: m["results"][1]["totals"].update(correct_generated=4),
            ),
            ("results.cloze on anatomy.reasons.parsed is missing", lambda m: m["results"][1]["reasons"].pop("parsed")),
            ('models.pmi.requested.score is "raw"', lambda m: m["models"]["pmi"]["requested"].update(score="raw")),
            ('models.orders.requested.orders is "given"', lambda m: m["models"]["orders"]["requested"].update(orders="given")),
        ]
    )
]
INPUTS = [*FORGED_CLOZE, *FORGED_PMI, *FORGED_ORDERS, *FORGED_LETTERS, *OTHER_CHOICES, *SUMMARIES]
