"""Evaluation and timing files: built here, validated here, so that every later stage can trust them.

What is the same on every run (answers) and what is not (times, dates, hosts, memory) never share a file.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from . import files
from .problems import Problem

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


def evaluation(model: str, manifest: dict, requested: dict, effective: list[dict], subject: str, records: list[dict]) -> dict:
    """The evaluation file of one model and subject; holds nothing that differs from run to run."""
    return {
        "schema": "mmlu-kit/evaluation/1",
        "model": model,
        "repository": manifest["repository"],
        "commit": manifest["commit"],
        "parameters": manifest["parameters"],
        "model_files": {name: entry["sha256"] for name, entry in manifest["files"].items()},
        "requested": requested,
        "effective": effective,
        "subject": subject,
        "totals": totals(records),
        "records": records,
    }


def read(path: Path, schema: str) -> Any:
    """A JSON file checked against workflow/schemas/<schema>.schema.yaml; a Problem where it does not fit."""
    value = files.read_json(path)
    check(value, schema, str(path))
    return value


def check(value: Any, schema: str, where: str) -> None:
    """A Problem naming `where` and the key, if `value` does not fit workflow/schemas/<schema>.schema.yaml."""
    error = jsonschema.exceptions.best_match(_validator(schema).iter_errors(value))
    if error:
        key = ".".join(str(part) for part in error.absolute_path) or "the top level"
        raise Problem(f"{where}: not a valid {schema} file at {key}: {error.message[:200]}; delete it and run again")


@cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(yaml.safe_load((SCHEMAS / f"{schema}.schema.yaml").read_text(encoding="utf-8")))
