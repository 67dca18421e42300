"""The comparison of two runs' results: settings, machines, models, questions, answers and times."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mmlu_kit.evaluation.records import Evaluation, questions_sha256
from mmlu_kit.provenance import answer_changes
from mmlu_kit.provenance.diff_document import AnswerChange, Change, RunDiff, TimeChange
from mmlu_kit.provenance.documents import RunFile
from mmlu_kit.results import study_results, summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

# Texts of a study that change no result.
_WORDS = ("title", "notice", "description")


@dataclass(frozen=True)
class Run:
    """A run's results, from its folder; `record` is run.json, None without it."""

    folder: Path
    merged: Merged
    evaluations: Mapping[tuple[str, str], Evaluation]
    record: RunFile | None

    @cached_property
    def by_model(self) -> dict[str, list[Evaluation]]:
        """The evaluations of each model."""
        models: dict[str, list[Evaluation]] = {}
        for (model, _), evaluation in self.evaluations.items():
            models.setdefault(model, []).append(evaluation)
        return models


def read(folder: Path) -> Run:
    """Return the run in a folder of results. Raises UserError if it is not finished, or if its files contradict each other."""
    if not (folder / study_results.MERGED).is_file():
        raise UserError(
            f"{printable(folder)} has no {study_results.MERGED}: name the results of a finished run, results/<study>"
        )
    # The two may be of other machines, so nothing that was fetched here is compared with them.
    results = study_results.checked_folder(folder, folder / "resources")
    evaluations = {(each.model, each.subject): each for each in results.outcomes if isinstance(each, Evaluation)}
    record = RunFile.read(folder / "run.json") if (folder / "run.json").is_file() else None
    return Run(folder, results.merged, evaluations, record)


def diff(a: Run, b: Run) -> RunDiff:
    """Return what differs between two runs. Raises UserError if they have no answer to the same question of the same model."""
    answers = answer_changes.changes(a.by_model, b.by_model)
    if not answers:
        problem = "have no model that answered the same question in both"
        raise UserError(f"{printable(a.folder)} and {printable(b.folder)} {problem}: compare runs of one study")
    both = a.by_model.keys() & b.by_model.keys()
    questions = _changes(_questions(a, both), _questions(b, both))
    only_one = set(a.evaluations) != set(b.evaluations)
    return RunDiff(
        a=printable(a.folder),
        b=printable(b.folder),
        agree=not only_one and not questions and all(change.is_none for change in answers),
        settings=_changes(_settings(a.merged), _settings(b.merged)),
        machines=_changes(_machines(a), _machines(b)),
        models=_changes(_models(a, both), _models(b, both)),
        questions=questions,
        answers=answers,
        times=[_times(a, b, change) for change in answers],
    )


def _changes(a: Mapping[str, str | None], b: Mapping[str, str | None]) -> list[Change]:
    """The values that differ, in the order of a's names, then those of b."""
    names = dict.fromkeys([*a, *b])
    return [Change(name=name, a=a.get(name), b=b.get(name)) for name in names if a.get(name) != b.get(name)]


def _settings(merged: Merged) -> dict[str, str | None]:
    study = merged.study.plain()
    return {name: text for name, text in _flat("", study) if name.rpartition(".")[2] not in _WORDS}


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """The values inside a JSON value, as texts, by the path of keys to each; those that are null or empty are left out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
    elif value not in (None, []):
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _machines(run: Run) -> dict[str, str | None]:
    """The distinct values of each property of the machines that ran models, and what run.json has on code and versions."""
    values: dict[str, dict[str, None]] = {}
    for machine in run.merged.machines:
        for name, text in _flat("", machine.plain()):
            values.setdefault(name, {})[text] = None
    texts: dict[str, str | None] = {name: ", ".join(sorted(each)) for name, each in values.items()}
    versions = {str(each.scoring) for each in run.evaluations.values() if each.scoring is not None}
    texts["version of scoring"] = ", ".join(sorted(versions)) or None
    if run.record:
        texts |= {"snakemake": run.record.snakemake, "commit of the kit": run.record.code.commit}
        texts |= {"SHA-256 of the kit's code": run.record.code.sha256}
        texts |= {f"SHA-256 of {name}": sha256 for name, sha256 in run.record.locks.items()}
        texts |= {f"image {kind}": image.sha256 or image.name for kind, image in run.record.images.items()}
    return texts


def _models(run: Run, both: Collection[str]) -> dict[str, str | None]:
    """Which models there are and, of those that `both` runs have, the hashes of their files and how they ran."""
    texts: dict[str, str | None] = dict.fromkeys(run.by_model, "evaluated")
    for model in filter(both.__contains__, run.by_model):
        first = run.by_model[model][0]
        texts |= {f"{model}: SHA-256 of {name}": sha256 for name, sha256 in first.model_files.items()}
        if first.effective:
            effective = first.effective
            texts[f"{model}: ran as"] = f"{effective.device}, {effective.dtype}, {effective.quantization}"
        texts[f"{model}: not as requested"] = first.reason
    return texts


def _questions(run: Run, both: Collection[str]) -> dict[str, str | None]:
    """The number and the hash of the questions that each model of `both` runs answered, by subject."""
    return {
        f"{model} on {subject}": f"{len(evaluation.records)} questions, {questions_sha256(evaluation.records)[:12]}"
        for (model, subject), evaluation in run.evaluations.items()
        if model in both
    }


def _times(a: Run, b: Run, change: AnswerChange) -> TimeChange:
    """A model's times on the subjects that both runs have."""
    model = change.model
    subjects = [subject for name, subject in a.evaluations if name == model and (name, subject) in b.evaluations]
    both = [summaries.summarize(run.merged, model, subjects) for run in (a, b)]
    machines = [
        run.merged.machines[summary.machine] if summary and summary.machine is not None else None
        for run, summary in zip((a, b), both, strict=True)
    ]
    a_s, b_s = (summary.real_s if summary else None for summary in both)
    return TimeChange(model=model, a_s=a_s, b_s=b_s, alike=bool(machines[0] and machines[1] and machines[0].alike(machines[1])))
