"""Results of many jobs in one place: a summary for each model and subject, and a table of all questions."""

from collections.abc import Iterable

import pandas

from . import studies
from .problems import Problem
from .questions import LETTERS

_SECONDS = ("real_s", "cpu_user_s", "cpu_system_s", "gpu_s", "load_s")
_SAME = ("repository", "commit", "parameters", "requested", "effective", "model_files")
_COLUMNS = (
    "question_sha256 prompt_sha256 prompt_tokens examples gold predicted correct "
    "generated parsed correct_generated letter_mass other_letter_mass"
).split()


def merge(
    study: dict, evaluations: Iterable[dict], timings: Iterable[dict], processes: dict, stability: dict | None = None
) -> dict:
    """The content of merged.json. Evaluations that contradict each other are a Problem."""
    found = {(evaluation["model"], evaluation["subject"]): evaluation for evaluation in evaluations}
    times = {(timing["model"], timing["subject"]): timing for timing in timings}
    wanted = studies.pairs(study)
    there = [pair for pair in wanted if pair in found and pair in times]
    models: dict[str, dict] = {}
    for model, subject in there:
        evaluation = found[model, subject]
        _check_as_asked(study["models"][model], evaluation)
        same = {key: evaluation[key] for key in _SAME}
        known = models.setdefault(model, {**same, "machine": times[model, subject]["machine"]})
        for key in _SAME:
            if known[key] != same[key]:
                raise Problem(
                    f"evaluations/{model}/{subject}.json: its {key} differs from the model's other subjects: "
                    f"delete evaluations/{model} and run again"
                )
    for model in models.values():
        del model["model_files"]
    resumed = {times[pair]["process"] for pair in there if times[pair]["resumed"]}
    return {
        "schema": "mmlu-kit/merged/1",
        "study": study,
        "models": models,
        "results": [
            {
                "model": model,
                "subject": subject,
                "totals": found[model, subject]["totals"],
                **_times(times[model, subject]),
            }
            for model, subject in there
        ],
        "processes": {name: process for name, process in processes.items() if name not in resumed},
        "stability": stability and {**stability, "runs": [_without_answers(run) for run in stability["runs"]]},
        "missing": [{"model": model, "subject": subject} for model, subject in wanted if (model, subject) not in there],
    }


def _without_answers(run: dict) -> dict:
    return {name: value for name, value in run.items() if name not in ("predicted", "logprobs")}


def _times(timing: dict) -> dict:
    """What a result says of times; those of a resumed evaluation are no measurement and never enter a comparison."""
    seconds = {key: None if timing["resumed"] else timing[key] for key in _SECONDS}
    return {**seconds, **{key: timing[key] for key in ("peak_rss_bytes", "process", "resumed")}}


def _check_as_asked(entry: dict, evaluation: dict) -> None:
    """A Problem if an evaluation was made with other settings than the study's, as an old one kept aside may be."""
    asked = {
        "repository": entry.get("repository"),
        "commit": entry.get("commit"),
        **{name: entry[name] for name in ("device", "dtype", "quantization", "tokens_per_batch")},
        **entry["prompt"],
    }
    made = {"repository": evaluation["repository"], "commit": evaluation["commit"], **evaluation["requested"]}
    for name, value in asked.items():
        if made[name] != value:
            raise Problem(
                f"evaluations/{evaluation['model']}/{evaluation['subject']}.json was made with {name} {made[name]} and the "
                f"study asks for {value}: delete it and run again"
            )


def table(study: dict, evaluations: Iterable[dict]) -> pandas.DataFrame:
    """One row for each model and question, in the study's order."""
    found = {(evaluation["model"], evaluation["subject"]): evaluation["records"] for evaluation in evaluations}
    rows = [
        {
            "model": model,
            "subject": subject,
            "index": record["index"],
            **{name: record[name] for name in _COLUMNS},
            **{f"logprob_{letter}": record["letter_logprobs"][letter] for letter in LETTERS},
        }
        for model, subject in studies.pairs(study)
        for record in found.get((model, subject), [])
    ]
    return pandas.DataFrame(rows)
