"""The study that a config names, resolved: validated, defaults filled in, in the form stored in merged.json."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from mmlu_kit import config as configs
from mmlu_kit import study_checks as checks
from mmlu_kit.config import PARTS, AnyModel, ChatEntry, ImportedEntry, ModelEntry, StudyEntry, SubjectsOfModel
from mmlu_kit.data import Data, Entry, Name
from mmlu_kit.settings import COMPRESSIONS, DEVICE_WORDS, Device, LoadSettings, OnUnavailable, Quantization
from mmlu_kit.source_entries import QuestionSet
from mmlu_kit.typed_values import intended_name
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import suggestion

AnyEntry = TypeVar("AnyEntry", bound=Entry)


class StudyQuestions(QuestionSet):
    """The study's questions."""

    name: Name = Field(description="The question set's name in config.")


class Group(Data):
    """Models that the report shows together."""

    name: str
    title: str
    models: list[str]


class Setup(LoadSettings):
    """A timing setup with all settings filled in."""

    name: str = Field(description="As in the names of its logs, for example 'setup_1_gpu_no_quant'.")
    number: int
    on_unavailable: OnUnavailable


class TimingSetups(Data):
    """The study's timing setups."""

    model: str
    subjects: list[str]
    repeats: int
    setups: list[Setup]


class Study(Data):
    """A study with defaults filled in."""

    name: Name
    title: str
    notice: str
    subjects: list[str]
    left_out: dict[str, str] | None = Field(
        None, description="Of `subjects: all`, those that the question set has not whole, and why; null for named subjects."
    )
    limit: int | None = Field(None, description="Only the first so many questions of each subject are asked; null for all.")
    questions: StudyQuestions
    reference: str | None = Field(None, description="The folder of published numbers and claims, as in config.")
    models: dict[str, AnyModel]
    groups: list[Group]
    baseline: SubjectsOfModel | None
    timing_setups: TimingSetups | None
    stability: SubjectsOfModel | None
    chat: ChatEntry | None
    only: list[str] = Field(description="The chosen parts; empty for all.")

    def pairs(self) -> list[tuple[str, str]]:
        """Every (model, subject) to evaluate, without duplicates, in the report's order."""
        baseline = [(self.baseline.model, subject) for subject in self.baseline.subjects] if self.baseline else []
        grouped = [(model, subject) for group in self.groups for model in group.models for subject in self.subjects]
        return list(dict.fromkeys([*baseline, *grouped]))

    @property
    def left_out_in_words(self) -> list[str]:
        """Which subjects are left out and why, a line for each reason, the rarest reason first."""
        subjects: dict[str, list[str]] = {}
        for subject, reason in (self.left_out or {}).items():
            subjects.setdefault(reason, []).append(subject)
        return [f"{', '.join(subjects[reason])}: {reason}" for reason in sorted(subjects, key=lambda one: len(subjects[one]))]

    @property
    def imported(self) -> list[str]:
        """Names of the models whose answers are imported instead of run."""
        return [name for name, model in self.models.items() if isinstance(model, ImportedEntry)]

    @property
    def run(self) -> dict[str, ModelEntry]:
        """Models that are run, by name."""
        return {name: model for name, model in self.models.items() if isinstance(model, ModelEntry)}

    @property
    def loaded_once(self) -> list[str]:
        """Names of the models that one job evaluates on all their subjects; other models have one job for each subject."""
        run = self.run
        return [model for model in dict.fromkeys(model for model, _ in self.pairs()) if model in run and run[model].load_once]

    @property
    def only_baseline(self) -> list[str]:
        """The baseline's model, in a list, if no group has it; it answers the baseline's subjects alone."""
        grouped = [model for group in self.groups for model in group.models]
        return [self.baseline.model] if self.baseline and self.baseline.model not in grouped else []

    def process(self, model: str, subject: str) -> str:
        """The path, relative to timings/, of the /usr/bin/time log of the process that evaluates a model on a subject."""
        return f"{model}/{'together' if model in self.loaded_once else subject}.time"

    def manifest(self, model: str) -> str:
        """The path, relative to resources/models/, of a model's manifest."""
        return f"{model}@{self.run[model].at}.json"

    @property
    def paths(self) -> list[str]:
        """The local folders and files named in the study's config."""
        named = [
            self.questions.path,
            self.questions.examples,
            self.questions.label_errors,
            self.reference,
            *(model.path for model in self.run.values()),
            *(model.adapter.path for model in self.run.values() if model.adapter),
        ]
        imported = [model.predictions for model in self.models.values() if isinstance(model, ImportedEntry)]
        return [path for path in [*named, *imported] if path]

    @property
    def subjects_folder(self) -> str:
        """The folder of the questions, relative to resources/subjects/; one of its own for each `limit`."""
        limit = "" if self.limit is None else f"-first-{self.limit}"
        return f"{self.questions.name}@{self.questions.at}{limit}"


