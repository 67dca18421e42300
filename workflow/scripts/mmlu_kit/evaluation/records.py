"""The files of an evaluation: one model's answers to one subject, and their times.

Answers are the same on every run. Times, dates, hosts and memory are not, so they have a file of their own.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field

from mmlu_kit import files
from mmlu_kit.data import Bytes, Count, Data, Document, Positive, Sha256, Text, version
from mmlu_kit.evaluation import answer_parser
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.settings import LETTERS, Effective, Letter, LoadSettings, Requested
from mmlu_kit.timing.gpu import GpuUse
from mmlu_kit.timing.machine import Machine
from mmlu_kit.timing.phase_timer import StartPhases, SubjectPhases
from mmlu_kit.user_errors import UserError

# The version of scoring. Bump it whenever answers or probabilities can change: results of two versions are never merged.
SCORING = 1


def _each_letter(logprobs: dict[str, float]) -> dict[str, float]:
    if sorted(logprobs) != sorted(LETTERS):
        raise ValueError(f"one number for each of {', '.join(LETTERS)} is needed")
    return logprobs


LetterLogprobs = Annotated[dict[str, float], AfterValidator(_each_letter)]


class Record(Data):
    """One model's answer to one question; null where an imported answer does not tell."""

    subject: str
    index: Count = Field(description="The question's place in its subject's test split.")
    question_sha256: Sha256 = Field(description="Of question, choices and answer.")
    prompt_sha256: Sha256 | None = Field(None, description="Of the prompt's text.")
    prompt_tokens: Positive | None = None
    examples: Count | None = Field(None, description="Few-shot examples in the prompt.")
    gold: Letter = Field(description="The right answer.")
    predicted: Letter | None = Field(description="The best letter; null where an imported prediction is none.")
    correct: bool = Field(description="Whether the best letter is the right one.")
    generated: str = Field(description="The text that the model writes (greedy).")
    parsed: Letter | None = Field(description="The letter parsed from it; null where there is none.")
    correct_generated: bool = Field(description="Whether the parsed letter is the right one.")
    letter_logprobs: LetterLogprobs | None = Field(
        None, description="Natural logarithm of each letter's probability, softmax over the whole vocabulary in float32."
    )
    letter_mass: Annotated[float, Field(ge=0)] | None = Field(None, description="The letters' probability together.")


class Totals(Data):
    """Counts over records."""

    questions: Count = Field(description="Questions asked.")
    correct: Count = Field(description="Right by the best letter.")
    correct_generated: Count = Field(description="Right by the generated letter.")
    parsed: Count = Field(description="Answers from which a letter could be parsed.")

    @classmethod
    def over(cls, records: Sequence[Record]) -> Self:
        """The counts of some records."""
        return cls(
            questions=len(records),
            correct=sum(record.correct for record in records),
            correct_generated=sum(record.correct_generated for record in records),
            parsed=sum(record.parsed is not None for record in records),
        )


