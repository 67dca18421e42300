"""Damaged and hostile references: published numbers and claims that a study is compared with."""

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mmlu_kit.claims.reading  # noqa: F401  imported here once, and not in the process of each row
import mmlu_kit.jobs.overview  # noqa: F401

from tests.hostile import configs
from tests.hostile.inputs import Hostile

MODEL: dict[str, Any] = {"repository": "a/m", "parameters": 1e6, "device": "cpu", "total": 100, "accuracy_percent": 40}
SUBJECT = {"questions": {"astronomy": 10}}
RUN = {"timestamp": "t", "setup": 1, "real_s": 1, "correct": 1, "accuracy_percent": 10}
CLAIM: dict[str, Any] = {"id": "a", "text": "It rises.", "predicate": "rises_with_size", "with": {"device": "cpu"}}


def published(**changes: Any) -> dict[str, Any]:
    """The smallest published.yaml with these keys changed."""
    return {"schema": "mmlu-kit/published/1", "models": {"m": MODEL}, **changes}


def model(**changes: Any) -> dict[str, Any]:
    """A published.yaml with one model that has these keys changed."""
    return published(models={"m": {**MODEL, **changes}}, **SUBJECT)


def timed(**changes: Any) -> dict[str, Any]:
    """A published.yaml with timing runs that have these keys changed."""
    return published(timing_runs={"model": "m", "questions": 10, "runs": [RUN], **changes})


