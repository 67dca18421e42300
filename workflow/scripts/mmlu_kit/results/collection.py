"""A study's evaluations and timings, read from its results folder and compared with what they were made from.

Evaluations are compared with the subjects' questions, the models' files and each other, timings with their evaluations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing
from mmlu_kit.results import compatibility, locations, origins
from mmlu_kit.results.origins import Origins
from mmlu_kit.study import Study
from mmlu_kit.timing import limits, time_logs
from mmlu_kit.timing.time_logs import Processes
from mmlu_kit.user_errors import UserError

Pair = tuple[str, str]  # model, subject


@dataclass(frozen=True)
class Collection:
    """Results as read; `sources` maps each (model, subject) that another machine ran to its folder below the results."""

    outcomes: list[Evaluation | NotRun]
    timings: list[Timing | NotRun]
    sources: Mapping[Pair, str]


def collect(study: Study, results: Path, made_from: Origins) -> Collection:
    """Return the evaluations and timings of a study that exist so far.

    Raises UserError if they do not fit together, or do not fit the questions and models that they were made from.
    """
    folders = {(model, subject): locations.result_folder(results, model, subject) for model, subject in study.pairs()}
    folders = {pair: folder for pair, folder in folders.items() if locations.evaluation_file(folder, *pair).is_file()}
    paths = {pair: locations.evaluation_file(folder, *pair) for pair, folder in folders.items()}
    outcomes = {pair: records.read_evaluation(path) for pair, path in paths.items()}
    for pair, outcome in outcomes.items():
        check_names(paths[pair], pair, outcome)
        advice = "delete it and run again" if folders[pair] == results else "unpack results that were made from them"
        if isinstance(outcome, Evaluation):
            origins.check(paths[pair], outcome, made_from, advice)
            if (outcome.requested is None) != (pair[0] in study.imported):
                raise UserError(f"{paths[pair]} was not made from what the study names for {pair[0]}: {advice}")
        _check_same_answers(results, pair, folders[pair], outcome)
    timings = {
        pair: _timing(folder, pair, outcomes[pair], "delete both and run again" if folder == results else "unpack them again")
        for pair, folder in folders.items()
        if pair[0] not in study.imported
    }
    names = {pair: path.relative_to(results).as_posix() for pair, path in paths.items()}
    evaluations = {pair: outcome for pair, outcome in outcomes.items() if isinstance(outcome, Evaluation)}
    compatibility.check({names[pair]: evaluation for pair, evaluation in evaluations.items()})
    return Collection(
        outcomes=list(outcomes.values()),
        timings=list(timings.values()),
        sources={pair: folder.relative_to(results).as_posix() for pair, folder in folders.items() if folder != results},
    )


def check_processes(timings: Sequence[Timing], processes: Processes, path: Path) -> None:
    """Raise UserError naming `path`, processes.json, if it is not what the logs say that are there, or if a process took less
    time than what it did."""
    for name, process in processes.root.items():
        log = locations.named_log(path.parents[1], name)
        if log.is_file() and time_logs.read_time_log(log) != process:
            raise UserError(f"{path}: {name} is not what {log} says; delete {path} and run again")
        of_process = [timing for timing in timings if timing.process == name]
        if not of_process:
            continue
        start = of_process[0].startup_s + of_process[0].load_s
        try:
            limits.check_part("its subjects", start + sum(timing.real_s for timing in of_process), "real_s", process.real_s)
            limits.check_cpu(process.user_s + (process.system_s or 0.0), process.real_s, of_process[0].machine)
        except ValueError as error:
            raise UserError(f"{path}: {name}: {error}; if the kit wrote it, delete it and run again") from None


def check_names(path: Path, pair: Pair, result: Evaluation | Timing | NotRun) -> None:
    """Raise UserError if a file is not of the model and subject that its path names."""
    if (result.model, result.subject) != pair:
        raise UserError(f"{path} is the result of {result.model} on {result.subject}: the file was renamed or changed")


def _timing(folder: Path, pair: Pair, outcome: Evaluation | NotRun, advice: str) -> Timing | NotRun:
    """Return the timing of an evaluation. Raises UserError, which ends with `advice`, if it contradicts the evaluation."""
    path = locations.timing_file(folder, *pair)
    timing = records.read_timing(path)
    check_names(path, pair, timing)
    if isinstance(timing, NotRun) != isinstance(outcome, NotRun):
        raise UserError(f"{path} and {locations.evaluation_file(folder, *pair)} contradict each other: {advice}")
    if isinstance(timing, Timing) and timing.process and PurePosixPath(timing.process).parts[:-1] != (pair[0],):
        raise UserError(f"{path}: '{timing.process[:80]}' is not the log of a process of {pair[0]}: {advice}")
    if isinstance(timing, Timing) and isinstance(outcome, Evaluation):
        compatibility.check_timing(timing, outcome, str(path), advice)
    return timing


def _check_same_answers(results: Path, pair: Pair, folder: Path, outcome: Evaluation | NotRun) -> None:
    """Raise UserError if the results of any machine contradict `outcome`, the result that is used."""
    path = locations.evaluation_file(folder, *pair)
    for other in (results, *locations.other_machines(results)):
        other_path = locations.evaluation_file(other, *pair)
        if other != folder and other_path.is_file():
            compatibility.check_same_answers(str(path), outcome, str(other_path), records.read_evaluation(other_path))