class Evaluation(Document):
    """evaluations/<model>/<subject>.json: one model's answers to one subject's questions.

    The same bytes on every run of one image and processor. Imported answers have null where the other run is unknown.
    """

    schema_: Literal["mmlu-kit/evaluation/4"] = version("mmlu-kit/evaluation/4")
    scoring: Positive | None = Field(description="The version of the kit's scoring; null where another program scored.")
    model: str = Field(description="The model's name in config.")
    repository: str | None = Field(description="Where it came from on the hub; null for a local folder.")
    commit: str | None = Field(description="The repository's commit; null for a local folder.")
    parameters: Count | None = Field(description="Floating-point parameters in the checkpoint's headers.")
    model_files: dict[str, Sha256] = Field(
        description="The SHA-256 of every file the model was loaded from, or of the file its answers were imported from."
    )
    requested: Requested | None = Field(description="How config asked for it to run.")
    effective: Effective | None = Field(description="How it ran.")
    reason: str | None = Field(description="Why it did not run as requested; null where it did.")
    subject: str
    totals: Totals
    records: Annotated[list[Record], Field(min_length=1)] = Field(description="One a question, in the questions' order.")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The evaluation in a file; one that contradicts itself, as after an edit by hand, raises UserError."""
        evaluation = super().read(path)
        problem = evaluation.contradiction()
        if problem:
            raise UserError(f"{path} was changed after it was made: {problem}; delete it and run again")
        return evaluation

    def contradiction(self) -> str | None:
        """The first entry that contradicts the rest of the evaluation, None where none does."""
        # An imported answer has no probabilities, and by which rule it was parsed is not known.
        imported = self.requested is None
        # Another version of scoring may parse letters by other rules.
        by_these_rules = not imported and self.scoring == SCORING
        for record in self.records:
            logprobs = record.letter_logprobs
            follows = {
                "subject": record.subject == self.subject,
                "correct": record.correct == (record.predicted == record.gold),
                "correct_generated": record.correct_generated == (record.parsed == record.gold),
                "letter_logprobs": imported or (logprobs is not None and max(logprobs.values()) <= 0),
                "predicted": logprobs is None or logprobs.get(record.predicted or "") == max(logprobs.values()),
                "parsed": not by_these_rules or record.parsed == answer_parser.parse(record.generated),
            }
            wrong = next((key for key, agrees in follows.items() if not agrees), None)
            if wrong:
                return f"{wrong} of question {record.index} does not follow from its other entries"
        if self.totals != Totals.over(self.records):
            return "totals are not those of its questions"
        indices = [record.index for record in self.records]
        return None if len(set(indices)) == len(indices) else "a question is there twice"


class Timing(Document, StartPhases, SubjectPhases, GpuUse):
    """timings/<model>/<subject>.json: times and memory of one model's subject, measured inside the program, and the machine."""

    schema_: Literal["mmlu-kit/timing/3"] = version("mmlu-kit/timing/3")
    model: str
    subject: str
    questions_scored: Count = Field(description="Questions that this process scored.")
    resumed: bool = Field(description="An earlier process scored some questions, so these times measure only the rest.")
    tokens_per_batch: Positive = Field(description="Tokens computed at a time.")
    process: str | None = Field(description="The /usr/bin/time log of the process; null where there is none.")
    threads: Positive
    process_started: str = Field(description="When the process began, UTC, ISO 8601.")
    started: str = Field(description="When the subject was begun, UTC, ISO 8601.")
    peak_rss_bytes: Bytes = Field(description="The process's largest resident memory until then.")
    machine: Machine = Field(description="The machine and the versions of what computes.")


class NotRun(Document):
    """A placeholder for an evaluation, a timing or a file of chat/ that was skipped (`on_unavailable: skip`).

    `make retry` removes it and runs again.
    """

    schema_: Literal["mmlu-kit/not_run/1"] = version("mmlu-kit/not_run/1")
    model: str = Field(description="The model's name in config.")
    requested: Requested | LoadSettings = Field(description="How config asked for it to run.")
    reason: Text = Field(description="Why it was not run.")
    subject: str = Field(description="The subject, or chat for a part of the recall experiment.")


def is_not_run(path: Path) -> bool:
    """Whether a JSON file is a "not run" placeholder."""
    value = files.read_json(path)
    return isinstance(value, dict) and value.get("schema") == NotRun.form()


def read_evaluation(path: Path) -> Evaluation | NotRun:
    """An evaluation or its placeholder."""
    return NotRun.read(path) if is_not_run(path) else Evaluation.read(path)


def read_timing(path: Path) -> Timing | NotRun:
    """A timing or its placeholder."""
    return NotRun.read(path) if is_not_run(path) else Timing.read(path)


def questions_sha256(records: Iterable[Record]) -> str:
    """A hash of the questions and their order: times are compared only where it is equal."""
    return files.sha256(" ".join(record.question_sha256 for record in records))


def evaluation(
    model: str,
    manifest: Manifest,
    requested: Requested,
    effective: Effective,
    reason: str | None,
    subject: str,
    records: Sequence[Record],
) -> Evaluation:
    """The evaluation of one model and subject; `reason` says why `effective` is not as requested, None where it is."""
    return Evaluation(
        scoring=SCORING,
        model=model,
        repository=manifest.repository,
        commit=manifest.commit,
        parameters=manifest.parameters,
        model_files=manifest.hashes,
        requested=requested,
        effective=effective,
        reason=reason,
        subject=subject,
        totals=Totals.over(records),
        records=list(records),
    )


def imported(model: str, file: str, sha256: str, subject: str, records: Sequence[Record]) -> Evaluation:
    """The evaluation of a model with imported answers, from a file of this name and digest."""
    return Evaluation(
        scoring=None,
        model=model,
        repository=None,
        commit=None,
        parameters=None,
        model_files={file: sha256},
        requested=None,
        effective=None,
        reason=None,
        subject=subject,
        totals=Totals.over(records),
        records=list(records),
    )