def resolve(config: Mapping[str, Any], locate: Callable[[str], str] = str) -> Study:
    """Return the study that `config['study']` names; an invalid config raises UserError naming the key.

    Local files are not read: `whole_subjects.only` checks the subjects that are named, and finds those of `subjects: all`.
    `locate` gives the path, from the working directory, of a file or folder that config names.
    """
    parsed = configs.parse(config)
    study = intended_name(parsed.study, parsed.studies)
    entry = checks.named(parsed.studies, study, "study")
    where = f"config: studies.{study}"
    parts = {name: part for name in PARTS if (part := getattr(entry, name)) is not None}
    only = [intended_name(name, [*entry.groups, *parts]) for name in parsed.only]
    for name in only:
        if name not in (*entry.groups, *parts):
            known = checks.known(name, [*entry.groups, *parts])
            raise UserError(f"config: only: the study '{study}' has no group '{name}'; it has {known}")
    groups = [
        Group(name=name, title=group.title, models=group.models)
        for name, group in entry.groups.items()
        if not only or name in only
    ]
    chosen = {name: part for name, part in parts.items() if not only or name in only}
    questions = _located(checks.named(parsed.questions, entry.questions, "question set"), locate)
    checks.check_exists(questions, f"config: questions.{entry.questions}")
    subjects = _subjects(entry, questions, where)
    needed = [model for part in chosen.values() for model in (part.models if isinstance(part, ChatEntry) else [part.model])]
    for name in needed:
        if isinstance(parsed.models.get(name), ImportedEntry):
            raise UserError(f"{where}: '{name}' has only imported predictions and cannot be run: name it only in groups")
    if "stability" in chosen:
        checks.check_letters(chosen["stability"].model, parsed.models, f"{where}.stability.model")
    names = dict.fromkeys([*needed, *(model for group in groups for model in group.models)])
    load_once = parsed.load_once if entry.load_once is None else entry.load_once
    models: dict[str, Any] = {
        name: _with_default(_located(checks.named(parsed.models, name, "model"), locate), load_once) for name in names
    }
    for name, model in models.items():
        checks.check_exists(model, f"config: models.{name}")
    if entry.reference and not Path(locate(entry.reference)).is_dir():
        what = "name one with published.yaml and claims.yaml"
        raise UserError(f"{where}.reference: there is no folder {entry.reference}: {what}")
    if "chat" in chosen:
        checks.check_strategies(chosen["chat"].strategies, f"{where}.chat")
    setups = chosen.get("timing_setups")
    resolved = Study(
        name=study,
        title=entry.title,
        notice=entry.notice.strip(),
        subjects=subjects,
        left_out={} if entry.subjects == "all" else None,
        limit=entry.limit if parsed.limit is None else parsed.limit,
        questions=StudyQuestions(name=entry.questions, **questions.model_dump()),
        reference=entry.reference,
        models=models,
        groups=groups,
        baseline=chosen.get("baseline"),
        timing_setups=_timing_setups(setups, models[setups.model], f"{where}.timing_setups") if setups else None,
        stability=chosen.get("stability"),
        chat=chosen.get("chat"),
        only=only,
    )
    if questions.path is None:
        check_parts(resolved)
    return resolved


def check_parts(study: Study) -> None:
    """Raise UserError if a part of a study names a subject that the study does not have."""
    for name in PARTS:
        for subject in getattr(getattr(study, name), "subjects", []):
            if subject not in study.subjects:
                raise UserError(f"config: studies.{study.name}.{name}: '{subject}' is not among the study's subjects")


def _subjects(entry: StudyEntry, questions: QuestionSet, where: str) -> list[str]:
    """The subjects that a study names or, of a repository, has; none for all of local files, which must be read for that."""
    known = {} if questions.path else questions.titles
    if entry.subjects == "all":
        if known is None:
            raise UserError(f"config: questions.{entry.questions}: list its subjects in `subjects`, as the study asks all")
        return list(known)
    for subject in entry.subjects:
        if known and subject not in known:
            raise UserError(f"{where}.subjects: '{subject}' is not known; {suggestion(subject, known)}")
    return entry.subjects


def setup_name(number: int, device: Device, quantization: Quantization) -> str:
    """The name of a setup and of its logs: 'setup_1_gpu_no_quant'."""
    word = COMPRESSIONS[quantization].word if quantization in COMPRESSIONS else "no"
    return f"setup_{number}_{DEVICE_WORDS.get(device, device)}_{word}_quant"


def _timing_setups(entry: configs.TimingSetupsEntry, model: ModelEntry, where: str) -> TimingSetups:
    """The timing setups with names; a setup without a number format gets its model's."""
    numbers = [setup.number for setup in entry.setups]
    if len(set(numbers)) < len(numbers):
        raise UserError(f"{where}: two setups have the same number")
    setups = [
        Setup(
            name=setup_name(setup.number, setup.device, setup.quantization),
            number=setup.number,
            device=setup.device,
            dtype=setup.dtype or model.dtype,
            quantization=setup.quantization,
            on_unavailable=setup.on_unavailable,
        )
        for setup in entry.setups
    ]
    return TimingSetups(model=entry.model, subjects=entry.subjects, repeats=entry.repeats, setups=setups)


def _with_default(model: AnyModel, load_once: bool) -> AnyModel:
    """A model's entry with the study's `load_once` if it has none of its own."""
    has_own = isinstance(model, ImportedEntry) or "load_once" in model.model_fields_set
    return model if has_own else model.model_copy(update={"load_once": load_once})


def _located(entry: AnyEntry, locate: Callable[[str], str]) -> AnyEntry:
    """An entry with its files and folders where `locate` says that they are."""
    names = ("path", "examples", "label_errors", "predictions")
    paths = {name: path for name in names if (path := getattr(entry, name, None))}
    changes: dict[str, Any] = {name: locate(path) for name, path in paths.items()}
    if adapter := getattr(entry, "adapter", None):
        changes["adapter"] = _located(adapter, locate)
    return entry.model_copy(update=changes)
