"""A study's results as every program reads them: read from the files that jobs wrote, and compared with all that is known.

merged.json and questions.csv are what these files give. Programs that read the two refuse them if they are anything else.
"""

import argparse
import gc
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from mmlu_kit import files, options
from mmlu_kit.config import ImportedEntry
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing
from mmlu_kit.inputs.questions import Question
from mmlu_kit.recall.documents import ChatFile
from mmlu_kit.results import collection, merging, origins, protocols
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.origins import Origins, RunAnswers
from mmlu_kit.results.stability import StabilityFile
from mmlu_kit.results.timing_setups import SetupsFile
from mmlu_kit.study import Study
from mmlu_kit.timing.time_logs import Processes
from mmlu_kit.user_errors import UserError

if TYPE_CHECKING:
    import pandas

MERGED, TABLE = "merged.json", "questions.csv"
_AGAIN = "delete it and run again"


@dataclass(frozen=True)
class StudyResults:
    """A study's results: merged.json's content, the evaluations, and its subjects' questions with few-shot examples."""

    merged: Merged
    outcomes: Sequence[Evaluation | NotRun]
    questions: Sequence[Question]

    def table(self) -> "pandas.DataFrame":
        """Return the content of questions.csv."""
        return merging.table(self.merged.study, self.outcomes)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a study's results and what they were made from."""
    add = parser.add_argument
    add("--study", required=True, help="the resolved study as JSON text")
    add("--results", type=Path, required=True, help="results/<study>, with evaluations/, timings/ and elsewhere/")
    add("--resources", type=Path, required=True, help="the folder with the fetched questions and the models' manifests")
    add(
        "--predictions",
        action="append",
        default=[],
        metavar="MODEL=FILE",
        help="the file that an imported model's answers come from",
    )


def from_options(args: argparse.Namespace) -> StudyResults:
    """Return the results that the options name, from the files that jobs wrote; merged.json is not read.

    Raises UserError if they contradict each other, or what they were made from.
    """
    study = options.from_json(Study, args.study, "--study")
    predictions = {name: Path(path) for name, _, path in (text.partition("=") for text in args.predictions)}
    known = origins.read(study, args.resources, predictions)
    missing = [subject for subject in study.subjects if subject not in known.subjects]
    if missing:
        folder = args.resources / "subjects" / study.subjects_folder
        raise UserError(f"{folder}/{missing[0]}.jsonl does not exist: run the prepare stage first")
    return _collect(study, args.results, known)


def checked(args: argparse.Namespace) -> StudyResults:
    """Return the results as `from_options` does. Raises UserError if merged.json is not what they give."""
    results = from_options(args)
    path = args.results / MERGED
    merged = Merged.read(path)
    if _without_folders(merged.study) != _without_folders(results.merged.study):
        raise UserError(f"{path} is of another study than this run's, or the study was changed in it; {_AGAIN}")
    # Machines may differ in how they shorten folders.
    expected = results.merged.model_copy(update={"study": merged.study})
    _check_equal(path, merged, expected)
    return StudyResults(merged, results.outcomes, results.questions)


def checked_folder(results: Path, resources: Path) -> StudyResults:
    """Return the results in a folder. Raises UserError if merged.json, which names the study, is not what they give.

    They are compared with those of their questions and models that are in `resources`.
    """
    merged = Merged.read(results / MERGED)
    entries = [(name, model) for name, model in merged.study.models.items() if isinstance(model, ImportedEntry)]
    predictions = {name: path for name, entry in entries if (path := Path(entry.predictions)).is_file()}
    collected = _collect(merged.study, results, origins.read(merged.study, resources, predictions))
    _check_equal(results / MERGED, merged, collected.merged)
    return StudyResults(merged, collected.outcomes, collected.questions)


def csv(table: "pandas.DataFrame") -> str:
    """Return the text of questions.csv."""
    return table.to_csv(index=False, lineterminator="\n")


def checked_table(results: StudyResults, folder: Path) -> "pandas.DataFrame":
    """Return the content of questions.csv in a folder of results. Raises UserError if it is not what the results give."""
    path = folder / TABLE
    table = results.table()
    text, expected = files.read_text(path), csv(table)
    if text != expected:
        lines = zip(f"{text}\n".split("\n"), f"{expected}\n".split("\n"), strict=False)
        line = next((number for number, (one, other) in enumerate(lines, 1) if one != other), 1)
        raise UserError(f"{path} was changed after it was made: line {line} is not what the evaluations give; {_AGAIN}")
    return table


