"""Evaluation and timing files: built here, validated here, so that every later stage can trust them.

What is the same on every run (answers) and what is not (times, dates, hosts, memory) never share a file.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from . import answers, files
from .problems import Problem

NOT_RUN = "mmlu-kit/not_run/1"
# How answers are scored. To be raised with every change after which the same model, prompt and settings may be given other
# letters or other probabilities, as results of two versions are never merged.
SCORING = 1
SCHEMAS = Path(__file__).parents[2] / "schemas"


def totals(records: Iterable[dict]) -> dict[str, int]:
    """Counts over records: questions, correct by best letter, correct as generated, parsed (a letter could be read)."""
    records = list(records)
    return {
        "questions": len(records),
        "correct": sum(record["correct"] for record in records),
        "correct_generated": sum(record["correct_generated"] for record in records),
        "parsed": sum(record["parsed"] is not None for record in records),
    }


def questions_sha256(records: Iterable[dict]) -> str:
    """A hash of which questions were asked, in which order: times are compared only where it is the same."""
    return files.sha256(" ".join(record["question_sha256"] for record in records))


def evaluation(
    model: str, manifest: dict, requested: dict, effective: dict, reason: str | None, subject: str, records: list[dict]
) -> dict:
    """The evaluation file of one model and subject; holds nothing that differs from run to run.

    `reason` says why `effective` is not as requested, None where it is.
    """
    return {
        "schema": "mmlu-kit/evaluation/3",
        "scoring": SCORING,
        "model": model,
        "repository": manifest["repository"],
        "commit": manifest["commit"],
        "parameters": manifest["parameters"],
        "model_files": {name: entry["sha256"] for name, entry in manifest["files"].items()},
        "requested": requested,
        "effective": effective,
        "reason": reason,
        "subject": subject,
        "totals": totals(records),
        "records": records,
    }


def imported(model: str, file: str, sha256: str, subject: str, records: list[dict]) -> dict:
    """The evaluation file of a model whose answers are another run's, from a file of this name and digest: nothing is known of
    how it ran."""
    unknown = ("scoring", "repository", "commit", "parameters", "requested", "effective", "reason")
    return {
        "schema": "mmlu-kit/evaluation/3",
        **dict.fromkeys(unknown),
        "model": model,
        "model_files": {file: sha256},
        "subject": subject,
        "totals": totals(records),
        "records": records,
    }


def timing(model: str, subject: str, questions: int, scored: int, **measured: Any) -> dict:
    """The timing file of one model and subject; `scored` of its questions were scored by this process, no earlier one."""
    about = {"model": model, "subject": subject, "questions_scored": scored, "resumed": scored < questions}
    return {"schema": "mmlu-kit/timing/3", **about, **measured}


def not_run(model: str, requested: dict, reason: str, subject: str) -> dict:
    """What stands in place of an evaluation file, and of its timing file, where this machine could not run the model."""
    return {"schema": NOT_RUN, "model": model, "requested": requested, "reason": reason, "subject": subject}


def was_run(record: dict) -> bool:
    """Whether an evaluation or timing file has results, and does not say why there are none."""
    return record.get("schema") != NOT_RUN


def read_outcome(path: Path, schema: str) -> dict:
    """An 'evaluation' or 'timing' file, or what `not_run` put in its place."""
    value = files.read_json(path)
    if isinstance(value, dict) and value.get("schema") == NOT_RUN:
        check(value, "not_run", str(path))
        return value
    return read(path, schema)


def read(path: Path, schema: str) -> Any:
    """A JSON file checked against workflow/schemas/<schema>.schema.yaml; a Problem where it does not fit.

    What is said twice in an evaluation must agree too: one that was changed by hand is a Problem that names the question.
    """
    value = files.read_json(path)
    check(value, schema, str(path))
    if schema == "evaluation":
        wrong = contradiction(value)
        if wrong:
            raise Problem(f"{path} was changed after it was made: {wrong}; delete it and run again")
    return value


def contradiction(evaluation: dict) -> str | None:
    """The first thing in an evaluation that does not follow from the rest of it, None where all does."""
    # What another program answered has no probabilities, and by which rule it read a letter is not known.
    imported = evaluation["requested"] is None
    # Another version of scoring may read letters by other rules.
    by_these_rules = not imported and evaluation["scoring"] == SCORING
    for record in evaluation["records"]:
        logprobs = record["letter_logprobs"]
        follows = {
            "subject": record["subject"] == evaluation["subject"],
            "correct": record["correct"] == (record["predicted"] == record["gold"]),
            "correct_generated": record["correct_generated"] == (record["parsed"] == record["gold"]),
            "letter_logprobs": imported or (logprobs is not None and max(logprobs.values()) <= 0),
            "predicted": logprobs is None or logprobs.get(record["predicted"]) == max(logprobs.values()),
            "parsed": not by_these_rules or record["parsed"] == answers.parse(record["generated"]),
        }
        wrong = next((key for key, agrees in follows.items() if not agrees), None)
        if wrong:
            return f"{wrong} of question {record['index']} does not follow from its other entries"
    if evaluation["totals"] != totals(evaluation["records"]):
        return "totals are not those of its questions"
    indices = [record["index"] for record in evaluation["records"]]
    return None if len(set(indices)) == len(indices) else "a question is there twice"


def check(value: Any, schema: str, where: str) -> None:
    """A Problem naming `where` and the key, if `value` does not fit workflow/schemas/<schema>.schema.yaml."""
    validator = _validator(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    if error:
        ours = validator.schema["properties"].get("schema", {}).get("const", "")
        theirs = value.get("schema") if isinstance(value, dict) else None
        if isinstance(theirs, str) and theirs != ours and theirs.startswith(f"mmlu-kit/{schema}/"):
            raise Problem(f"{where} was made by another version of the kit ({theirs[:40]}, here {ours}): make it with this one")
        key = ".".join(str(part) for part in error.absolute_path) or "the top level"
        raise Problem(f"{where}: not a valid {schema} file at {key}: {error.message[:200]}; delete it and run again")


@cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(yaml.safe_load((SCHEMAS / f"{schema}.schema.yaml").read_text(encoding="utf-8")))