def claims(*entries: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema": "mmlu-kit/reference-claims/1", "claims": list(entries)}


def claim(predicate: str = "rises_with_size", tested: str | None = None, **parameters: Any) -> dict[str, Any]:
    """A claims.yaml with one claim."""
    return claims({**CLAIM, "predicate": predicate, "with": parameters, **({"tested": tested} if tested else {})})


def reference(numbers: object = None, listed: object = None) -> Callable[[Path], list[str]]:
    """A study with this reference; a text is written as it is, '' not at all."""
    contents = {
        "published.yaml": published() if numbers is None else numbers,
        "claims.yaml": claims(CLAIM) if listed is None else listed,
    }

    def make(folder: Path) -> list[str]:
        (folder / "table").mkdir()
        for name, content in contents.items():
            if content != "":
                (folder / "table" / name).write_text(content if isinstance(content, str) else json.dumps(content))
        (folder / "mine.yaml").write_text("studies: {smoke: {reference: table}}")
        return ["mmlu-kit", "check", "--study", "smoke", "--configfile", "mine.yaml"]

    return make


def named(value: str) -> Callable[[Path], list[str]]:
    """A study whose config names something else as its reference."""

    def make(folder: Path) -> list[str]:
        (folder / "file").write_text("")
        (folder / "mine.yaml").write_text(f"studies: {{smoke: {{reference: {value}}}}}")
        return ["mmlu-kit", "check", "--study", "smoke", "--configfile", "mine.yaml"]

    return make


NUMBERS: list[tuple[object, str | None]] = [
    (published(), None),
    (model(correct=40, subjects={"astronomy": {"accuracy_percent": 50, "correct": 5}}), None),
    (timed(), None),
    ("", "table/published.yaml does not exist: a reference has published.yaml and claims.yaml"),
    ("[", "table/published.yaml is not valid YAML"),
    ("- a", "table/published.yaml: "),
    ("schema: 1\nschema: 1", "the key 'schema' is in line 1 and again in line 2"),
    (published(schema="mmlu-kit/published/9"), "schema: 'mmlu-kit/published/9' is not known"),
    (published(models={}), "models: needs 1 or more entries"),
    (published(models={"a\nb": MODEL}), "does not match"),
    (published(modells={}), "'modells' is not a key here; did you mean 'models'?"),
    (published(publication={"name": "a\nb"}), "publication.name: 'a…b' does not match"),
    (published(publication={"sections": [{"title": "a"}]}), "the section 'a' needs either 'shows' or 'group'"),
    (published(publication={"sections": [{"title": "a", "shows": "colab", "group": "b"}]}), "needs either 'shows' or 'group'"),
    (published(publication={"sections": [{"title": "a", "shows": "error"}]}), "'error' is not known; did you mean 'errors'?"),
    (
        published(publication={"sections": [{"title": "a", "group": "../b"}]}),
        "publication.sections.0.group: '../b' does not match",
    ),
    *(
        (model(accuracy_percent=value), f"models.m.accuracy_percent: needs {line}")
        for value, line in ((140, "at most 100"), (-1, "at least 0"), ("40%", "a number, not '40%'"), (None, "a number"))
    ),
    *(
        (model(**{key: value}), f"models.m.{key}: needs {line}")
        for key, value, line in (
            ("parameters", 0, "more than 0"),
            ("parameters", -5, "more than 0"),
            ("parameters", 10**30, "at most"),
            ("total", 0, "at least 1"),
            ("total", 10**12, "at most 10000000"),
            ("total", 1.5, "a whole number"),
            ("correct", -1, "at least 0"),
            ("real_s", 0, "more than 0"),
            ("real_s", 1e12, "at most"),
        )
    ),
    (model(correct=101), "models.m: 101 of 100 answers are right"),
    (model(device="gpu"), "models.m.device: 'gpu' is not known"),
    (model(subjects={"anatomy": {"accuracy_percent": 1, "correct": 1}}), "the subject 'anatomy' has no number of questions"),
    (model(subjects={"astronomy": {"accuracy_percent": 1, "correct": 11}}), "11 of 10 answers on astronomy are right"),
    (timed(model="n"), "'n' is none of the models"),
    (timed(runs=[]), "timing_runs.runs: needs 1 or more entries"),
    (timed(questions=0), "timing_runs.questions: needs at least 1"),
    (timed(runs=[{**RUN, "correct": 11}]), "in the run t, 11 of 10 answers are right"),
    (published(within_factor={"time": 0}), "within_factor.time: needs at least 1"),
    (published(ratios=[{"what": "accuracy", "models": ["m", "x"], "value": 2}]), "'x' is none of the models"),
    (published(ratios=[{"what": "accuracy", "models": ["m"], "value": 2}]), "ratios.0.models: needs 2 or more entries"),
    (published(ratios=[{"what": "accuracy", "models": ["m", "m"], "value": 0}]), "ratios.0.value: needs more than 0"),
    (published(cpu_over_real=[{"what": "cpu_s", "models": ["x"], "value": 2}]), "'x' is none of the models"),
    ("schema: mmlu-kit/published/1\nmodels: {m: {parameters: .nan}}", "models.m"),
    ("schema: mmlu-kit/published/1\nmodels: {2026-01-01: 3}", "table/published.yaml: "),
    *((f"models: {text}", "table/published.yaml") for text in ("!!python/object/apply:os.system [ls]", "&a [*a]", "9" * 5000)),
    *((text, "is one of more than 50,000") for text in configs.BOMBS.values()),
]
CLAIMS: list[tuple[object, str | None]] = [
    (claims(), None),
    (claim(device="cpu", tested="on {device} {{as said}}"), None),
    (claim("at_chance", model="m"), None),
    (claim("is_often_unparsed", model="m", under=0.5, tested="fewer than {under:.0%}"), None),
    ("", "table/claims.yaml does not exist: a reference has published.yaml and claims.yaml"),
    (claims(CLAIM, CLAIM), "the claim 'a' is there twice"),
    (claims({"id": "a", "text": "b"}), "claims.0.predicate: missing"),
    (claims({**CLAIM, "predicat": "x"}), "'predicat' is not a key here; did you mean 'predicate'?"),
    (claim("rise_with_size"), "claims.yaml: a: there is no predicate 'rise_with_size'; did you mean 'rises_with_size'?"),
    *((claim(name), f"there is no predicate '{name}'") for name in ("__import__", "os.system", "eval", "Judgement", "")),
    (claim(device="cpu", size=3), "claims.yaml: a: with: rises_with_size has no parameter 'size'; known: device"),
    (claim(devise="cpu"), "rises_with_size has no parameter 'devise'; did you mean 'device'?"),
    (claim(evidence="x", device="cpu"), "has no parameter 'evidence'"),
    (claim("same_answers_each_run", x=1), "same_answers_each_run has no parameter 'x'; it takes none"),
    (claim("at_chance"), "claims.yaml: a: with: at_chance: model: missing"),
    (claim(device=3), "claims.yaml: a: with: rises_with_size: device: needs text, not 3"),
    (claim("real_time_varies", at_least="much"), "at_least: needs a number, not 'much'"),
    (claim("has_subjects", number=1.5), "number: needs a whole number"),
    (claim("are_similar_in_size", models=["m"], within=1.5), "models: needs 2 or more entries"),
    (claim("are_similar_in_size", models=["m", "m"], within=0), "within: needs at least 1"),
    (claim("quantizing_gains", measure="money", low=1, high=2), "measure: 'money' is not known"),
    (claim(device=""), "claims.0.with.device"),
    (claim(device="a\nb"), "claims.0.with.device"),
    (claim("ran_as", models=[], device="cpu", quantization="none"), "claims.0.with.models"),
    *(
        (claim(tested=text, device="cpu"), "claims.0: a: tested: …")
        for text in (
            "{x}",
            "{0}",
            "{}",
            "{device.__class__}",
            "{device[0]}",
            "{device!r}",
            "{device:>999999999}",
            "{",
            "a}",
            "{device:.0%}",
        )
    ),
]
NAMES = {
    "nowhere": "config: studies.smoke.reference: there is no folder nowhere",
    "file": "config: studies.smoke.reference: there is no folder file",
    "''": "studies.smoke.reference: needs 1 or more characters",
    "[a]": "studies.smoke.reference: needs text, not a list",
    ".": "./published.yaml does not exist",
}
INPUTS = [
    *(
        Hostile(f"published.yaml {number}: {line}", reference(numbers=content), line)
        for number, (content, line) in zip(itertools.count(), NUMBERS, strict=False)
    ),
    *(
        Hostile(f"claims.yaml {number}: {line}", reference(listed=content), line)
        for number, (content, line) in zip(itertools.count(), CLAIMS, strict=False)
    ),
    *(Hostile(f"a reference called {name}", named(name), line) for name, line in NAMES.items()),
]