def _collect(study: Study, results: Path, known: Origins) -> StudyResults:
    gc.disable()  # it would search a hundred thousand records, which have no cycles, again and again
    try:
        collected = collection.collect(study, results, known)
    finally:
        gc.enable()
    processes = Processes.read(results / "timings/processes.json")
    timings = [timing for timing in collected.timings if isinstance(timing, Timing)]
    collection.check_processes(timings, processes, results / "timings/processes.json")
    merged = merging.merge(
        study,
        collected.outcomes,
        collected.timings,
        processes,
        _setups(study, results / "setups.json", known),
        _stability(study, results / "stability.json", known),
        ChatFile.read(path) if study.chat and (path := results / "chat.json").is_file() else None,
        collected.sources,
    )
    questions = [question for subject in known.subjects.values() for question in subject.with_examples]
    return StudyResults(merged, collected.outcomes, questions)


def _setups(study: Study, path: Path, known: Origins) -> SetupsFile | None:
    """Return the timing setups, None without them. Raises UserError if they did not answer the study's questions."""
    if not study.timing_setups or not path.is_file():
        return None
    setups = SetupsFile.read(path)
    measured = [run.measured for run in setups.runs if run.measured]
    runs = [RunAnswers(run.predicted or "", run.totals.correct, run.totals.guessed) for run in measured]
    origins.check_answers(path, setups.subjects, runs, known)
    generates = protocols.not_generated(study.run[study.timing_setups.model].prompt) is None
    if any((run.totals.correct_generated is not None) != generates for run in measured):
        raise UserError(f"{path}: its runs were not made with the preset of {study.timing_setups.model}; {_AGAIN}")
    return setups


def _stability(study: Study, path: Path, known: Origins) -> StabilityFile | None:
    """Return the stability measurement, None without it. Raises UserError if it did not answer the study's questions."""
    if not study.stability or not path.is_file():
        return None
    stability = StabilityFile.read(path)
    runs = [
        RunAnswers(run.predicted or [], run.correct, choices=[len(logprobs) for logprobs in run.logprobs or []])
        for run in stability.runs
    ]
    origins.check_answers(path, stability.subjects, runs, known)
    return stability


def _check_equal(path: Path, merged: Merged, expected: Merged) -> None:
    """Raise UserError that names the first value of merged.json that is not as expected."""
    if merged == expected:
        return
    key, value, right = _first_difference(merged.plain(), expected.plain())
    values = f"{key} is {value}, but the files that it was made from give {right}"
    raise UserError(f"{path} was changed after it was made, or they were: {values}; {_AGAIN}")


def _first_difference(value: Any, expected: Any) -> tuple[str, str, str]:
    """Return the key of the first value that is not as expected, and both in words."""
    value, expected = _by_name(value), _by_name(expected)
    if isinstance(value, dict) and isinstance(expected, dict):
        for key in dict.fromkeys([*expected, *value]):
            if key not in value or key not in expected:
                one, other = ("there" if key in each else "missing" for each in (value, expected))
                return str(key), one, other
            if value[key] != expected[key]:
                inner, one, other = _first_difference(value[key], expected[key])
                return ".".join(filter(None, [str(key), inner])), one, other
        return "", "in this order", "another"
    return "", _in_words(value), _in_words(expected)


def _by_name(value: Any) -> Any:
    """Return a list as a mapping, with the model and subject of an entry as its key, or its place."""
    if not isinstance(value, list):
        return value
    return {_name(place, entry): entry for place, entry in enumerate(value)}


def _name(place: int, entry: Any) -> str:
    names = [entry[key] for key in ("model", "subject") if key in entry] if isinstance(entry, dict) else []
    return " on ".join(names) or str(place)


def _in_words(value: Any) -> str:
    return "something else" if isinstance(value, dict | list) else json.dumps(value, ensure_ascii=False)[:80]


def _without_folders(study: Study) -> Mapping[str, Any]:
    """Return a study with the base names of its folders and files, which are all that merged.json may keep of them."""
    plain = study.plain()
    for entry in (plain["questions"], *plain["models"].values()):
        for key in ("path", "examples", "label_errors", "predictions"):
            if entry.get(key):
                entry[key] = PurePath(entry[key]).name
    return plain
