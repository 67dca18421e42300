"""Results of many jobs in one place: a summary for each model and subject, and a table of all questions."""

from collections.abc import Iterable
from pathlib import Path

import pandas

from . import ledger, machine, records, studies
from .problems import Problem
from .questions import LETTERS

_TIMES = (
    *(f"{part}_s" for part in (*ledger.ONCE, *ledger.PARTS)),
    *("real_s", "cpu_user_s", "cpu_system_s", "gpu_s", "gpu_energy_j"),
)
_PEAKS = ("peak_rss_bytes", "peak_gpu_bytes")
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
    sources: dict[tuple[str, str], str] | None = None,
) -> dict:
    """The content of merged.json. Evaluations that contradict each other or the study are a Problem.

    `sources` has the folder below the results of each (model, subject) that another machine made.
    """
    evaluations = list(evaluations)
    not_run = {(one["model"], one["subject"]): one for one in evaluations if not records.was_run(one)}
    found = {(one["model"], one["subject"]): one for one in evaluations if records.was_run(one)}
    times = {(timing["model"], timing["subject"]): timing for timing in timings}
    sources = sources or {}
    wanted = studies.pairs(study)
    imported = studies.imported(study)
    there = [pair for pair in wanted if pair in found and (pair in times or pair[0] in imported)]
    names = {pair: _name(pair, sources) for pair in there}
    models: dict[str, dict] = {}
    machines: list[dict] = []
    places: dict[tuple[str, str], int] = {}
    for pair in there:
        model, evaluation = pair[0], found[pair]
        if model not in imported:
            _check_as_asked(study["models"][model], evaluation, names[pair])
            places[pair] = _place(machines, times[pair]["machine"])
        same = {key: evaluation[key] for key in _SAME}
        # The reason is that of the first subject: how much memory was free may differ, what ran may not.
        first = {"reason": evaluation["reason"], "machine": times[pair]["machine"] if pair in times else None}
        known = models.setdefault(model, {**same, **first})
        for key in _SAME:
            if known[key] != same[key]:
                raise Problem(
                    f"{names[pair]}: its {key} differs from the model's other subjects: "
                    f"delete {names[pair].rpartition('/')[0]} and run again"
                )
    for model in models.values():
        del model["model_files"]
    resumed = {_process(times[pair], sources.get(pair)) for pair in there if pair in times and times[pair]["resumed"]}
    return {
        "schema": "mmlu-kit/merged/3",
        "study": study,
        "models": models,
        "machines": machines,
        "results": [
            {
                "model": model,
                "subject": subject,
                "totals": found[model, subject]["totals"],
                "questions_sha256": records.questions_sha256(found[model, subject]["records"]),
                "source": sources.get((model, subject)),
                "machine": places.get((model, subject)),
                **_times(times.get((model, subject)), sources.get((model, subject))),
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


def _times(timing: dict | None, source: str | None) -> dict:
    """What a result says of times; those of a resumed evaluation are no measurement and never enter a comparison. None is
    known of imported answers."""
    if timing is None:
        reasons = dict.fromkeys(("gpu_s", "gpu_energy_j", "peak_gpu_bytes"), "the answers were imported")
        return {**dict.fromkeys((*_TIMES, *_PEAKS, "process")), "reasons": reasons, "resumed": False}
    seconds = {key: None if timing["resumed"] else timing[key] for key in _TIMES}
    kept = {key: timing[key] for key in (*_PEAKS, "reasons", "resumed")}
    return {**seconds, **kept, "process": _process(timing, source)}


def _process(timing: dict, source: str | None) -> str | None:
    """The name of the process's log among timings/processes.json."""
    return f"{source}/{timing['process']}" if source and timing["process"] else timing["process"]


def _name(pair: tuple[str, str], sources: dict) -> str:
    """An evaluation file as messages call it."""
    return "/".join(filter(None, (sources.get(pair), f"evaluations/{pair[0]}/{pair[1]}.json")))


def _place(machines: list[dict], found: dict) -> int:
    """The place of a machine among those known, where it is added if it is new."""
    for place, known in enumerate(machines):
        if machine.alike(known, found):
            return place
    machines.append(found)
    return len(machines) - 1


def _check_as_asked(entry: dict, evaluation: dict, where: str) -> None:
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
            raise Problem(f"{where} was made with {name} {made[name]} and the study asks for {value}: delete it and run again")


def table(study: dict, evaluations: Iterable[dict]) -> pandas.DataFrame:
    """One row for each model and question, in the study's order; columns without rows where nothing was run."""
    found = {(one["model"], one["subject"]): one["records"] for one in evaluations if records.was_run(one)}
    rows = [
        {
            "model": model,
            "subject": subject,
            "index": record["index"],
            **{name: record[name] for name in _COLUMNS},
            **{f"logprob_{letter}": (record["letter_logprobs"] or {}).get(letter) for letter in LETTERS},
        }
        for model, subject in studies.pairs(study)
        for record in found.get((model, subject), [])
    ]
    return pandas.DataFrame(
        rows, columns=["model", "subject", "index", *_COLUMNS, *(f"logprob_{letter}" for letter in LETTERS)]
    )


def read_table(path: Path) -> pandas.DataFrame:
    """questions.csv as `table` gives it: an answer's text may be 'nan' or empty, and nothing but an empty cell of a letter or
    a number means that something is not known."""
    numbers = ["letter_mass", "other_letter_mass", "prompt_tokens", "examples", *(f"logprob_{letter}" for letter in LETTERS)]
    return pandas.read_csv(path, keep_default_na=False, na_values={name: [""] for name in [*numbers, "predicted", "parsed"]})
