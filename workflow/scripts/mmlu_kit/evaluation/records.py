"""The files of an evaluation: one model's answers on one subject, and the times.

Answers are the same in every run. Times, dates, hosts and memory are not, so they are in a separate file.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mmlu_kit import files
from mmlu_kit.data import Bytes, Count, Data, Document, Positive, Sha256, Text, at_most, version
from mmlu_kit.evaluation import answer_parser
from mmlu_kit.evaluation.manner import Conversation, Packing
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.settings import LETTERS, Effective, Letter, LoadSettings, Preset, Requested
from mmlu_kit.timing.gpu import GpuUse
from mmlu_kit.timing.machine import Machine
from mmlu_kit.timing.phase_timer import StartPhases, SubjectPhases
from mmlu_kit.user_errors import UserError

# The version of scoring. Bump it whenever answers or probabilities can change; results of different versions are never merged.
SCORING = 2


def _each_letter(logprobs: dict[str, float]) -> dict[str, float]:
    if sorted(logprobs) != sorted(LETTERS):
        raise ValueError(f"needs one number for each of {', '.join(LETTERS)}")
    return logprobs


LetterLogprobs = Annotated[dict[str, float], AfterValidator(_each_letter)]


class Record(Data):
    """One model's answer to one question; values unknown for imported answers are null."""

    subject: str
    index: Count = Field(description="The question's index in its subject's test split, from 0.")
    question_sha256: Sha256 = Field(description="The hash of question, choices and answer.")
    prompt_sha256: Sha256 | None = Field(
        None, description="The hash of the prompt's text, and of its template arguments if any."
    )
    prompt_tokens: Positive | None = None
    examples: Count | None = Field(None, description="Few-shot examples in the prompt.")
    gold: Letter = Field(description="The right answer.")
    predicted: Letter | None = Field(
        description="The best letter: the most probable one; null if an imported prediction is not a letter."
    )
    correct: bool = Field(description="Whether the best letter is the right one.")
    generated: str = Field(description="The text that the model generates (greedy).")
    parsed: Letter | None = Field(description="The letter parsed from it; null if it is unparsed.")
    correct_generated: bool = Field(description="Whether the parsed letter is the right one.")
    letter_logprobs: LetterLogprobs | None = Field(
        None, description="Natural logarithm of each letter's probability, softmax over the whole vocabulary in float32."
    )
    letter_mass: Annotated[float, Field(ge=0)] | None = Field(None, description="The sum of the letters' probabilities.")


class Totals(Data):
    """Counts over records."""

    questions: Count = Field(description="All questions.")
    correct: Count = Field(description="Right by the best letter.")
    correct_generated: Count = Field(description="Right by the generated letter.")
    parsed: Count = Field(description="Answers from which a letter could be parsed.")
    _limits = model_validator(mode="after")(at_most("questions", "correct", "correct_generated", "parsed"))

    @classmethod
    def over(cls, records: Sequence[Record]) -> Self:
        """Count records."""
        return cls(
            questions=len(records),
            correct=sum(record.correct for record in records),
            correct_generated=sum(record.correct_generated for record in records),
            parsed=sum(record.parsed is not None for record in records),
        )


