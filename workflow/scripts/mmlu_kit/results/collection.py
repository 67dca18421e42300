"""A study's evaluations and timings, read from its results folder and checked against each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing
from mmlu_kit.results import compatibility, locations
from mmlu_kit.study import Study

Pair = tuple[str, str]  # model, subject


@dataclass(frozen=True)
class Collection:
    """Results as read; `sources` maps each (model, subject) that another machine ran to its folder below the results."""

    outcomes: list[Evaluation | NotRun]
    timings: list[Timing | NotRun]
    sources: Mapping[Pair, str]


def collect(study: Study, results: Path) -> Collection:
    """Return the evaluations and timings of a study that exist so far. Raises UserError if they do not fit together."""
    folders = {(model, subject): locations.result_folder(results, model, subject) for model, subject in study.pairs()}
    folders = {pair: folder for pair, folder in folders.items() if locations.evaluation_file(folder, *pair).is_file()}
    outcomes = {pair: records.read_evaluation(locations.evaluation_file(folder, *pair)) for pair, folder in folders.items()}
    for pair, outcome in outcomes.items():
        _check_same_answers(results, pair, folders[pair], outcome)
    names = {pair: locations.evaluation_file(folder, *pair).relative_to(results) for pair, folder in folders.items()}
    evaluations = {pair: outcome for pair, outcome in outcomes.items() if isinstance(outcome, Evaluation)}
    compatibility.check({names[pair].as_posix(): evaluation for pair, evaluation in evaluations.items()})
    return Collection(
        outcomes=list(outcomes.values()),
        timings=[
            records.read_timing(locations.timing_file(folder, *pair))
            for pair, folder in folders.items()
            if pair[0] not in study.imported
        ],
        sources={pair: folder.relative_to(results).as_posix() for pair, folder in folders.items() if folder != results},
    )


def _check_same_answers(results: Path, pair: Pair, folder: Path, outcome: Evaluation | NotRun) -> None:
    """Raise UserError if the results of any machine contradict `outcome`, the result that is used."""
    path = locations.evaluation_file(folder, *pair)
    for other in (results, *locations.other_machines(results)):
        other_path = locations.evaluation_file(other, *pair)
        if other != folder and other_path.is_file():
            compatibility.check_same_answers(str(path), outcome, str(other_path), records.read_evaluation(other_path))
