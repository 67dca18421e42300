"""analysis.json with forged guessing, letters, choices and models."""

from collections.abc import Iterator
from typing import Any

from tests.hostile.records import Change
from tests.hostile.results import first, report


def letters(*names: str) -> Change:
    """Return the change that gives the first model shares of these letters."""

    def change(plain: Any) -> None:
        shares = plain["models"][0]["letters"]["A"]
        plain["models"][0]["letters"] = {name: dict(shares) for name in names}

    return change


def guessing(accuracy: float) -> Change:
    """Return the change that gives the first model another accuracy of guessing."""
    return lambda plain: plain["models"][0]["guessing"].update(accuracy=accuracy)


def hardest(**changes: object) -> Change:
    """Return the change that adds a question to the hardest."""
    question = {"subject": "anatomy", "index": 3, "question": "q", "choices": list("wxyz"), "gold": "D"}
    made = {**question, "predicted": {"a": "A", "b": "A"}, **changes}
    return lambda plain: plain["hardest"].append(made)


DIFFERENCE = {"model": "x", "chi2": 1.0, "df": 1, "p": 0.5, "p_holm": 0.5}


def difficulty(**changes: object) -> Change:
    """Return the change of the part on the difficulty of subjects."""
    return lambda plain: plain["difficulty"].update(changes)


def not_generated(plain: Any) -> None:
    """Take away the generated letters of the first model."""
    plain["models"][0]["generated"] = None


def forged() -> Iterator[tuple[str, Change]]:
    """Yield the line and the change for each part of analysis.json that depends on the questions' choices."""
    for choices in ({"4": 9}, {"4": 8, "5": 1}):
        yield "models.0: choices does not count every question once", first(choices=choices)
    yield "models.0.choices: needs at least 2, not '1'", first(choices={"1": 8})
    yield "models.0.choices: needs at most 26, not '27'", first(choices={"27": 8})
    for names in ("ABC", "ABCDE", "BCDA"):
        yield "models.0: letters are not those of 4 choices, in order", letters(*names)
    yield "models.0: letters are not those of 5 choices, in order", first(choices={"4": 7, "5": 1})
    yield "models.0: constant_letter is none of its letters", first(constant_letter={"letter": "E", "accuracy": 0.25, "p": 1})
    yield "a: guessing.accuracy is 0.2, but merged.json gives 0.25", guessing(0.2)
    yield "a: whether letters are generated is False, but merged.json gives True", not_generated
    yield "hardest.0: gold or predicted is none of its 4 choices", hardest(predicted={"a": "E", "b": "A"})
    yield "hardest.0: gold or predicted is none of its 2 choices", hardest(choices=["x", "y"])
    yield "hardest.0.choices", hardest(choices=["x"], gold="A")
    yield "its hardest questions are of other models", hardest(predicted={"a": "A", "c": "A"})
    yield "its hardest questions lack a model's answer", hardest(predicted={"a": "A"})
    yield "its pairs are of other models", lambda plain: plain["pairs"][0].update(models=["a", "x"])
    yield "models_wrong: expected and observed are of different numbers of models", _fewer_expected
    yield "its differences between subjects are of other models", difficulty(differences=[DIFFERENCE])
    yield "not every model has a readable answer on law", difficulty(order=["law"], guessing={"law": 0.25})
    yield "difficulty: guessing is not of the subjects in order", difficulty(guessing={})


def _fewer_expected(plain: Any) -> None:
    plain["models_wrong"]["expected"].pop()


INPUTS = tuple(report(line, analysis=change) for line, change in forged())