class Evaluation(Document):
    """evaluations/<model>/<subject>.json: one model's answers on one subject.

    The file has the same bytes in every run with one image and processor. What is unknown of imported answers is null.
    """

    schema_: Literal["mmlu-kit/evaluation/5"] = version("mmlu-kit/evaluation/5")
    scoring: Positive | None = Field(description="The version of the kit's scoring; null for imported answers.")
    model: str = Field(description="The model's name in config.")
    repository: str | None = Field(description="The model's repository on the hub; null for a local folder.")
    commit: str | None = Field(description="The repository's commit; null for a local folder.")
    parameters: Count | None = Field(description="Parameters in the checkpoint, as in its manifest.")
    model_files: dict[str, Sha256] = Field(
        description="The SHA-256 of every file that the model was loaded from, or of the file with the imported answers."
    )
    requested: Requested | None = Field(description="The configuration that config requests.")
    effective: Effective | None = Field(description="The configuration in which the model ran.")
    reason: str | None = Field(description="Why it did not run as requested; null if it did.")
    conversation: Conversation | None = Field(
        description="How the model's chat template takes the questions; null for other presets and imported answers."
    )
    subject: str
    packing: Packing | None = Field(None, description="Which questions were computed together; null for imported answers.")
    totals: Totals
    records: Annotated[list[Record], Field(min_length=1)] = Field(description="One for each question, in the questions' order.")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read an evaluation; one that contradicts itself, for example after an edit by hand, raises UserError."""
        evaluation = super().read(path)
        problem = evaluation.contradiction()
        if problem:
            raise UserError(f"{path} was changed after it was made: {problem}; delete it and run again")
        return evaluation

    def contradiction(self) -> str | None:
        """Describe the first inconsistency in the evaluation, None if there is none."""
        # Imported answers have no probabilities, and their letters may have been parsed by other rules.
        imported = self.requested is None
        # Another version of scoring may parse letters by other rules.
        same_rules = not imported and self.scoring == SCORING
        in_thought = self.conversation is not None and self.conversation.open_thought
        for record in self.records:
            logprobs = record.letter_logprobs
            consistent = {
                "subject": record.subject == self.subject,
                "correct": record.correct == (record.predicted == record.gold),
                "correct_generated": record.correct_generated == (record.parsed == record.gold),
                "letter_logprobs": imported or (logprobs is not None and max(logprobs.values()) <= 0),
                "predicted": logprobs is None or logprobs.get(record.predicted or "") == max(logprobs.values()),
                "parsed": not same_rules or record.parsed == answer_parser.parse(record.generated, in_thought),
            }
            wrong = next((key for key, agrees in consistent.items() if not agrees), None)
            if wrong:
                return f"{wrong} of question {record.index} contradicts its other entries"
        if self.totals != Totals.over(self.records):
            return "the totals contradict the records"
        counted = self.packing.packed + self.packing.alone if self.packing else 0
        if counted != (0 if imported else len(self.records)):
            return "the counts of packed questions contradict the records"
        if (self.conversation is not None) != (self.requested is not None and self.requested.preset == Preset.CHAT):
            return "the form of its conversations contradicts its preset"
        indices = [record.index for record in self.records]
        return None if len(set(indices)) == len(indices) else "a question occurs twice"


class Timing(Document, StartPhases, SubjectPhases, GpuUse):
    """timings/<model>/<subject>.json: times and memory of a model on a subject, measured by the program, and the machine."""

    schema_: Literal["mmlu-kit/timing/3"] = version("mmlu-kit/timing/3")
    model: str
    subject: str
    questions_scored: Count = Field(description="Questions that this process scored.")
    resumed: bool = Field(
        description="Whether an earlier process scored some questions, so that the times cover only the rest."
    )
    tokens_per_batch: Positive = Field(description="Tokens in one forward pass.")
    process: str | None = Field(description="The name of the process's /usr/bin/time log; null if there is none.")
    threads: Positive
    process_started: str = Field(description="When the process started, UTC, ISO 8601.")
    started: str = Field(description="When the subject was started, UTC, ISO 8601.")
    peak_rss_bytes: Bytes = Field(description="The process's peak resident memory so far.")
    machine: Machine = Field(description="The machine and the versions of packages that can change a score.")


class NotRun(Document):
    """A placeholder for an evaluation, a timing or a file in chat/ that was skipped (`on_unavailable: skip`).

    `make retry` deletes placeholders and runs again.
    """

    schema_: Literal["mmlu-kit/not_run/2"] = version("mmlu-kit/not_run/2")
    model: str = Field(description="The model's name in config.")
    requested: Requested | LoadSettings = Field(description="The configuration that config requests.")
    reason: Text = Field(description="Why the model was not run.")
    subject: str = Field(description="The subject, or 'chat' for a file of the recall experiment.")


def is_not_run(path: Path) -> bool:
    """Whether a JSON file is a "not run" placeholder."""
    value = files.read_json(path)
    return isinstance(value, dict) and value.get("schema") == NotRun.form()


def read_evaluation(path: Path) -> Evaluation | NotRun:
    """Read an evaluation or its placeholder."""
    return NotRun.read(path) if is_not_run(path) else Evaluation.read(path)


def read_timing(path: Path) -> Timing | NotRun:
    """Read a timing or its placeholder."""
    return NotRun.read(path) if is_not_run(path) else Timing.read(path)


def questions_sha256(records: Iterable[Record]) -> str:
    """A hash of the questions and their order; times are compared only between runs with equal hashes."""
    return files.sha256(" ".join(record.question_sha256 for record in records))


def evaluation(
    model: str,
    manifest: Manifest,
    requested: Requested,
    effective: Effective,
    reason: str | None,
    subject: str,
    records: Sequence[Record],
    packing: Packing,
    conversation: Conversation | None = None,
) -> Evaluation:
    """Create the evaluation of a model on a subject; `reason` says why `effective` is not as requested, None if it is."""
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
        conversation=conversation,
        subject=subject,
        packing=packing,
        totals=Totals.over(records),
        records=list(records),
    )


def imported(model: str, file: str, sha256: str, subject: str, records: Sequence[Record]) -> Evaluation:
    """Create the evaluation of a model whose answers were imported from a file with this name and hash."""
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
        conversation=None,
        subject=subject,
        totals=Totals.over(records),
        records=list(records),
    )
