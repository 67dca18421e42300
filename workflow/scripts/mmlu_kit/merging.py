"""Results of many jobs in one place: a summary for each model and subject, and a table of all questions."""

from collections.abc import Iterable

import pandas

from . import ledger, records, studies
from .problems import Problem
from .questions import LETTERS

_TIMES = (
    *(f"{part}_s" for part in (*ledger.ONCE, *ledger.PARTS)),
    *("real_s", "cpu_user_s", "cpu_system_s", "gpu_s", "gpu_energy_j"),
)
_SAME = ("repository", "commit", "parameters", "requested", "effective", "model_files")
_COLUMNS = (
    "question_sha256 prompt_sha256 prompt_tokens examples gold predicted correct "
    "generated parsed correct_generated letter_mass other_letter_mass"
).split()


def merge(
    study: dict,
    evaluations: Iterable[dict],
    timings: Iterable[dict],
    processes: dict,
    setups: dict | None = None,
    stability: dict | None = None,
    chat: dict | None = None,
) -> dict:
    """The content of merged.json. Evaluations that contradict each other are a Problem."""
    evaluations = list(evaluations)
    not_run = {(one["model"], one["subject"]): one for one in evaluations if not records.was_run(one)}
    found = {(one["model"], one["subject"]): one for one in evaluations if records.was_run(one)}
    times = {(timing["model"], timing["subject"]): timing for timing in timings}
    wanted = studies.pairs(study)
    there = [pair for pair in wanted if pair in found and pair in times]
    models: dict[str, dict] = {}
    for model, subject in there:
        evaluation = found[model, subject]
        _check_as_asked(study["models"][model], evaluation)
        same = {key: evaluation[key] for key in _SAME}
        # The reason is that of the first subject: how much memory was free may differ, what ran may not.
        first = {"reason": evaluation["reason"], "machine": times[model, subject]["machine"]}
        known = models.setdefault(model, {**same, **first})
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
        "schema": "mmlu-kit/merged/3",
        "study": study,
        "models": models,
        "results": [
            {
                "model": model,
                "subject": subject,
                "totals": found[model, subject]["totals"],
                "questions_sha256": records.questions_sha256(found[model, subject]["records"]),
                **_times(times[model, subject]),
            }
            for model, subject in there
        ],
        "processes": {name: process for name, process in processes.items() if name not in resumed},
        "setups": _without_answers(setups, "runs", "configurations"),
        "stability": _without_answers(stability, "runs"),
        "chat": chat,
        "not_run": [
            {"model": model, "subject": subject, "reason": not_run[model, subject]["reason"]}
            for model, subject in wanted
            if (model, subject) in not_run
        ],
        "missing": [
            {"model": model, "subject": subject} for model, subject in wanted if (model, subject) not in {*there, *not_run}
        ],
    }


def _without_answers(found: dict | None, *lists: str) -> dict | None:
    """A file's content without what each entry of its `lists` holds for every question."""
    if found is None:
        return None
    many = ("predicted", "logprobs")
    return {**found, **{key: [{k: v for k, v in one.items() if k not in many} for one in found[key]] for key in lists}}


def _times(timing: dict) -> dict:
    """What a result says of times; those of a resumed evaluation are no measurement and never enter a comparison."""
    seconds = {key: None if timing["resumed"] else timing[key] for key in _TIMES}
    kept = ("peak_rss_bytes", "peak_gpu_bytes", "reasons", "process", "resumed")
    return {**seconds, **{key: timing[key] for key in kept}}


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
    """One row for each model and question, in the study's order; columns without rows where nothing was run."""
    found = {(one["model"], one["subject"]): one["records"] for one in evaluations if records.was_run(one)}
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
    return pandas.DataFrame(
        rows, columns=["model", "subject", "index", *_COLUMNS, *(f"logprob_{letter}" for letter in LETTERS)]
    )
